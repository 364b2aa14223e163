// AffineGrid: for each place of an image the position that an affine map gives it, for GridSample. Of an axis
// of one place the middle is taken.
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_affine_grid(const NodeView& node) {
  require_dtype(node, 0, "theta", kFloatTypes);
  require_rank(node, 0, 3, 3);
  (void)node.attributes.flag("align_corners", false);
  const IntegerList size = integer_list(node, 1, "size");
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (!is_known(size.length)) return {dst};
  if (size.length != 4 && size.length != 5)
    throw Error(fmt::format("input 1 (size) has {}, expected 4 or 5", counted(size.length, "value")));
  const std::int64_t axes = size.length - 2;
  if (node.shape(0).ranked()) {
    require_dim("dimension 1 of input 0 (theta)", node.shape(0)[1], axes);
    require_dim("dimension 2 of input 0 (theta)", node.shape(0)[2], axes + 1);
  }
  dst.shape = shape_of_rank(size.length);
  dst.shape[static_cast<int>(axes) + 1] = axes;
  if (!size.values) return {dst};
  for (const std::int64_t dim : *size.values) {
    if (dim < 0) throw Error(fmt::format("input 1 (size) has {}, expected at least 0", dim));
  }
  dst.shape[0] = (*size.values)[0];
  if (node.shape(0).ranked()) require_dim("dimension 0 of input 0 (theta)", node.shape(0)[0], dst.shape[0]);
  for (int i = 1; i <= axes; ++i) dst.shape[i] = (*size.values)[static_cast<std::size_t>(i) + 1];
  return {dst};
}

double coordinate(std::int64_t at, std::int64_t size, bool align_corners) {
  const auto place = static_cast<double>(at), length = static_cast<double>(size);
  if (align_corners) return size == 1 ? 0 : 2 * place / (length - 1) - 1;
  return (2 * place + 1) / length - 1;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = dst[0].desc.shape;
  const int axes = shape.rank() - 2;
  const bool align_corners = node.attributes.flag("align_corners", false);
  for_each_index(shape, [&](const Index& index, std::int64_t to) {
    // Row `index[last]` of theta times (x, y, 1) or (x, y, z, 1).
    const std::int64_t row = (index[0] * axes + index[static_cast<std::size_t>(axes) + 1]) * (axes + 1);
    double sum = real_at(src[0], row + axes);
    for (int i = 0; i < axes; ++i) {
      const int axis = axes - i;
      sum += real_at(src[0], row + i) *
             coordinate(index[static_cast<std::size_t>(axis)], shape[axis], align_corners);
    }
    set_real(dst[0], to, sum);
  });
}

Cost cost_affine_grid(const NodeView& node) {
  return {.macs = 0, .flops = work_product({6, output_elements(node)})};
}

}  // namespace

const OpDef& op_affine_grid() {
  static const OpDef def{
      .name = "AffineGrid",
      .sentence = "positions that an affine map gives to the places of an image, for GridSample",
      .since_opset = 20,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"align_corners", AttributeType::integer}},
      .infer = infer_affine_grid,
      .reference = reference,
      .cost = cost_affine_grid,
  };
  return def;
}

}  // namespace godwit::ops
