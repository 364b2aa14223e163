// skip_zeros: a convolution reads what was clamped to 0 from below → the same convolution, told that many of
// the numbers it reads are 0.
#include <algorithm>
#include <vector>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/quantized.h"

namespace godwit::engine::passes {
namespace {

// True where something clamped to 0 from below what a node computes. clamped: by value, of those before.
bool clamps(const Graph& graph, const Node& node, const std::vector<bool>& clamped) {
  if (node.epilogue.minimum == 0.0F) return true;
  if (const auto clamp = clamp_of(graph, node)) return clamp->minimum == 0.0F;
  const std::vector<std::size_t> moved = moved_operands(graph, node);
  return !moved.empty() && std::ranges::all_of(moved, [&](std::size_t i) {
    return clamped[static_cast<std::size_t>(node.inputs[i])];
  });
}

// 8-bit numbers that stand for 0 and above.
bool begins_at_zero(const Graph& graph, const Node& node) {
  const Tensor* zero_point = constant_of(graph, node, ops::QuantizedOperand::src_zero_point);
  return zero_point != nullptr && zero_point->dtype() == DType::u8 &&
         zero_point->values<std::uint8_t>()[0] == 0;
}

}  // namespace

void skip_zeros(Graph& graph, PassContext& context) {
  std::vector<bool> clamped(graph.values.size());
  for (Node& node : graph.nodes) {
    const bool clamps_results = clamps(graph, node, clamped);
    for (const ValueId result : node.outputs) {
      if (result != kNoValue && is_float(graph.value(result).desc.dtype))
        clamped[static_cast<std::size_t>(result)] = clamps_results;
    }
    if (!node.op->skips_zeros) continue;
    node.hints.sparse_input = node.op->kind == ops::OpKind::quantized
                                  ? begins_at_zero(graph, node)
                                  : clamped[static_cast<std::size_t>(node.inputs[0])];
    if (node.hints.sparse_input) log_rewrite(context, describe(node));
  }
}

}  // namespace godwit::engine::passes
