// eliminate_identity: y = Identity(x), z = Op(y)  →  z = Op(x).
// The same for every node that hands on its input's values under the same description: Dropout, Reshape to
// the same shape, Transpose that moves nothing, Pad by 0 …
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/rewrite.h"

namespace godwit::engine::passes {
namespace {

bool hands_on(const Graph& graph, const Node& node) {
  if (node.op->is_identity != nullptr && node.op->is_identity(NodeContext(graph, node).view())) return true;
  return provably_equal(graph.value(node.inputs[0]).desc.shape, graph.value(node.outputs[0]).desc.shape) &&
         is_view(graph, node);
}

bool is_candidate(const Rewriter& rewriter, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoValue || node.outputs.empty() ||
      node.outputs[0] == kNoValue || !node.epilogue.empty()) {
    return false;
  }
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    const ValueId extra = node.outputs[i];
    if (extra != kNoValue && (!rewriter.readers(extra).empty() || rewriter.is_output(extra))) return false;
  }
  return rewriter.value(node.inputs[0]).desc == rewriter.value(node.outputs[0]).desc;
}

}  // namespace

void eliminate_identity(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& node = rewriter.node(id);
    if (!is_candidate(rewriter, node) || !hands_on(graph, node)) continue;
    const std::string text = describe(node);
    if (rewriter.bypass(id)) {
      log_rewrite(context, text);
    } else {
      log_skipped(context, fmt::format("{}: the output '{}' needs a copy of its own", text,
                                       graph.value(node.outputs[0]).name));
    }
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
