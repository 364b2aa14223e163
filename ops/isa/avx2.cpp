// Kernels for AVX2 with FMA.
#include <immintrin.h>

#include "ops/kernels/simd_xsimd.h"
#include "ops/kernels/table.h"

namespace godwit::ops {
namespace {

struct Avx2 : simd::Xsimd<xsimd::avx2> {
  static constexpr Isa kIsa = Isa::avx2;
  static constexpr int kTileRows = 6;
  static GODWIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }
  static GODWIT_INLINE float fma_scalar(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
};

}  // namespace

int kernels_avx2(KernelInfo* rows) { return kernels::fill_table<Avx2>(rows); }

}  // namespace godwit::ops
