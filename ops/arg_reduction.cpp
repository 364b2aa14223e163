// Shapes of places along an axis.
#include "ops/arg_reduction.h"

#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {

std::vector<AttributeSpec> arg_attributes() {
  return {{"axis", AttributeType::integer},
          {"keepdims", AttributeType::integer},
          {"select_last_index", AttributeType::integer}};
}

int arg_axis(const NodeView& node, const Shape& shape) {
  const std::int64_t axis = node.attributes.integer("axis", 0);
  return shape.rank() == 0 ? 0 : normalize_axis(axis, shape.rank());
}

std::vector<TensorDesc> infer_arg(const NodeView& node) {
  require_one_dtype(node, kNumberTypes);
  (void)node.attributes.flag("select_last_index", false);
  const bool keep = node.attributes.flag("keepdims", true);
  const Shape& src = node.shape(0);
  if (!src.ranked()) return {{DType::s64, Shape::unranked(), Layout::nchw}};
  const int gone = arg_axis(node, src);
  Shape shape;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (axis != gone) shape.append(src[axis]);
    if (axis == gone && keep) shape.append(1);
  }
  if (src.rank() > 0 && src[gone] == 0)
    throw Error("the axis has no elements, so that none is the largest or smallest");
  return {{DType::s64, shape, Layout::nchw}};
}

bool arg_keeps_images_apart(const NodeView& node) {
  return node.shape(0).rank() > 0 && arg_axis(node, node.shape(0)) != 0;
}

}  // namespace godwit::ops
