// Linear quantisation as ONNX defines it: real = (number - zero_point) · scale; and what the ops that use it
// share.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "ops/op.h"
#include "runtime/tensor.h"

namespace godwit::ops {

// Round half to even, whatever the rounding mode of the thread; |value| below 2^22.
inline float round_half_even(float value) {
  constexpr float kMagic = 12582912.0F;           // 1.5 · 2^23: the sum's last bit is worth 1
  volatile const float shifted = value + kMagic;  // volatile: not to be simplified away
  return shifted - kMagic;
}

// `value` (in steps of the scale, without zero point) as a number of T: held inside T's range, rounded half
// to even, moved by the zero point. NaN gives the lowest number. This and nothing else decides the bits of
// every quantised result, on every ISA.
template <class T>
T to_quantized(float value, T zero_point) {
  const auto zero = static_cast<float>(zero_point);
  const float lowest = static_cast<float>(std::numeric_limits<T>::min()) - zero;
  const float highest = static_cast<float>(std::numeric_limits<T>::max()) - zero;
  value = value > lowest ? value : lowest;
  value = value < highest ? value : highest;
  return static_cast<T>(static_cast<std::int32_t>(round_half_even(value)) +
                        static_cast<std::int32_t>(zero_point));
}

// The largest sum of two weights of one sign whose products with two u8 stay within 16 bits: 255 · 128 <
// 2^15.
inline constexpr int kLargestPair = 128;
// True where the sum of their products with any two u8 fits into 16 bits.
constexpr bool pair_fits(int first, int second) {
  return std::max(first, 0) + std::max(second, 0) <= kLargestPair &&
         std::min(first, 0) + std::min(second, 0) >= -kLargestPair;
}

// Throws Error unless operand `i` can be a scale: f32 (or another of `types`), one number or one for each
// element along an axis (of length `count`), and every one that is known finite and above 0. `what` names it.
inline constexpr std::array kScaleTypes{DType::f32};
inline constexpr std::array kAllScaleTypes{DType::f32, DType::f16, DType::bf16, DType::f8e8m0};
void require_scale(const NodeView& node, std::size_t i, std::string_view what, std::int64_t count,
                   std::span<const DType> types = kScaleTypes);
// Throws Error unless operand `i`, where present, is a zero point of this type for the scale that is operand
// i - 1, of its shape.
void require_zero_point(const NodeView& node, std::size_t i, std::string_view what, DType dtype);

// The number of an operand that is known at compile time and has one element; 0 for a zero point left out.
// Requires u8, s8 or s32.
std::int32_t constant_zero_point(const NodeView& node, std::size_t i);
float constant_scale(const NodeView& node, std::size_t i);
// True where operand `i` is left out, or known at compile time.
bool known_or_absent(const NodeView& node, std::size_t i);

// The place of the scale of each element of a tensor lies: one for all, one for each place along an axis, or
// one for each block of places along it.
class ScalePlaces {
 public:
  // Blocks of QuantizeLinear and DequantizeLinear, whose operands 0 and 1 have these shapes.
  ScalePlaces(const NodeView& node, const Shape& shape, const Shape& scale);
  std::int64_t operator()(std::int64_t i) const {
    const std::int64_t outer = i / (along_ * inner_), place = i / inner_ % along_;
    return outer * outer_step_ + place / block_ * place_step_ + (place_step_ > 1 ? i % inner_ : 0);
  }

 private:
  std::int64_t inner_ = 1, along_ = 1, block_ = 1, outer_step_ = 0, place_step_ = 0;
};
// Checks operands 1 and 2 of both: scales as above, or of blocks, and a zero point of type `dtype`.
void require_quantization(const NodeView& node, DType dtype);
// True where attribute block_size divides operand 0 into blocks.
bool is_blocked(const NodeView& node);

// Element i of a tensor of any type but f64 and integers of 64 bits, as f32.
float f32_at(const TensorView& tensor, std::int64_t i);

// The axis that scales of QuantizeLinear and DequantizeLinear run along; requires a ranked operand 0.
int quantization_axis(const NodeView& node);
// The number of scales that there must be: the length of that axis; kAnyDim where it is not known or one
// scale serves all.
std::int64_t scale_count(const NodeView& node);
// True when one scale serves the whole tensor.
bool is_per_tensor(const NodeView& node);
// any layout where one scale serves the whole tensor, ONNX's order else.
LayoutRule layout_of_quantization(const NodeView& node);
bool quantization_keeps_images_apart(const NodeView& node);

}  // namespace godwit::ops
