// fold_pad: Conv(Pad(x, p)) → Conv(x; pads + p), for zero padding of spatial axes. MaxPool(Pad(x, p))
// likewise where zeros and MaxPool's own padding (minus infinity) cannot be told apart: x >= 0 and every
// window meets an element of x.
#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/known_ops.h"
#include "ops/padding.h"
#include "ops/window.h"

namespace godwit::engine::passes {
namespace {

// Padding of spatial axes.
struct Pads {
  ops::PerAxis begins{}, ends{};
};
constexpr std::int64_t kLargestPad = std::int64_t{1}
                                     << 30;  // the sum of two is still one that windows accept

// Constant input i as integers; nullopt when left out or not constant.
std::optional<std::span<const std::int64_t>> integers_of(const Graph& graph, const Node& node,
                                                         std::size_t i) {
  const Tensor* constant = constant_of(graph, node, i);
  if (constant == nullptr || constant->dtype() != DType::s64) return std::nullopt;
  return constant->values<std::int64_t>();
}

bool pads_with_zero(const Graph& graph, const Node& pad) {
  if (ops::pad_mode_of(pad.attributes) != ops::PadMode::constant) return false;
  if (!has_operand(pad, 2)) return true;
  const Tensor* value = f32_constant_of(graph, pad, 2);
  return value != nullptr && value->shape().elements() == 1 && value->values<float>()[0] == 0.0F;
}

// The padding of the spatial axes of a rank `rank` image; nullopt when it pads anything else, or cuts.
std::optional<Pads> spatial_pads(const Graph& graph, const Node& pad, int rank) {
  const auto pads = integers_of(graph, pad, 1);
  if (!pads) return std::nullopt;
  std::vector<std::int64_t> axes;
  if (const auto given = integers_of(graph, pad, 3)) {
    axes.assign(given->begin(), given->end());
  } else if (has_operand(pad, 3)) {
    return std::nullopt;
  } else {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  if (pads->size() != 2 * axes.size()) return std::nullopt;

  Pads result;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    const std::int64_t begin = (*pads)[i];
    const std::int64_t end = (*pads)[axes.size() + i];
    if (axis < 0 || axis >= rank || std::min(begin, end) < 0 || std::max(begin, end) > kLargestPad)
      return std::nullopt;
    if (axis < 2 && (begin != 0 || end != 0)) return std::nullopt;
    if (axis < 2) continue;
    result.begins[static_cast<std::size_t>(axis) - 2] = begin;
    result.ends[static_cast<std::size_t>(axis) - 2] = end;
  }
  return result;
}

// True where the node gives nothing below 0.
bool is_positive(const Graph& graph, const Node& node) {
  const std::optional<ops::Clamp> clamp = clamp_of(graph, node);
  return node.epilogue.minimum >= 0 || (clamp && clamp->minimum >= 0);
}

// The reason why this max pooling must keep its own padding; "" when it may take zeros as its own. `total`
// is the pool with the pads that it would get.
std::string reject_reason(bool is_positive, const Node& pool, const ops::WindowAttributes& total) {
  if (!is_positive) return "its input may be negative";
  if (pool.outputs.size() > 1) return "the positions of its maxima count the padding";
  if (total.ceil_mode) return "ceil_mode counts padding apart";
  for (std::size_t i = 0; i < static_cast<std::size_t>(total.rank); ++i) {
    if (total.dilations[i] != 1) return "its window is dilated";
    if (std::max(total.pads_begin[i], total.pads_end[i]) >= total.kernel[i])
      return "a window could lie wholly in the padding";
  }
  return "";
}

}  // namespace

void fold_pad(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    Node& window = rewriter.node(id);
    if (window.op->padding == ops::WindowPadding::other) continue;
    const NodeId pad_id = rewriter.producer(window.inputs[0]);
    if (pad_id == kNoNode || rewriter.node(pad_id).op != &ops::op_pad()) continue;
    Node& pad = rewriter.node(pad_id);
    const ValueId src = pad.inputs[0];
    const Shape& shape = graph.value(src).desc.shape;
    const auto left = [&](std::string_view reason) {
      log_skipped(context, fmt::format("{} behind {}: {}", describe(window), describe(pad), reason));
    };

    if (shape.rank() < 3 || shape.rank() > 2 + ops::kMaxSpatial) continue;
    if (!pads_with_zero(graph, pad)) {
      left("it pads with something else than zero");
      continue;
    }
    const std::optional<Pads> added = spatial_pads(graph, pad, shape.rank());
    if (!added) {
      left("it pads or cuts more than spatial axes");
      continue;
    }
    ops::WindowAttributes total =
        ops::window_attributes(window.attributes, static_cast<std::size_t>(shape.rank()) - 2);
    if (total.auto_pad != ops::AutoPad::notset && total.auto_pad != ops::AutoPad::valid) {
      left("auto_pad depends on the padded size");
      continue;
    }
    const std::int64_t own = total.auto_pad == ops::AutoPad::notset ? 1 : 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(total.rank); ++i) {
      total.pads_begin[i] = own * total.pads_begin[i] + added->begins[i];
      total.pads_end[i] = own * total.pads_end[i] + added->ends[i];
    }
    if (window.op->padding == ops::WindowPadding::lowest) {
      const NodeId producer = rewriter.producer(src);
      const bool positive = producer != kNoNode && is_positive(graph, rewriter.node(producer));
      const std::string reason = reject_reason(positive, window, total);
      if (!reason.empty()) {
        left(reason);
        continue;
      }
    }

    ops::set_pads(window.attributes, total);
    rewriter.set_input(id, 0, src);
    log_rewrite(context, fmt::format("{} into {}", describe(pad), describe(window)));
    if (rewriter.readers(pad.outputs[0]).empty() && !rewriter.is_output(pad.outputs[0])) {
      window.origins.insert(window.origins.begin(), pad.origins.begin(), pad.origins.end());
      rewriter.erase(pad_id);
    }
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
