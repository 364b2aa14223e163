// Reductions over axes: the form that all of ONNX's share (data, optional axes, keepdims,
// noop_with_empty_axes).
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "ops/movement.h"
#include "ops/op.h"

namespace godwit::ops {

// Inference, cost, the attributes' specs and the check for nodes that reduce nothing at all.
std::vector<TensorDesc> infer_reduction(const NodeView& node);
Cost cost_of_reduction(const NodeView& node);
std::vector<AttributeSpec> reduction_attributes();
bool reduces_nothing(const NodeView& node);
// True where dimension 0 is known to stay (for OpDef::batch_separable).
bool reduction_keeps_images_apart(const NodeView& node);

// The operand's shape taken apart: `kept` has 1 at the reduced axes, `group` at all others.
struct Reduction {
  Shape kept, group;
};
// From the operands at run time (data, axes), which infer has checked.
Reduction reduction_of(const NodeView& node, std::span<const TensorView> src);

// Sums of floats are made in double precision, one element after the other: Eigen's reductions begin at an
// aligned address, so that their order, and with it the last bit, would depend on where an operand lies. Sums
// of 64-bit integers fit into 128 bits.
template <class T>
using Sum = std::conditional_t<std::is_integral_v<T>, __int128, double>;

template <class T>
Sum<T> addend(T value) {
  return static_cast<Sum<T>>(value);
}
template <class T>
T result(Sum<T> value) {
  return static_cast<T>(value);
}

// Calls visitor.template operator()<T>() for the types that infer_reduction lets through.
template <class Visitor>
void visit_reduced(DType dtype, const Visitor& visitor) {
  switch (dtype) {
    case DType::f16:
      return visitor.template operator()<Float16>();
    case DType::bf16:
      return visitor.template operator()<BFloat16>();
    case DType::f64:
      return visitor.template operator()<double>();
    case DType::s32:
      return visitor.template operator()<std::int32_t>();
    case DType::s64:
      return visitor.template operator()<std::int64_t>();
    case DType::u32:
      return visitor.template operator()<std::uint32_t>();
    case DType::u64:
      return visitor.template operator()<std::uint64_t>();
    default:
      return visitor.template operator()<float>();
  }
}

// dst = finish(sum over each group, elements of a group).
template <class Finish>
void reduce_sums(const NodeView& node, std::span<const TensorView> src, const TensorView& dst,
                 const Finish& finish) {
  visit_reduced(dst.desc.dtype, [&]<class T>() {
    const Reduction axes = reduction_of(node, src);
    const int rank = axes.kept.rank();
    const Index strides = strides_of(src[0].desc);
    const auto* data = src[0].as<const T>();
    const std::int64_t count = axes.group.elements();
    for_each_index(axes.kept, [&](const Index& index, std::int64_t to) {
      const std::int64_t base = offset_of(index, strides, rank);
      Sum<T> sum = 0;
      for_each_index(axes.group, [&](const Index& inner, std::int64_t) {
        sum += addend(data[base + offset_of(inner, strides, rank)]);
      });
      dst.as<T>()[to] = result<T>(finish(sum, count));
    });
  });
}

}  // namespace godwit::ops
