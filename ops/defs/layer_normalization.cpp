// LayerNormalization: the last axes brought to mean 0 and variance 1, then scaled and shifted; gives the mean
// and 1 over the deviation as well where they are asked for.
#include "ops/algorithms/implementations.h"
#include "ops/broadcast.h"
#include "ops/movement.h"
#include "ops/normalization.h"

namespace godwit::ops {
namespace {

// The types of the parameters may differ from the data's (com.microsoft's form allows it).
std::vector<TensorDesc> infer_layer_normalization(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_normalized_parameters(node);
  const Shape& shape = node.shape(0);
  Shape moments = Shape::unranked();
  if (shape.ranked()) {
    moments = shape;
    for (int axis = normalized_axis(node, shape.rank()); axis < shape.rank(); ++axis) moments[axis] = 1;
  }
  // ONNX computes both in f32 (stash_type 1); f64 keeps its digits here.
  const DType stash = node.input(0).dtype == DType::f64 ? DType::f64 : DType::f32;
  std::vector<TensorDesc> descs{{node.input(0).dtype, shape, Layout::nchw}};
  descs.resize(node.output_count, {stash, moments, Layout::nchw});
  return descs;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const int axis = normalized_axis(node, shape.rank());
  const std::int64_t rows = shape.product(0, axis), size = shape.product(axis, shape.rank());
  const double epsilon = epsilon_of(node);
  const bool shifts = node.has_input(2);
  BroadcastIndex scale(shape, src[1].desc.shape);
  BroadcastIndex shift(shape, shifts ? src[2].desc.shape : Shape{});
  for (std::int64_t row = 0; row < rows; ++row) {
    const Moments moments = moments_of(src[0], row * size, size, epsilon);
    for (std::int64_t i = row * size; i < (row + 1) * size; ++i, scale.next(), shift.next()) {
      const double normal = (real_at(src[0], i) - moments.mean) * moments.factor;
      const double scaled = normal * real_at(src[1], scale.offset());
      set_real(dst[0], i, shifts ? scaled + real_at(src[2], shift.offset()) : scaled);
    }
    if (dst.size() > 1 && dst[1].present()) set_real(dst[1], row, moments.mean);
    if (dst.size() > 2 && dst[2].present()) set_real(dst[2], row, moments.factor);
  }
}

}  // namespace

const OpDef& op_layer_normalization() {
  static const OpDef def{
      .name = "LayerNormalization",
      .sentence = "the last axes brought to mean 0 and variance 1, scaled and shifted",
      .since_opset = 17,
      .min_inputs = 2,
      .max_inputs = 3,
      .max_outputs = 3,
      .attributes = {{"axis", AttributeType::integer},
                     {"epsilon", AttributeType::real},
                     {"stash_type", AttributeType::integer}},
      .kind = OpKind::normalization,
      .infer = infer_layer_normalization,
      .reference = reference,
      .cost = cost_per_element<7>,
      .batch_separable = normalization_keeps_images_apart,
      .implementations = {&layer_normalization_rows},
  };
  return def;
}

}  // namespace godwit::ops
