// Expand: the operand repeated along dimensions of size 1, as broadcasting with a shape does.
#include <fmt/format.h>

#include "ops/algorithms/strided_copy.h"
#include "ops/axes.h"
#include "ops/broadcast.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_expand(const NodeView& node) {
  const IntegerList target = integer_list(node, 1, "shape");
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (target.values) {
    Shape shape;
    for (const std::int64_t dim : *target.values) {
      if (dim < 0) throw Error(fmt::format("input 1 (shape) has dimension {}, expected at least 0", dim));
      shape.append(dim);
    }
    dst.shape = broadcast_shapes(node.shape(0), shape);
  } else if (is_known(target.length) && node.shape(0).ranked()) {
    dst.shape = broadcast_shapes(node.shape(0), shape_of_rank(target.length));
  }
  return {dst};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  const int rank = static_cast<int>(src[1].desc.shape.elements());
  Shape target;
  for (int axis = 0; axis < rank; ++axis) target.append(integer_at(src[1], axis));
  dst[0].desc.shape = broadcast_extent(src[0].desc.shape, target);
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  BroadcastIndex from(dst[0].desc.shape, src[0].desc.shape);
  const std::int64_t count = dst[0].desc.shape.elements();
  for (std::int64_t to = 0; to < count; ++to, from.next()) copy_element(src[0], from.offset(), dst[0], to);
}

std::string accept(const NodeView&, const Target&) { return {}; }

std::unique_ptr<Executable> prepare_copy(const NodeView& node, const PrepareContext&) {
  const Shape& src = node.shape(0);
  const Shape& dst = node.outputs[0].shape;
  const Index strides = strides_of(node.input(0));
  CopyBox box{.extent = dst, .dst_strides = strides_of(node.outputs[0])};
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (src[axis] != 1) {
      box.src_strides[static_cast<std::size_t>(axis + dst.rank() - src.rank())] =
          strides[static_cast<std::size_t>(axis)];
    }
  }
  const CopyPart part{.box = box};
  return make_copies({&part, 1}, size_of(node.input(0).dtype));
}

const Implementation strided_copy{"strided_copy", "repeated by strides of 0", accept, prepare_copy};

}  // namespace

const OpDef& op_expand() {
  static const OpDef def{
      .name = "Expand",
      .sentence = "the operand repeated along dimensions of size 1",
      .since_opset = 8,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_expand,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
