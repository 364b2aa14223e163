// ConstantOfShape: one value in a shape that is computed.
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_constant_of_shape(const NodeView& node) {
  const IntegerList target = integer_list(node, 0, "shape");
  const Tensor* value = node.attributes.tensor("value");
  if (value != nullptr && value->shape().elements() != 1) {
    throw Error(
        fmt::format("attribute 'value' has shape {}, expected one element", value->shape().to_string()));
  }
  TensorDesc dst{value != nullptr ? value->dtype() : DType::f32, Shape::unranked(), Layout::nchw};
  if (target.values) {
    dst.shape = Shape{};
    for (const std::int64_t dim : *target.values) {
      if (dim < 0) throw Error(fmt::format("input 0 (shape) has dimension {}, expected at least 0", dim));
      dst.shape.append(dim);
    }
  } else if (is_known(target.length)) {
    dst.shape = shape_of_rank(target.length);
  }
  return {dst};
}

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  float zero = 0;
  const Tensor* attribute = node.attributes.tensor("value");
  const TensorView value = attribute != nullptr ? attribute->view() : TensorView{{DType::f32, {}}, &zero};
  const std::int64_t count = dst[0].desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i) copy_element(value, 0, dst[0], i);
}

}  // namespace

const OpDef& op_constant_of_shape() {
  static const OpDef def{
      .name = "ConstantOfShape",
      .sentence = "one value in a shape that is computed",
      .since_opset = 9,
      .attributes = {{"value", AttributeType::tensor}},
      .kind = OpKind::shape,
      .infer = infer_constant_of_shape,
      .reference = reference,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
