// eliminate_identity: y = Identity(x), z = Op(y)  →  z = Op(x); the same for every node that hands on its
// input's values under the same description (Dropout, Reshape to the same shape, Transpose that moves
// nothing, Pad by 0 …).
#include <algorithm>
#include <fmt/format.h>

#include "engine/rewrite.h"

namespace godwit::engine::passes {
namespace {

bool transposes_nothing(const Node& node) {
  if (node.op->name != "Transpose") return false;
  const auto perm = node.attributes.integers("perm");
  for (std::size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  }
  return !perm.empty();  // absent: the axes are reversed
}

bool pads_nothing(const Graph& graph, const Node& node) {
  if (node.op->name != "Pad" || node.inputs.size() < 2 || node.inputs[1] == kNoValue) return false;
  const std::optional<Tensor>& pads = graph.value(node.inputs[1]).constant;
  return pads && pads->dtype() == DType::s64 &&
         std::ranges::all_of(pads->values<std::int64_t>(), [](std::int64_t pad) { return pad == 0; });
}

bool hands_on(const Graph& graph, const Node& node) {
  if (node.op->name == "Identity" || node.op->name == "Dropout" || transposes_nothing(node) ||
      pads_nothing(graph, node)) {
    return true;
  }
  if (!provably_equal(graph.value(node.inputs[0]).desc.shape, graph.value(node.outputs[0]).desc.shape))
    return false;
  // A cast to the same type keeps every bit.
  if (node.op->name == "Cast") return true;
  return node.op->is_view != nullptr && node.op->is_view(NodeContext(graph, node).view());
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
