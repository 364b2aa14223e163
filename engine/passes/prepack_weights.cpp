// prepack_weights: Conv(x, w) → the same node, with w in the form that its kernel reads, once for all plans
// of a model. The graph stays as it is: what is packed lies in the cache that plans share, where their steps
// find it. Without this pass every plan packs for itself alone.
#include <fmt/format.h>

#include "engine/choices.h"
#include "engine/rewrite.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::engine::passes {

void prepack_weights(Graph& graph, PassContext& context) {
  if (context.weights == nullptr) return;
  for (const Node& node : graph.nodes) {
    bool has_weights = false;
    for (const ValueId id : node.inputs)
      has_weights |= id != kNoValue && graph.value(id).constant.has_value();
    if (!has_weights) continue;
    const std::size_t before = context.weights->bytes();
    const NodeContext node_context(graph, node);
    const ops::PrepareContext prepare{context.target, *context.weights, context.threads,
                                      forced_implementation(context.choices, node)};
    with_context([&] { return describe(node); },
                 [&] { (void)ops::prepare(*node.op, node_context.view(), prepare); });
    const std::size_t packed = context.weights->bytes() - before;
    if (packed > 0)
      log_rewrite(context, fmt::format("{}: packed {}", describe(node), counted(packed, "byte")));
  }
}

}  // namespace godwit::engine::passes
