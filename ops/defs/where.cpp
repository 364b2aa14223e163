// The op Where: elements of the second operand where the first is true, else of the third, with broadcasting.
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/broadcast.h"
#include "ops/elementwise.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_where(const NodeView& node) {
  if (node.input(0).dtype != DType::boolean) {
    throw Error(fmt::format("input 0 (condition) is {}, expected boolean", name_of(node.input(0).dtype)));
  }
  if (node.input(1).dtype != node.input(2).dtype) {
    throw Error(fmt::format("input 2 is {}, expected {} as input 1", name_of(node.input(2).dtype),
                            name_of(node.input(1).dtype)));
  }
  const Shape values = broadcast_shapes(node.shape(1), node.shape(2));
  return {{node.input(1).dtype, broadcast_shapes(node.shape(0), values), Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = dst[0].desc.shape;
  BroadcastIndex condition(shape, src[0].desc.shape);
  BroadcastIndex a(shape, src[1].desc.shape);
  BroadcastIndex b(shape, src[2].desc.shape);
  const std::int64_t count = shape.elements();
  for (std::int64_t i = 0; i < count; ++i, condition.next(), a.next(), b.next()) {
    const bool first = src[0].as<const bool>()[condition.offset()];
    copy_element(first ? src[1] : src[2], first ? a.offset() : b.offset(), dst[0], i);
  }
}

bool moves(const NodeView&, std::size_t operand) { return operand > 0; }  // the condition is not

}  // namespace

const OpDef& op_where() {
  static const OpDef def{
      .name = "Where",
      .sentence = "elements of one operand or another, by a condition",
      .since_opset = 9,
      .min_inputs = 3,
      .max_inputs = 3,
      .kind = OpKind::movement,
      .moves = moves,
      .infer = infer_where,
      .reference = reference,
      .extents = broadcast_extents,
      .cost = no_arithmetic,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&where_rows},
  };
  return def;
}

}  // namespace godwit::ops
