// The functions of simd.h over an xsimd architecture; always an explicit one, never the compiler's default.
// The ISA file adds fma and fma_scalar: xsimd 8.1's fma for AVX-512 is a multiplication and an addition.
#pragma once

#include <xsimd/xsimd.hpp>

#include "ops/kernels/simd.h"

namespace godwit::ops::simd {

template <class XsimdArch>
struct Xsimd {
  using F32 = xsimd::batch<float, XsimdArch>;
  static constexpr int kWidth = static_cast<int>(F32::size);

  static GODWIT_INLINE F32 load(const float* p) { return F32::load_unaligned(p); }
  static GODWIT_INLINE void store(float* p, F32 v) { v.store_unaligned(p); }
  static GODWIT_INLINE F32 broadcast(float x) { return F32(x); }
  // The second operand when either is NaN, which is what lets NaN through a clamp.
  static GODWIT_INLINE F32 max(F32 a, F32 b) { return xsimd::max(a, b); }
  static GODWIT_INLINE F32 min(F32 a, F32 b) { return xsimd::min(a, b); }
  // The larger; NaN when either is.
  static GODWIT_INLINE F32 max_or_nan(F32 a, F32 b) { return xsimd::select(a != a, a, xsimd::max(a, b)); }
  static GODWIT_INLINE F32 round(F32 a) {
    const F32 magic(12582912.0F);
    return (a + magic) - magic;
  }
  static GODWIT_INLINE F32 exp2_whole(F32 n) {
    using S32 = xsimd::batch<std::int32_t, XsimdArch>;
    const S32 bits = (xsimd::to_int(n) + S32(127)) << 23;
    return xsimd::bitwise_cast<F32>(bits);
  }
};

}  // namespace godwit::ops::simd
