// fuse_activation: Relu(Op(x)) → Op(x) clamped to [0, ∞); Clip(Op(x), low, high) likewise with constant
// bounds.
#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "engine/node_properties.h"
#include "engine/rewrite.h"

namespace godwit::engine::passes {
namespace {

// clamp(clamp(x, first), second) is one clamp, whose ends are those of `first` clamped by `second`.
void append(ops::Epilogue& first, const ops::Clamp& second) {
  first.minimum = std::clamp(first.minimum, second.minimum, second.maximum);
  first.maximum = std::clamp(first.maximum, second.minimum, second.maximum);
}

std::string reject_reason(const Rewriter& rewriter, NodeId id, NodeId maker_id) {
  const Node& node = rewriter.node(id);
  const Node& producer = rewriter.node(maker_id);
  if (!producer.op->fuses_clamp) return "that operator does not clamp";
  if (producer.outputs.size() != 1) return "it has several results";
  if (rewriter.only_reader(node.inputs[0]) != id) return "others read the result before it is clamped";
  if (rewriter.value(node.inputs[0]).desc.dtype != DType::f32) return "clamps are for f32 only";
  return "";
}

}  // namespace

void fuse_activation(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& node = rewriter.node(id);
    if (node.op->kind != ops::OpKind::clamp) continue;
    const NodeId maker_id = rewriter.producer(node.inputs[0]);
    if (maker_id == kNoNode) continue;
    const std::string line = fmt::format("{} behind {}", describe(node), describe(rewriter.node(maker_id)));
    const std::optional<ops::Clamp> clamp = clamp_of(graph, node);
    if (!clamp) {
      log_skipped(context, line + ": its bounds are not two constants, the lower one first");
      continue;
    }
    if (const std::string reason = reject_reason(rewriter, id, maker_id); !reason.empty()) {
      log_skipped(context, fmt::format("{}: {}", line, reason));
      continue;
    }
    const ops::Epilogue own = node.epilogue;
    rewriter.absorb(maker_id, id);
    append(rewriter.node(maker_id).epilogue, *clamp);
    append(rewriter.node(maker_id).epilogue, {own.minimum, own.maximum});
    log_rewrite(context, line);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
