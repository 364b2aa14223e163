// Pairing of values by name, and both graphs batch by batch.
#include "engine/compare_layers.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <string_view>

#include "engine/dequantized.h"
#include "runtime/error.h"
#include "runtime/threads.h"

namespace godwit::engine {
namespace {

bool is_clamp(const Node& node) { return node.op->kind == ops::OpKind::clamp; }

bool is_rounding(const Node& node) {
  return node.op->kind == ops::OpKind::quantize || node.op->kind == ops::OpKind::dequantize;
}

}  // namespace

std::vector<LayerPair> pair_layers(const Graph& reference, const Graph& other) {
  std::map<std::string_view, ValueId> known;
  for (const Node& node : reference.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) known.emplace(reference.value(id).name, id);
    }
  }
  const std::vector<NodeId> producers = other.producers();
  const std::vector<std::vector<NodeId>> consumers = other.consumers();
  const auto only_clamped = [&](ValueId id) {
    const std::vector<NodeId>& readers = consumers[static_cast<std::size_t>(id)];
    return readers.size() == 1 && !other.is_output(id) &&
           is_clamp(other.nodes[static_cast<std::size_t>(readers.front())]);
  };
  std::vector<LayerPair> pairs;
  for (const Node& node : other.nodes) {
    if (is_rounding(node) || node.outputs.empty() || node.outputs[0] == kNoValue) continue;
    const ValueId id = node.outputs[0];
    const Value& value = other.value(id);
    const auto found = known.find(value.name);
    if (found == known.end() || value.constant || value.desc.dtype != DType::f32 || only_clamped(id))
      continue;
    if (reference.value(found->second).desc.dtype != DType::f32) continue;
    LayerPair pair{node.name, std::string(node.op->name), found->second, rounded_value(other, id)};
    if (is_clamp(node)) {
      const NodeId producer = producers[static_cast<std::size_t>(node.inputs[0])];
      if (producer != kNoNode && only_clamped(node.inputs[0])) {
        const Node& first = other.nodes[static_cast<std::size_t>(producer)];
        pair.layers = fmt::format("{} + {}", first.name, node.name);
        pair.op = first.op->name;
      }
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::vector<Difference> compare_layers(const Graph& reference, const CalibrationImages& images,
                                       const Graph& other, const CompileOptions& other_compile,
                                       const std::vector<LayerPair>& pairs) {
  std::vector<ValueId> wanted, given;
  for (const LayerPair& pair : pairs) {
    wanted.push_back(pair.reference);
    given.push_back(pair.other);
  }
  Observer expected(reference, wanted, images.compile), actual(other, given, other_compile);
  std::vector<Difference> differences(pairs.size());
  expected.run(images, [&](std::span<const Tensor> inputs, std::span<const Tensor> values) {
    const std::span<const Tensor> others = actual.look(inputs);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (values[i].shape() == others[i].shape()) continue;
      throw Error(
          fmt::format("'{}' is {} in the reference and {} in the other model; expected two models "
                      "of the same layers",
                      pairs[i].layers, values[i].shape().to_string(), others[i].shape().to_string()));
    }
    for_each_item(chosen_threads(images.compile.threads), pairs.size(),
                  [&](std::size_t i) { differences[i].add(values[i], others[i]); });
  });
  return differences;
}

}  // namespace godwit::engine
