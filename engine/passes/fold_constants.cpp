// fold_constants: y = Op(constant, constant)  →  y = constant.
#include <algorithm>
#include <fmt/format.h>

#include "engine/rewrite.h"

namespace godwit::engine::passes {
namespace {

// Below this many bytes a result may be any number of times larger than its operands.
constexpr std::size_t kAlwaysFolded = std::size_t{64} << 20;
constexpr std::size_t kGrowth = 4;

std::size_t bytes_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::size_t bytes = 0;
  for (const ValueId id : ids) {
    if (id == kNoValue) continue;
    const TensorDesc& desc = graph.value(id).desc;
    if (desc.shape.at_bounds().known()) bytes += desc.most_bytes();
  }
  return bytes;
}

}  // namespace

void fold_constants(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& node = rewriter.node(id);
    if (!is_foldable(graph, node)) continue;
    // Quantised weights stay as they are for fold_quantization, which folds what it has no use for.
    if (node.op->kind == ops::OpKind::dequantize) continue;
    const std::size_t bytes = bytes_of(graph, node.outputs);
    if (bytes > kAlwaysFolded && bytes > kGrowth * bytes_of(graph, node.inputs)) {
      log_skipped(context, fmt::format("{}: its result of {} bytes is far larger than its operands",
                                       describe(node), bytes));
      continue;
    }
    rewriter.replace_by_constants(id, evaluate(graph, node));
    log_rewrite(context, fmt::format("{}: computed {} bytes", describe(node), bytes));
  }
  rewriter.finish();
  // More constants are known now than inference evaluates by itself, and shapes may depend on them.
  if (context.log.rewrites > 0) infer_shapes(graph);
}

}  // namespace godwit::engine::passes
