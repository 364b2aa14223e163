// Reductions over axes: the form that all of ONNX's share (data, optional axes, keepdims,
// noop_with_empty_axes).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/op.h"

namespace godwit::ops {

// Inference, cost, the attributes' specs and the check for nodes that reduce nothing at all.
std::vector<TensorDesc> infer_reduction(const NodeView& node);
Cost cost_of_reduction(const NodeView& node);
std::vector<AttributeSpec> reduction_attributes();
bool reduces_nothing(const NodeView& node);
// The same inference for any numbers and truth values.
std::vector<TensorDesc> infer_choice(const NodeView& node);
// nhwc for the sum over an image's height and width.
LayoutRule layout_of_sum(const NodeView& node);
// True where dimension 0 is known to stay (for OpDef::batch_separable).
bool reduction_keeps_images_apart(const NodeView& node);

// The operator of this name whose reference makes every result; fast paths are for the caller to add.
OpDef reduction(std::string_view name, std::string_view sentence, int since_opset,
                ReferenceFunction reference, InferFunction infer = infer_reduction);

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

// Calls visit(group) for each element of the result, in order; group(visit) calls visit(value) for each
// element of the operand that it is made of.
template <class T, class Visit>
void for_each_group(const NodeView& node, std::span<const TensorView> src, const Visit& visit) {
  const Reduction axes = reduction_of(node, src);
  const int rank = axes.kept.rank();
  const Index strides = strides_of(src[0].desc);
  const auto* data = src[0].as<const T>();
  for_each_index(axes.kept, [&](const Index& index, std::int64_t to) {
    const std::int64_t base = offset_of(index, strides, rank);
    visit(to, [&](const auto& take) {
      for_each_index(axes.group, [&](const Index& inner, std::int64_t) {
        take(data[base + offset_of(inner, strides, rank)]);
      });
    });
  });
}

// dst = finish(sum over each group of addend, elements of a group).
template <class Addend, class Finish>
void reduce_sums(const NodeView& node, std::span<const TensorView> src, const TensorView& dst,
                 const Addend& addend_of, const Finish& finish) {
  visit_reduced(dst.desc.dtype, [&]<class T>() {
    const std::int64_t count = reduction_of(node, src).group.elements();
    for_each_group<T>(node, src, [&](std::int64_t to, const auto& group) {
      Sum<T> sum = 0;
      group([&](T value) { sum += addend_of(addend(value)); });
      dst.as<T>()[to] = result<T>(finish(sum, count));
    });
  });
}
template <class Finish>
void reduce_sums(const NodeView& node, std::span<const TensorView> src, const TensorView& dst,
                 const Finish& finish) {
  reduce_sums(
      node, src, dst, [](auto value) { return value; }, finish);
}

// dst = the element of each group that choose(best, element) keeps; `nothing` of T where a group is empty.
template <class Choose, class Nothing>
void reduce_choices(const NodeView& node, std::span<const TensorView> src, const TensorView& dst,
                    const Choose& choose, const Nothing& nothing) {
  const auto run = [&]<class T>() {
    for_each_group<T>(node, src, [&](std::int64_t to, const auto& group) {
      auto best = static_cast<Computed<T>>(nothing.template operator()<T>());
      bool first = true;
      group([&](T value) {
        const auto number = static_cast<Computed<T>>(value);
        best = first ? number : choose(best, number);
        first = false;
      });
      dst.as<T>()[to] = static_cast<T>(best);
    });
  };
  if (dst.desc.dtype == DType::boolean) return run.template operator()<bool>();
  visit_number(dst.desc.dtype, run);
}

}  // namespace godwit::ops
