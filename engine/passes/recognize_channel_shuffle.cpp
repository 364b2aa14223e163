// recognize_channel_shuffle: [Concat →] Reshape to (N, groups, C / groups, …) → Transpose of the two →
// Reshape back [→ Slices of channels]  becomes  ChannelShuffle for each slice, which works channels-last.
#include <algorithm>
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/channel_shuffle.h"
#include "ops/known_ops.h"
#include "ops/layout.h"

namespace godwit::engine::passes {
namespace {

struct Shuffle {
  std::vector<NodeId> parts;  // in their order
  std::vector<ValueId> sources;
  std::int64_t groups = 0, channels = 0;
  ValueId result = kNoValue;
};

bool is(const Rewriter& rewriter, NodeId id, const ops::OpDef& op) {
  return id != kNoNode && rewriter.node(id).op == &op;
}

const Shape& shape_of(const Rewriter& rewriter, ValueId id) { return rewriter.value(id).desc.shape; }

// (N, groups, C / groups, …) of an image (N, C, …).
bool splits_channels(const Shape& src, const Shape& split) {
  if (!ops::can_be_nhwc(src) || !src.known() || !split.known() || split.rank() != src.rank() + 1)
    return false;
  for (int axis = 2; axis < src.rank(); ++axis) {
    if (split[axis + 1] != src[axis]) return false;
  }
  return split[0] == src[0] && split[1] * split[2] == src[1];
}

bool swaps_groups(const Node& transpose) {
  const auto perm = transpose.attributes.integers("perm");
  for (std::size_t i = 0; i < perm.size(); ++i) {
    const std::size_t wanted = i == 1 ? 2 : i == 2 ? 1 : i;
    if (perm[i] != static_cast<std::int64_t>(wanted)) return false;
  }
  return perm.size() >= 4;
}

// The shuffle that begins with this Reshape; no parts where there is none.
Shuffle shuffle_at(const Rewriter& rewriter, NodeId first) {
  if (!is(rewriter, first, ops::op_reshape())) return {};
  const ValueId src = rewriter.node(first).inputs[0], split = rewriter.node(first).outputs[0];
  if (rewriter.is_constant(src) || !splits_channels(shape_of(rewriter, src), shape_of(rewriter, split)))
    return {};
  const NodeId transpose = rewriter.only_reader(split);
  if (!is(rewriter, transpose, ops::op_transpose()) || !swaps_groups(rewriter.node(transpose))) return {};
  const NodeId last = rewriter.only_reader(rewriter.node(transpose).outputs[0]);
  if (!is(rewriter, last, ops::op_reshape())) return {};
  const ValueId result = rewriter.node(last).outputs[0];
  if (shape_of(rewriter, result) != shape_of(rewriter, src)) return {};
  Shuffle shuffle{
      {first, transpose, last}, {src}, shape_of(rewriter, split)[1], shape_of(rewriter, src)[1], result};
  const NodeId concat = rewriter.producer(src);
  if (!is(rewriter, concat, ops::op_concat()) || rewriter.only_reader(src) != first) return shuffle;
  const std::int64_t axis = rewriter.node(concat).attributes.integer("axis", 0);
  if (axis != 1 && axis != 1 - shape_of(rewriter, src).rank()) return shuffle;
  shuffle.parts.insert(shuffle.parts.begin(), concat);
  shuffle.sources = rewriter.node(concat).inputs;
  return shuffle;
}

// The first of the channels that a Slice takes, which are neighbours; -1 where it is something else.
std::int64_t first_channel(const Rewriter& rewriter, NodeId id, std::int64_t channels) {
  if (!is(rewriter, id, ops::op_slice())) return -1;
  const Node& node = rewriter.node(id);
  const auto one = [&](std::size_t i, std::int64_t absent) -> std::optional<std::int64_t> {
    if (i >= node.inputs.size() || node.inputs[i] == kNoValue) return absent;
    const Tensor* list = constant_of(rewriter.graph(), node, i);
    if (list == nullptr || list->dtype() != DType::s64 || list->shape().elements() != 1) return std::nullopt;
    return list->values<std::int64_t>()[0];
  };
  const Shape& src = shape_of(rewriter, node.inputs[0]);
  const std::optional<std::int64_t> start = one(1, -1), axis = one(3, 0), step = one(4, 1);
  if (!start || !axis || !step || *step != 1) return -1;
  if (*axis != 1 && *axis != 1 - src.rank()) return -1;
  if (!shape_of(rewriter, node.outputs[0]).known() || shape_of(rewriter, node.outputs[0]).elements() == 0)
    return -1;
  return std::clamp<std::int64_t>(*start < 0 ? *start + channels : *start, 0, channels);
}

void become_shuffle(Rewriter& rewriter, NodeId id, const Shuffle& shuffle, std::int64_t start,
                    std::vector<NodeId> parts) {
  ops::Attributes attributes;
  const std::int64_t channels = shape_of(rewriter, rewriter.node(id).outputs[0])[1];
  ops::set_channel_shuffle(attributes, {.groups = shuffle.groups, .start = start, .channels = channels});
  rewriter.become(id, ops::op_channel_shuffle(), shuffle.sources, std::move(attributes), std::move(parts));
}

}  // namespace

void recognize_channel_shuffle(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (!rewriter.alive(id)) continue;
    const Shuffle shuffle = shuffle_at(rewriter, id);
    if (shuffle.parts.empty()) continue;
    log_rewrite(context, fmt::format("{} and what follows shuffle {} channels in {} groups",
                                     describe(rewriter.node(shuffle.parts.front())), shuffle.channels,
                                     shuffle.groups));
    std::vector<NodeId> readers = rewriter.readers(shuffle.result);
    const bool sliced = !readers.empty() && !rewriter.is_output(shuffle.result) &&
                        std::ranges::all_of(readers, [&](NodeId reader) {
                          return first_channel(rewriter, reader, shuffle.channels) >= 0;
                        });
    if (!sliced) {
      become_shuffle(rewriter, shuffle.parts.back(), shuffle, 0, shuffle.parts);
      continue;
    }
    for (const NodeId reader : readers) {
      const std::int64_t start = first_channel(rewriter, reader, shuffle.channels);
      std::vector<NodeId> parts;
      if (reader == readers.back()) parts = shuffle.parts;  // nobody else reads them by now
      parts.push_back(reader);
      become_shuffle(rewriter, reader, shuffle, start, std::move(parts));
    }
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
