// skip_zeros: a convolution reads what was clamped to 0 from below → the same convolution, told that many of
// the numbers it reads are 0.
#include <algorithm>
#include <vector>

#include "engine/rewrite.h"
#include "ops/quantized.h"

namespace godwit::engine::passes {
namespace {

// Whether what a node computes is 0 or more because something clamped it. clamped: by value, of those before.
bool clamps(const Node& node, const std::vector<bool>& clamped) {
  const auto is_clamped = [&](ValueId id) { return id != kNoValue && clamped[static_cast<std::size_t>(id)]; };
  if (node.epilogue.minimum == 0.0F || node.op->name == "Relu") return true;
  if (node.op->name == "MaxPool" || node.op->name == "Reorder") return is_clamped(node.inputs[0]);
  return node.op->name == "Concat" && std::ranges::all_of(node.inputs, is_clamped);
}

// 8-bit numbers that stand for 0 and above.
bool begins_at_zero(const Graph& graph, const Node& node) {
  const ValueId zero_point = node.inputs[ops::QuantizedOperand::src_zero_point];
  if (zero_point == kNoValue || !graph.value(zero_point).constant.has_value()) return false;
  const Tensor& value = *graph.value(zero_point).constant;
  return value.desc().dtype == DType::u8 && value.values<std::uint8_t>()[0] == 0;
}

}  // namespace

void skip_zeros(Graph& graph, PassContext& context) {
  std::vector<bool> clamped(graph.values.size());
  for (Node& node : graph.nodes) {
    const ValueId result = node.outputs[0];
    if (result != kNoValue && is_float(graph.value(result).desc.dtype))
      clamped[static_cast<std::size_t>(result)] = clamps(node, clamped);
    node.sparse_input = (node.op->name == "Conv" && clamped[static_cast<std::size_t>(node.inputs[0])]) ||
                        (node.op->name == "QuantizedConv" && begins_at_zero(graph, node));
    if (node.sparse_input) log_rewrite(context, describe(node));
  }
}

}  // namespace godwit::engine::passes
