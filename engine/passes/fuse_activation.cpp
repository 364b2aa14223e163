// fuse_activation: Relu(Op(x)) → Op(x) clamped to [0, ∞); Clip(Op(x), low, high) likewise with constant
// bounds.
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <optional>

#include "engine/rewrite.h"

namespace godwit::engine::passes {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Clamp {
  float minimum = -kInfinity;
  float maximum = kInfinity;
};

// A bound of Clip; nullopt when it is not a constant number.
std::optional<float> bound_of(const Graph& graph, const Node& clip, std::size_t i, float absent) {
  if (i >= clip.inputs.size() || clip.inputs[i] == kNoValue) return absent;
  const std::optional<Tensor>& constant = graph.value(clip.inputs[i]).constant;
  if (!constant || constant->dtype() != DType::f32 || constant->shape().elements() != 1) return std::nullopt;
  return constant->values<float>()[0];
}

// What the activation clamps to; nullopt when it is none, or not known, or empty (Clip then gives its maximum
// everywhere; NaN bounds fall out here too).
std::optional<Clamp> clamp_of(const Graph& graph, const Node& node) {
  if (node.op->name == "Relu") return Clamp{0.0F, kInfinity};
  if (node.op->name != "Clip") return std::nullopt;
  const auto minimum = bound_of(graph, node, 1, -kInfinity);
  const auto maximum = bound_of(graph, node, 2, kInfinity);
  if (!minimum || !maximum || !(*minimum <= *maximum)) return std::nullopt;
  return Clamp{*minimum, *maximum};
}

// clamp(clamp(x, first), second) is one clamp, whose ends are those of `first` clamped by `second`.
void append(ops::Epilogue& first, const Clamp& second) {
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
    if (node.op->name != "Relu" && node.op->name != "Clip") continue;
    const NodeId maker_id = rewriter.producer(node.inputs[0]);
    if (maker_id == kNoNode) continue;
    const std::string line = fmt::format("{} behind {}", describe(node), describe(rewriter.node(maker_id)));
    const std::optional<Clamp> clamp = clamp_of(graph, node);
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
