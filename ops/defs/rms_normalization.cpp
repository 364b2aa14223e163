// RMSNormalization: the last axes over the root of their mean square, then scaled.
#include "ops/algorithms/implementations.h"
#include "ops/broadcast.h"
#include "ops/movement.h"
#include "ops/normalization.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_rms_normalization(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_normalized_parameters(node);
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const int axis = normalized_axis(node, shape.rank());
  const std::int64_t rows = shape.product(0, axis), size = shape.product(axis, shape.rank());
  BroadcastIndex scale(shape, src[1].desc.shape);
  for (std::int64_t row = 0; row < rows; ++row) {
    const Moments moments = moments_about_zero(src[0], row * size, size, epsilon_of(node));
    for (std::int64_t i = row * size; i < (row + 1) * size; ++i, scale.next())
      set_real(dst[0], i, real_at(src[0], i) * moments.factor * real_at(src[1], scale.offset()));
  }
}

}  // namespace

const OpDef& op_rms_normalization() {
  static const OpDef def{
      .name = "RMSNormalization",
      .sentence = "the last axes over the root of their mean square, scaled",
      .since_opset = 23,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"axis", AttributeType::integer},
                     {"epsilon", AttributeType::real},
                     {"stash_type", AttributeType::integer}},
      .kind = OpKind::normalization,
      .infer = infer_rms_normalization,
      .reference = reference,
      .cost = cost_per_element<4>,
      .batch_separable = normalization_keeps_images_apart,
      .implementations = {&rms_normalization_rows},
  };
  return def;
}

}  // namespace godwit::ops
