// GroupNormalization: groups of channels brought to mean 0 and variance 1, then scaled and shifted by channel
// or, as opset 18 has it, by group.
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/normalization.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_group_normalization(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_rank(node, 0, 2);
  const Shape& shape = node.shape(0);
  const std::int64_t groups = node.attributes.integer("num_groups", 0);
  if (groups < 1) throw Error(fmt::format("attribute 'num_groups' is {}, expected at least 1", groups));
  const std::int64_t channels = shape.ranked() ? shape[1] : kAnyDim;
  if (is_known(channels) && channels % groups != 0)
    throw Error(fmt::format("{} cannot be divided into {} groups", counted(channels, "channel"), groups));
  for (std::size_t i = 1; i <= 2; ++i) {
    require_rank(node, i, 1, 1);
    if (!node.shape(i).ranked()) continue;
    const std::int64_t length = node.shape(i)[0];
    if (may_be_same_dim(length, channels) || may_be_same_dim(length, groups)) continue;
    throw Error(fmt::format("input {} has {}, expected {} channels or {} groups", i,
                            counted(length, "element"), channels, groups));
  }
  return {{node.input(0).dtype, shape, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t channels = shape[1], plane = shape.product(2, shape.rank());
  const std::int64_t groups = node.attributes.integer("num_groups", 1);
  const std::int64_t size = channels / groups * plane;
  const auto parameter = [&](std::size_t i, std::int64_t channel) {
    const bool by_group = src[i].desc.shape[0] != channels;
    return real_at(src[i], by_group ? channel / (channels / groups) : channel);
  };
  for (std::int64_t row = 0; row < shape[0] * groups; ++row) {
    const Moments moments = moments_of(src[0], row * size, size, epsilon_of(node));
    for (std::int64_t i = row * size; i < (row + 1) * size; ++i) {
      const std::int64_t channel = i / plane % channels;
      const double normal = (real_at(src[0], i) - moments.mean) * moments.factor;
      set_real(dst[0], i, normal * parameter(1, channel) + parameter(2, channel));
    }
  }
}

}  // namespace

const OpDef& op_group_normalization() {
  static const OpDef def{
      .name = "GroupNormalization",
      .sentence = "groups of channels brought to mean 0 and variance 1",
      .since_opset = 18,
      .min_inputs = 3,
      .max_inputs = 3,
      .attributes = {{"epsilon", AttributeType::real},
                     {"num_groups", AttributeType::integer, true},
                     {"stash_type", AttributeType::integer}},
      .kind = OpKind::normalization,
      .infer = infer_group_normalization,
      .reference = reference,
      .cost = cost_per_element<7>,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&channel_normalization_nhwc, &channel_normalization_rows},
  };
  return def;
}

}  // namespace godwit::ops
