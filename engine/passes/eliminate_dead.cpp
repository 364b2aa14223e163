// eliminate_dead: nodes none of whose results are read or asked for are dropped, from back to front.
#include <algorithm>

#include "engine/rewrite.h"

namespace godwit::engine::passes {

void eliminate_dead(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = rewriter.size() - 1; id >= 0; --id) {
    const Node& node = rewriter.node(id);
    const bool is_used = std::ranges::any_of(node.outputs, [&](ValueId output) {
      return output != kNoValue && (rewriter.is_output(output) || !rewriter.readers(output).empty());
    });
    if (is_used) continue;
    log_rewrite(context, describe(node));
    rewriter.erase(id);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
