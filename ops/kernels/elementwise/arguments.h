// Arguments of the kernels over flat spans.
#pragma once

#include <cstdint>

#include "ops/kernels/quantized_finish.h"

namespace godwit::ops {

// dst[i] = f(src[i]; alpha, beta): what alpha and beta mean is the function's own affair.
struct UnarySpan {
  const void* src;
  void* dst;
  std::int64_t count;
  float alpha, beta;
};
using UnaryKernel = void(const UnarySpan& span);

// dst[i] = clamp(f(lhs[i * lhs_step], rhs[i * rhs_step])), steps 0 (repeated) or 1.
struct BinarySpan {
  const void* lhs;
  const void* rhs;
  void* dst;
  std::int64_t count;
  std::int64_t lhs_step, rhs_step;
  float minimum, maximum;
};
using BinaryKernel = void(const BinarySpan& span);

// dst[i] = clamp(src[i] * scale[i] + shift[i]).
struct AffineSpan {
  const float* src;
  const float* scale;
  const float* shift;
  float* dst;
  std::int64_t count;
  float minimum, maximum;
};
using AffineKernel = void(const AffineSpan& span);

// One row of softmax: dst[i] = exp(src[i] - max) / sum; dst may be src.
struct SoftmaxRow {
  const float* src;
  float* dst;
  std::int64_t count;
};
using SoftmaxKernel = void(const SoftmaxRow& row);

// The same of `rows` rows one behind the other, of at most kMostInShortRow elements.
inline constexpr int kMostInShortRow = 16;
struct ShortSoftmaxRows {
  const float* src;
  float* dst;
  std::int64_t rows, count;
};
using SoftmaxRowsKernel = void(const ShortSoftmaxRows& rows);

// dst[i] = ((lhs[i] - lhs_zero_point) * lhs_scale + (rhs[i] - rhs_zero_point) * rhs_scale) / step, or its
// first term alone where rhs is null; every step one f32 operation, as DequantizeLinear, Add and
// QuantizeLinear have them, so that ties fall as theirs do; then QuantizedFinish to u8.
struct QuantizedAddSpan {
  const std::uint8_t* lhs;
  const std::uint8_t* rhs;
  std::uint8_t* dst;
  std::int64_t count;
  float lhs_zero_point, lhs_scale;
  float rhs_zero_point, rhs_scale;
  float step;
  const QuantizedFinish* finish;
};
using QuantizedAddKernel = void(const QuantizedAddSpan& span);

}  // namespace godwit::ops
