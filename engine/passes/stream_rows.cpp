// stream_rows: a tensor that the L2 does not hold, between two nodes  →  the same nodes, the first one
// handing rows to the second as it asks for them. Each can compute rows of its result by themselves.
#include <algorithm>
#include <fmt/format.h>

#include "engine/choices.h"
#include "engine/fused_rows.h"
#include "engine/rewrite.h"
#include "runtime/cpu.h"

namespace godwit::engine::passes {
namespace {

bool goes_by_lines(const Graph& graph, const Node& node, const PassContext& context) {
  const NodeContext node_context(graph, node);
  const ops::Implementation* implementation = ops::choose(*node.op, node_context.view(), context.target,
                                                          forced_implementation(context.choices, node));
  return implementation != nullptr && implementation->streams_rows != nullptr &&
         implementation->streams_rows(node_context.view());
}

// 0 also where only the data decides a size, and for volumes, which no executable that goes by lines takes.
std::size_t image_bytes(const TensorDesc& desc) {
  if (desc.shape.bounded() || desc.shape.rank() < 1 || desc.shape.rank() > 4 || desc.shape[0] < 1) return 0;
  return desc.bytes() / static_cast<std::size_t>(desc.shape[0]);
}

}  // namespace

void stream_rows(Graph& graph, PassContext& context) {
  const Rewriter rewriter(graph);
  for (NodeId id = 0; id + 1 < rewriter.size(); ++id) {
    Node& node = graph.nodes[static_cast<std::size_t>(id)];
    const Node& next = rewriter.node(id + 1);
    if (node.outputs.size() != 1 || node.outputs[0] == kNoValue) continue;
    const ValueId handed = node.outputs[0];
    const std::size_t bytes = image_bytes(graph.value(handed).desc);
    if (bytes <= cache_sizes().l2 || rewriter.only_reader(handed) != id + 1) continue;
    if (next.inputs[0] != handed || std::ranges::count(next.inputs, handed) != 1) continue;
    if (!goes_by_lines(graph, node, context) || !goes_by_lines(graph, next, context)) continue;
    const ValueId result = next.outputs[0];
    if (result == kNoValue || FusedRows::lines_of(graph.value(result).desc.shape) > FusedRows::kMaxRows)
      continue;
    node.hints.streams_rows = true;
    log_rewrite(context, fmt::format("{} to {}: {:.2f} MiB an image", describe(node), describe(next),
                                     static_cast<double>(bytes) / (1 << 20)));
  }
}

}  // namespace godwit::engine::passes
