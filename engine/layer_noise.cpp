// Each layer's own result from branches beside the f32 graph, the scores from one graph for each layer.
#include "engine/layer_noise.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "engine/last_layer.h"
#include "engine/layer_rounding.h"
#include "runtime/threads.h"

namespace godwit::engine {
namespace {

// The first output, or what stands in front of the Softmax that makes it: behind it, errors of large scores
// do not show.
ValueId scores_of(const Graph& graph) {
  const NodeId id = last_layer(graph, graph.outputs.front()).node;
  if (id == kNoNode) return graph.outputs.front();
  const Node& node = graph.nodes[static_cast<std::size_t>(id)];
  return node.op->kind == ops::OpKind::softmax ? node.inputs[0] : graph.outputs.front();
}

std::vector<NodeId> layers_of(const Graph& prepared, const QuantizationScheme& scheme) {
  std::vector<NodeId> layers;
  if (std::ranges::any_of(prepared.inputs, [&](ValueId id) { return scheme.rounds(id); }))
    layers.push_back(kNoNode);
  for (NodeId id = 0; id < static_cast<NodeId>(prepared.nodes.size()); ++id) {
    if (has_rounding(prepared, scheme, id)) layers.push_back(id);
  }
  return layers;
}

LayerNoise describe_layer(const Graph& prepared, const QuantizationScheme& scheme, NodeId id) {
  LayerNoise noise;
  noise.node = id;
  if (id == kNoNode) {
    noise.op = noise.name = "input";
    return noise;
  }
  const Node& node = prepared.nodes[static_cast<std::size_t>(id)];
  noise.name = node.name;
  noise.op = node.op->name;
  const auto clamp = std::ranges::find(scheme.owner, id);
  if (clamp != scheme.owner.end()) {
    const auto index = static_cast<std::size_t>(clamp - scheme.owner.begin());
    noise.name = fmt::format("{} + {}", noise.name, prepared.nodes[index].name);
  }
  return noise;
}

Tensor copy_of(const Tensor& tensor) {
  Tensor copy(tensor.desc());
  std::memcpy(copy.mutable_data(), tensor.data(), tensor.bytes());
  return copy;
}

void count_labels(LayerNoise& noise, const Tensor& expected, const Tensor& actual) {
  const Shape& shape = expected.shape();
  const std::int64_t classes = shape.rank() > 1 ? shape.product(1, shape.rank()) : shape.elements();
  if (classes == 0) return;
  const auto a = expected.values<float>(), b = actual.values<float>();
  for (std::int64_t row = 0; row < shape.elements() / classes; ++row) {
    const auto first = static_cast<std::size_t>(row * classes), count = static_cast<std::size_t>(classes);
    const auto best = [&](std::span<const float> values) {
      const auto scores = values.subspan(first, count);
      return std::ranges::max_element(scores) - scores.begin();
    };
    ++noise.rows;
    noise.labels_changed += best(a) == best(b) ? 0 : 1;
  }
}

// The layers' own results, all from one plan. The graph's inputs have theirs too.
void measure_results(const Graph& prepared, const QuantizationScheme& scheme,
                     const Quantization& quantization, const CalibrationImages& images,
                     std::vector<LayerNoise>& layers) {
  const SideBranches branches = branches_rounded(prepared, scheme, quantization);
  std::vector<ValueId> values;
  std::vector<LayerNoise*> measured;
  for (LayerNoise& layer : layers) {
    if (layer.node == kNoNode) continue;
    values.push_back(result_of(prepared, scheme, layer.node));
    values.push_back(branches.results.at(layer.node));
    measured.push_back(&layer);
  }
  if (measured.empty()) return;
  Observer observer(branches.graph, values, images.compile);
  observer.run(images, [&](std::span<const Tensor>, std::span<const Tensor> tensors) {
    for_each_item(chosen_threads(images.compile.threads), measured.size(),
                  [&](std::size_t i) { measured[i]->result.add(tensors[2 * i], tensors[2 * i + 1]); });
  });
}

void measure_input(const Graph& prepared, const QuantizationScheme& scheme, const Quantization& quantization,
                   const CalibrationImages& images, LayerNoise& layer) {
  for (const ValueId id : prepared.inputs) {
    if (!scheme.rounds(id)) continue;
    const ActivationScale scale = quantization.activations.at(id);
    images.batches([&](std::span<const Tensor> inputs) {
      const auto index = std::ranges::find(prepared.inputs, id) - prepared.inputs.begin();
      const Tensor& src = inputs[static_cast<std::size_t>(index)];
      Tensor rounded(src.desc());
      const auto dst = rounded.mutable_values<float>();
      for (std::size_t i = 0; i < dst.size(); ++i) dst[i] = rounded_to(scale, src.values<float>()[i]);
      layer.result.add(src, rounded);
    });
  }
}

}  // namespace

std::size_t layers_to_measure(const Graph& prepared, const QuantizationScheme& scheme) {
  return layers_of(prepared, scheme).size();
}

CalibrationImages kept_in_memory(const CalibrationImages& images) {
  auto kept = std::make_shared<std::vector<std::vector<Tensor>>>();
  images.batches([&](std::span<const Tensor> inputs) {
    std::vector<Tensor>& batch = kept->emplace_back();
    for (const Tensor& input : inputs) batch.push_back(copy_of(input));
  });
  return {images.compile, [kept](const auto& each) {
            for (const std::vector<Tensor>& batch : *kept) each(batch);
          }};
}

std::vector<LayerNoise> measure_layers(const Graph& prepared, const QuantizationScheme& scheme,
                                       const Quantization& quantization, const CalibrationImages& images,
                                       const std::function<void()>& done) {
  std::vector<LayerNoise> layers;
  for (const NodeId id : layers_of(prepared, scheme)) layers.push_back(describe_layer(prepared, scheme, id));
  measure_results(prepared, scheme, quantization, images, layers);

  const ValueId scores = scores_of(prepared);
  std::vector<Tensor> expected;
  Observer(prepared, {scores}, images.compile)
      .run(images, [&](std::span<const Tensor>, std::span<const Tensor> values) {
        expected.push_back(copy_of(values[0]));
      });
  for (LayerNoise& layer : layers) {
    if (layer.node == kNoNode) measure_input(prepared, scheme, quantization, images, layer);
    const Graph graph = with_rounded_layer(prepared, scheme, quantization, layer.node);
    std::size_t batch = 0;
    // A layer whose result is the scores themselves is seen there unrounded, as the network's outputs are.
    Observer(graph, {scores}, images.compile)
        .run(images, [&](std::span<const Tensor>, std::span<const Tensor> values) {
          layer.scores.add(expected[batch], values[0]);
          count_labels(layer, expected[batch], values[0]);
          ++batch;
        });
    if (done) done();
  }
  std::ranges::stable_sort(layers, [](const LayerNoise& a, const LayerNoise& b) {
    return a.scores.sqnr_db() < b.scores.sqnr_db();
  });
  return layers;
}

}  // namespace godwit::engine
