// Kernels for AVX-512 F, BW, DQ and VL.
#include <immintrin.h>

#include "ops/kernels/simd_xsimd.h"
#include "ops/kernels/table.h"

namespace godwit::ops {
namespace {

struct Avx512 : simd::Xsimd<xsimd::avx512bw> {
  static constexpr Isa kIsa = Isa::avx512;
  static constexpr int kTileRows = 14;
  static GODWIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
  static GODWIT_INLINE float fma_scalar(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
};

}  // namespace

int kernels_avx512(KernelInfo* rows) { return kernels::fill_table<Avx512>(rows); }

}  // namespace godwit::ops
