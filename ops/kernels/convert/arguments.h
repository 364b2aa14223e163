// Arguments of conversions between element types.
#pragma once

#include <cstdint>

namespace godwit::ops {

// dst[i] = round(clamp(src[i] / scale, lowest, highest)) + zero_point: 8-bit integers of the kernel's dtype.
struct QuantizeSpan {
  const float* src;
  void* dst;
  std::int64_t count;
  float scale;
  float zero_point;
  float lowest, highest;  // the dtype's own bounds less the zero point
};
using QuantizeKernel = void(const QuantizeSpan& span);

// dst[i] = (src[i] - zero_point) * scale, src of the kernel's dtype.
struct DequantizeSpan {
  const void* src;
  float* dst;
  std::int64_t count;
  float scale;
  float zero_point;
};
using DequantizeKernel = void(const DequantizeSpan& span);

// dst[i] = src[i]. Widening goes from the kernel's dtype to what GEMM kernels take instead of it: u8 to s16
// (pairs of them), 16-bit floats to f32. Narrowing goes from f32 to the kernel's dtype, half to even.
struct ConvertSpan {
  const void* src;
  void* dst;
  std::int64_t count;
};
using ConvertKernel = void(const ConvertSpan& span);

}  // namespace godwit::ops
