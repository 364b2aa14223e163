// Common ground of ops that compute: the types they take, the epilogue of one value, the size of their
// work.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "ops/op.h"
#include "runtime/tensor.h"

namespace godwit::ops {

inline constexpr std::array kFloatTypes{DType::f32, DType::f64, DType::f16, DType::bf16};
inline constexpr std::array kNumberTypes{DType::f32, DType::f64, DType::f16, DType::bf16,
                                         DType::s8,  DType::u8,  DType::s16, DType::u16,
                                         DType::s32, DType::s64, DType::u32, DType::u64};
inline constexpr std::array kIntegerTypes{DType::s8,  DType::u8,  DType::s16, DType::u16,
                                          DType::s32, DType::s64, DType::u32, DType::u64};
// Element types of matrices.
inline constexpr std::array kMatrixTypes{DType::f32, DType::f64, DType::f16, DType::bf16,
                                         DType::s32, DType::s64, DType::u32, DType::u64};

inline bool is_16_bit_float(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }
// The type that numbers stored as T are computed in: one f32 operation on two 16-bit floats, rounded to 16
// bits, is the exact result rounded once (f32 has more than twice their digits and two: Figueroa, "When is
// double rounding innocuous?", 1995).
template <class T>
using Computed = std::conditional_t<std::is_arithmetic_v<T>, T, float>;

// True where operand `i` is there and is not the residual of the epilogue.
inline bool has_own_input(const NodeView& node, std::size_t i) {
  return i < node.own_inputs() && node.has_input(i);
}

// Throws Error unless operand 0 has one of these types and all other present operands have operand 0's.
void require_one_dtype(const NodeView& node, std::span<const DType> allowed);
// The same for an op that multiplies 16-bit floats as well: its bias, operand 2, may be f32 then, and so may
// the residual of a result that is widened.
void require_product_dtypes(const NodeView& node, std::span<const DType> allowed = kFloatTypes);
// Type of its result: operand 0's, or f32 where the epilogue says dst_f32.
DType product_dtype(const NodeView& node);
// Throws Error unless operand `i`, where its shape is ranked, has `minimum` to `maximum` dimensions.
void require_rank(const NodeView& node, std::size_t i, int minimum, int maximum = kMaxRank);
// Throws Error unless a dimension that is known to be `actual` can be `expected`; `what` names it.
void require_dim(std::string_view what, std::int64_t actual, std::int64_t expected);
// Throws Error unless the residual, if there is one, can have output 0's description.
void require_residual(const NodeView& node, const TensorDesc& dst);

// Calls visitor.template operator()<T>() for the storage types of kFloatTypes and kNumberTypes; the dtype is
// in them.
template <class Visitor>
void visit_float(DType dtype, const Visitor& visitor) {
  switch (dtype) {
    case DType::f16:
      return visitor.template operator()<Float16>();
    case DType::bf16:
      return visitor.template operator()<BFloat16>();
    case DType::f64:
      return visitor.template operator()<double>();
    default:
      return visitor.template operator()<float>();
  }
}
// The types that kernels are made for.
inline bool is_kernel_float(DType dtype) { return dtype == DType::f32 || is_16_bit_float(dtype); }
template <class Visitor>
void visit_kernel_float(DType dtype, const Visitor& visitor) {
  switch (dtype) {
    case DType::f16:
      return visitor.template operator()<Float16>();
    case DType::bf16:
      return visitor.template operator()<BFloat16>();
    default:
      return visitor.template operator()<float>();
  }
}
// One number of a tensor of kFloatTypes as a double, and back, rounded once.
inline double real_at(const TensorView& tensor, std::int64_t i) {
  double value = 0;
  visit_float(tensor.desc.dtype, [&]<class T>() { value = static_cast<double>(tensor.as<const T>()[i]); });
  return value;
}
inline void set_real(const TensorView& tensor, std::int64_t i, double value) {
  visit_float(tensor.desc.dtype, [&]<class T>() { tensor.as<T>()[i] = static_cast<T>(value); });
}
template <class Visitor>
void visit_number(DType dtype, const Visitor& visitor) {
  switch (dtype) {
    case DType::s8:
      return visitor.template operator()<std::int8_t>();
    case DType::u8:
      return visitor.template operator()<std::uint8_t>();
    case DType::s16:
      return visitor.template operator()<std::int16_t>();
    case DType::u16:
      return visitor.template operator()<std::uint16_t>();
    case DType::s32:
      return visitor.template operator()<std::int32_t>();
    case DType::s64:
      return visitor.template operator()<std::int64_t>();
    case DType::u32:
      return visitor.template operator()<std::uint32_t>();
    case DType::u64:
      return visitor.template operator()<std::uint64_t>();
    default:
      visit_float(dtype, visitor);
  }
}

// A real number as T: floats rounded once, integers towards zero, inside T's range, and 0 for NaN.
template <class T>
T number_from(double value) {
  if constexpr (!std::is_integral_v<T>) {
    return static_cast<T>(value);
  } else {
    if (value != value) return 0;
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  }
}
// One number of a tensor of kNumberTypes as a double; integers beyond 2^53 are rounded.
inline double number_at(const TensorView& tensor, std::int64_t i) {
  double value = 0;
  visit_number(tensor.desc.dtype, [&]<class T>() { value = static_cast<double>(tensor.as<const T>()[i]); });
  return value;
}

// The end of an epilogue. Comparisons are written so that NaN passes.
inline double clamp(const Epilogue& epilogue, double value) {
  if (value < static_cast<double>(epilogue.minimum)) value = static_cast<double>(epilogue.minimum);
  if (value > static_cast<double>(epilogue.maximum)) value = static_cast<double>(epilogue.maximum);
  return value;
}
// The same for a number of any type; bounds outside of an integer's range end at its own.
template <class T>
T clamp_number(const Epilogue& epilogue, T value) {
  const double clamped = clamp(epilogue, static_cast<double>(value));
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(clamped);
  } else {
    // Untouched numbers stay exact, also where a double could not hold them.
    if (clamped == static_cast<double>(value)) return value;
    if (clamped <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    if (clamped >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(clamped);
  }
}
// `value` plus element `i` of the residual (the last of `src`, if the node has one), clamped.
inline double finish(const NodeView& node, std::span<const TensorView> src, std::int64_t i, double value) {
  if (node.epilogue.residual) value += real_at(src.back(), i);
  return clamp(node.epilogue, value);
}

// The same for an integer result of type T, whose `value` is modulo 2^64.
template <class T>
T finish_whole(const NodeView& node, std::span<const TensorView> src, std::int64_t i, std::uint64_t value) {
  if (node.epilogue.residual) value += static_cast<std::uint64_t>(src.back().as<const T>()[i]);
  return node.epilogue.clamps() ? clamp_number(node.epilogue, static_cast<T>(value)) : static_cast<T>(value);
}

// Products and sums of amounts of work; the largest number instead of overflow, for models that nobody could
// run.
std::int64_t work_product(std::initializer_list<std::int64_t> factors);
std::int64_t work_sum(std::initializer_list<std::int64_t> terms);
// Elements of output 0; 0 while its shape is not known.
std::int64_t output_elements(const NodeView& node);
// One operation per element of output 0 for each of residual and clamp.
std::int64_t epilogue_flops(const NodeView& node);
// The cost of an element-wise op that takes so many operations per element.
template <int kFlops>
Cost cost_per_element(const NodeView& node) {
  return {.macs = 0,
          .flops = work_sum({work_product({kFlops, output_elements(node)}), epilogue_flops(node)})};
}

// nhwc for operands of rank 3 and 4, the ranks that have layouts.
LayoutRule channels_last(const NodeView& node);

}  // namespace godwit::ops
