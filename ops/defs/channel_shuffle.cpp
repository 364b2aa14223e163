// ChannelShuffle (internal): channels of some groups taken in turn, one of each. Of the operands one behind
// the other, in C channels, channel j of the result is channel k % groups * (C / groups) + k / groups, where
// k = start + j.
#include "ops/channel_shuffle.h"

#include <algorithm>
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/algorithms/strided_copy.h"
#include "ops/axes.h"
#include "ops/layout.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_channel_shuffle(const NodeView& node) {
  TensorDesc dst = node.input(0);
  dst.layout = Layout::nchw;
  std::int64_t channels = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Shape& src = node.shape(i);
    bool fits = can_be_nhwc(src) && src.rank() == dst.shape.rank() && node.input(i).dtype == dst.dtype;
    for (int axis = 0; fits && axis < src.rank(); ++axis) {
      if (axis == 1) continue;
      fits = may_be_same_dim(src[axis], dst.shape[axis]);
      dst.shape[axis] = more_specific_dim(dst.shape[axis], src[axis]);
    }
    if (!fits || !is_known(src[1])) {
      throw Error(fmt::format("input {} has shape {}, expected images like input 0 and known channels", i,
                              src.to_string()));
    }
    channels += src[1];
  }
  const ChannelShuffle shuffle = channel_shuffle(node.attributes);
  if (shuffle.groups < 1 || channels % shuffle.groups != 0) {
    throw Error(fmt::format("{} channels cannot be split into {} groups", channels, shuffle.groups));
  }
  if (shuffle.start < 0 || shuffle.channels < 0 || shuffle.channels > channels - shuffle.start) {
    throw Error(fmt::format("{} channels from {} on, of {}", shuffle.channels, shuffle.start, channels));
  }
  dst.shape[1] = shuffle.channels;
  return {dst};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const ChannelShuffle shuffle = channel_shuffle(node.attributes);
  std::int64_t channels = 0;
  for (const TensorView& each : src) channels += each.desc.shape[1];
  const int rank = dst[0].desc.shape.rank();
  for_each_index(dst[0].desc.shape, [&](const Index& index, std::int64_t to) {
    std::int64_t channel = shuffle.source(index[1], channels);
    std::size_t operand = 0;
    while (channel >= src[operand].desc.shape[1]) channel -= src[operand++].desc.shape[1];
    Index from = index;
    from[1] = channel;
    copy_element(src[operand], offset_of(from, strides_of(src[operand].desc), rank), dst[0], to);
  });
}

std::string accept(const NodeView&, const Target&) { return {}; }

std::unique_ptr<Executable> prepare_copies(const NodeView& node, const PrepareContext&) {
  const ChannelShuffle shuffle = channel_shuffle(node.attributes);
  const Index dst_strides = strides_of(node.outputs[0]);
  std::vector<CopyPart> parts;
  for (std::int64_t j = 0; j < shuffle.channels; ++j) {
    const ChannelPlace place = place_of(node, shuffle.source(j, channels_of(node)));
    CopyPart part{.src = place.operand,
                  .box = {.extent = node.outputs[0].shape,
                          .src_strides = strides_of(node.input(place.operand)),
                          .dst_strides = dst_strides}};
    part.box.extent[1] = 1;
    part.box.src_offset = place.channel * part.box.src_strides[1];
    part.box.dst_offset = j * dst_strides[1];
    parts.push_back(part);
  }
  return make_copies(parts, size_of(node.outputs[0].dtype));
}

const Implementation strided_copy{"strided_copy", "each channel copied in the longest runs there are", accept,
                                  prepare_copies};

}  // namespace

const OpDef& op_channel_shuffle() {
  static const OpDef def{
      .name = "ChannelShuffle",
      .domain = "godwit",
      .sentence = "channels of some groups taken in turn",
      .min_inputs = 1,
      .max_inputs = 1024,
      .attributes = {{"groups", AttributeType::integer, true},
                     {"start", AttributeType::integer, true},
                     {"channels", AttributeType::integer, true}},
      .kind = OpKind::movement,
      .moves = moves_all,
      .infer = infer_channel_shuffle,
      .reference = reference,
      .cost = no_arithmetic,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&shuffle_pixels, &strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
