// From sums of products of 8-bit integers to what is stored, vector by vector.
#pragma once

#include "ops/kernels/lanes.h"
#include "ops/kernels/quantized_finish.h"

namespace godwit::ops::kernels {

// In steps of the scale, without zero point: held between whole bounds, then rounded half to even.
template <class Arch>
GODWIT_INLINE typename Arch::F32 round_inside(typename Arch::F32 value, typename Arch::F32 lowest,
                                              typename Arch::F32 highest) {
  return Arch::round(Arch::min(Arch::max(value, lowest), highest));
}

// The end of every kernel on 8-bit integers, vector by vector; see QuantizedFinish. It holds what that holds
// in registers, where no store of bytes could have changed it.
template <class Arch>
struct Finish {
  using F32 = typename Arch::F32;
  using S32 = typename Arch::S32;
  static constexpr int kWidth = Arch::kWidth;

  explicit GODWIT_INLINE Finish(const QuantizedFinish& finish)
      : real(finish.real),
        rounds_sum(finish.rounds_sum),
        minimum(Arch::broadcast(finish.minimum)),
        maximum(Arch::broadcast(finish.maximum)),
        zero_point(Arch::to_i32(Arch::broadcast(finish.zero_point))),
        sum_minimum(Arch::broadcast(finish.sum_minimum)),
        sum_maximum(Arch::broadcast(finish.sum_maximum)),
        sum_factor(Arch::broadcast(finish.sum_factor)),
        residual_zero_point(Arch::broadcast(finish.residual_zero_point)),
        residual_factor(Arch::broadcast(finish.residual_factor)) {}

  // `value` is the sum in steps of the result (or a real number); count: how many of its lanes there are.
  // Rounds: it is known that rounds_sum.
  template <bool Whole, bool Rounds = false>
  GODWIT_INLINE F32 with_residual(F32 value, const std::uint8_t* residual, std::int64_t count) const {
    if (Rounds || rounds_sum) value = round_inside<Arch>(value, sum_minimum, sum_maximum) * sum_factor;
    const F32 added = Whole ? Arch::load(residual) : Lanes<Arch>::load_part(residual, count);
    return value + (added - residual_zero_point) * residual_factor;
  }
  // NaN gives `minimum`.
  GODWIT_INLINE F32 clamp(F32 value) const { return Arch::min(Arch::max(value, minimum), maximum); }
  // The integer to store, 0 to 255; without Clamps any that store_bytes() holds inside that range.
  template <bool Clamps = true>
  GODWIT_INLINE S32 number(F32 value) const {
    return Arch::add_i32(Arch::round_i32(Clamps ? clamp(value) : value), zero_point);
  }

  template <bool Whole>
  GODWIT_INLINE void store(F32 value, const std::uint8_t* residual, void* dst, std::int64_t at,
                           std::int64_t count) const {
    if (residual != nullptr) value = with_residual<Whole>(value, residual + at, count);
    if (real) {
      value = Arch::min(maximum, Arch::max(minimum, value));  // NaN stays NaN
      float* to = static_cast<float*>(dst) + at;
      if constexpr (Whole) {
        Arch::store(to, value);
      } else {
        Lanes<Arch>::store_part(to, value, count);
      }
      return;
    }
    std::uint8_t* to = static_cast<std::uint8_t*>(dst) + at;
    const S32 bytes[1] = {number(value)};
    if constexpr (Whole) {
      Arch::store_bytes(to, bytes);
    } else {
      Lanes<Arch>::store_part(to, Arch::to_float(bytes[0]), count);
    }
  }

  bool real, rounds_sum;
  F32 minimum, maximum;
  S32 zero_point;
  F32 sum_minimum, sum_maximum, sum_factor;
  F32 residual_zero_point, residual_factor;
};

}  // namespace godwit::ops::kernels
