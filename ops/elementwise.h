// Unary and binary element-wise ops: what is left to say of each is its function of one or two numbers.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/broadcast.h"
#include "ops/movement.h"
#include "ops/op.h"

namespace godwit::ops {

// One operand out of kFloatTypes; the result has its description.
std::vector<TensorDesc> infer_unary(const NodeView& node);

// One operand out of kNumberTypes, or of those given; the result has its description.
std::vector<TensorDesc> infer_number(const NodeView& node);
std::vector<TensorDesc> infer_integer(const NodeView& node);
std::vector<TensorDesc> infer_truth(const NodeView& node);

// dst[i] = function(src[i]), computed in double precision and rounded once.
template <class Function>
void map_unary(const TensorView& src, const TensorView& dst, const Function& function) {
  visit_float(dst.desc.dtype, [&]<class T>() {
    const std::int64_t count = dst.desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      dst.as<T>()[i] = static_cast<T>(function(static_cast<double>(src.as<const T>()[i])));
    }
  });
}

// dst[i] = function(src[i]) for any numbers; `function` takes and returns what elements are computed in.
template <class Function>
void map_numbers(const TensorView& src, const TensorView& dst, const Function& function) {
  visit_number(dst.desc.dtype, [&]<class T>() {
    const std::int64_t count = dst.desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      dst.as<T>()[i] = static_cast<T>(function(static_cast<Computed<T>>(src.as<const T>()[i])));
    }
  });
}

// Two operands of one type out of kNumberTypes that broadcast; of integers; of truth values.
std::vector<TensorDesc> infer_binary(const NodeView& node);
std::vector<TensorDesc> infer_binary_integer(const NodeView& node);
std::vector<TensorDesc> infer_binary_truth(const NodeView& node);
// Two operands of one type out of kNumberTypes that broadcast to truth values.
std::vector<TensorDesc> infer_comparison(const NodeView& node);
// The most operands that an op of any number takes.
inline constexpr std::size_t kMostOperands = std::size_t{1} << 16;
// Operands in any number, of one type out of kNumberTypes, or of kFloatTypes, that broadcast.
std::vector<TensorDesc> infer_variadic(const NodeView& node);
std::vector<TensorDesc> infer_variadic_float(const NodeView& node);

// follows where an nhwc result can be computed from operands as they lie: those not constant are as the
// result has them (rank 3 or 4) or one number.
LayoutRule layout_of_binary(const NodeView& node);

// True where operands that broadcast meet image by image: those computed have the result's rank, and those
// constant are the same for every image.
bool broadcast_keeps_images_apart(const NodeView& node);

// dst = clamp(function(a, b)) with broadcasting; `function` takes and returns what elements are computed in.
template <class Function>
void map_binary(const NodeView& node, std::span<const TensorView> src, const TensorView& dst,
                const Function& function) {
  visit_number(dst.desc.dtype, [&]<class T>() {
    BroadcastIndex a(dst.desc.shape, src[0].desc.shape);
    BroadcastIndex b(dst.desc.shape, src[1].desc.shape);
    const std::int64_t count = dst.desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i, a.next(), b.next()) {
      const auto value = function(static_cast<Computed<T>>(src[0].as<const T>()[a.offset()]),
                                  static_cast<Computed<T>>(src[1].as<const T>()[b.offset()]));
      dst.as<T>()[i] = static_cast<T>(node.epilogue.clamps() ? clamp_number(node.epilogue, value) : value);
    }
  });
}

// dst = function(a, b) with broadcasting, for operands of A and results of D.
template <class A, class D, class Function>
void map_pairs(std::span<const TensorView> src, const TensorView& dst, const Function& function) {
  BroadcastIndex a(dst.desc.shape, src[0].desc.shape);
  BroadcastIndex b(dst.desc.shape, src[1].desc.shape);
  const std::int64_t count = dst.desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i, a.next(), b.next()) {
    dst.as<D>()[i] = function(src[0].as<const A>()[a.offset()], src[1].as<const A>()[b.offset()]);
  }
}

// dst = compare(a, b), numbers as they are computed in.
template <class Compare>
void map_comparison(std::span<const TensorView> src, const TensorView& dst, const Compare& compare) {
  visit_number(src[0].desc.dtype, [&]<class T>() {
    map_pairs<T, bool>(src, dst, [&](T a, T b) {
      return compare(static_cast<Computed<T>>(a), static_cast<Computed<T>>(b));
    });
  });
}

// dst = function(a, b) of integers.
template <class Function>
void map_integers(std::span<const TensorView> src, const TensorView& dst, const Function& function) {
  visit_number(dst.desc.dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      map_pairs<T, T>(src, dst, [&](T a, T b) { return static_cast<T>(function(a, b)); });
    }
  });
}

// dst = finish(step(step(first, second), third) …) over all operands, with broadcasting.
template <class T, class Start, class Step, class Finish>
void fold_operands(std::span<const TensorView> src, const TensorView& dst, const Start& start,
                   const Step& step, const Finish& finish) {
  const Shape& shape = dst.desc.shape;
  for_each_index(shape, [&](const Index& index, std::int64_t i) {
    auto value = start(src[0].as<const T>()[broadcast_offset(index, shape, src[0].desc.shape)]);
    for (const TensorView& operand : src.subspan(1)) {
      value = step(value, start(operand.as<const T>()[broadcast_offset(index, shape, operand.desc.shape)]));
    }
    dst.as<T>()[i] = static_cast<T>(finish(value));
  });
}

// The larger and the smaller of two numbers; NaN where either is.
template <class T>
T larger_or_nan(T a, T b) {
  return a != a || a > b ? a : b;
}
template <class T>
T smaller_or_nan(T a, T b) {
  return a != a || a < b ? a : b;
}

// dst = the one of all operands that choose(a, b) keeps, for any numbers, with broadcasting.
template <class Choose>
void choose_operands(std::span<const TensorView> src, const TensorView& dst, const Choose& choose) {
  visit_number(dst.desc.dtype, [&]<class T>() {
    fold_operands<T>(
        src, dst, [](T x) { return static_cast<Computed<T>>(x); }, choose, [](auto x) { return x; });
  });
}

// Integers wrap around: computed in 64 unsigned bits, whose low bits are right for every narrower type.
template <class T, class Function>
T wrap_around(T a, T b, const Function& function) {
  if constexpr (std::is_floating_point_v<T>) {
    return function(a, b);
  } else {
    return static_cast<T>(function(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  }
}

}  // namespace godwit::ops
