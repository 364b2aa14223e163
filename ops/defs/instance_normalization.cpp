// InstanceNormalization: each channel of each image brought to mean 0 and variance 1, then scaled and
// shifted.
#include "ops/algorithms/implementations.h"
#include "ops/movement.h"
#include "ops/normalization.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_instance_normalization(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_rank(node, 0, 2);
  require_channel_parameters(node);
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t channels = shape[1], plane = shape.product(2, shape.rank());
  const double epsilon = epsilon_of(node);
  for (std::int64_t row = 0; row < shape[0] * channels; ++row) {
    const Moments moments = moments_of(src[0], row * plane, plane, epsilon);
    const double scale = real_at(src[1], row % channels), shift = real_at(src[2], row % channels);
    for (std::int64_t i = row * plane; i < (row + 1) * plane; ++i)
      set_real(dst[0], i, (real_at(src[0], i) - moments.mean) * moments.factor * scale + shift);
  }
}

}  // namespace

const OpDef& op_instance_normalization() {
  static const OpDef def{
      .name = "InstanceNormalization",
      .sentence = "each channel of each image brought to mean 0 and variance 1",
      .since_opset = 6,
      .min_inputs = 3,
      .max_inputs = 3,
      .attributes = {{"epsilon", AttributeType::real}},
      .kind = OpKind::normalization,
      .infer = infer_instance_normalization,
      .reference = reference,
      .extents = same_extents,
      .cost = cost_per_element<7>,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&channel_normalization_nhwc, &channel_normalization_rows},
  };
  return def;
}

}  // namespace godwit::ops
