// All kernels instantiated for one architecture, as rows of the kernel table.
#pragma once

#include "ops/kernel_info.h"
#include "ops/kernels/elementwise.h"
#include "ops/kernels/gemm.h"
#include "ops/kernels/peak.h"
#include "ops/kernels/quantize.h"
#include "ops/kernels/quantized_gemm.h"
#include "ops/kernels/quantized_spatial.h"
#include "ops/kernels/quantized_winograd.h"
#include "ops/kernels/spatial.h"
#include "ops/kernels/winograd.h"

namespace godwit::ops::kernels {

template <class Function>
AnyKernel* erase(Function* function) {
  return reinterpret_cast<AnyKernel*>(function);
}

// One row for every height of the tile up to the full one, so that edge tiles waste nothing.
template <class Arch, int Vectors, int Rows>
GODWIT_INLINE KernelInfo* add_gemm(KernelInfo* row) {
  if constexpr (Rows > 1) row = add_gemm<Arch, Vectors, Rows - 1>(row);
  *row = {KernelFamily::gemm,
          Arch::kIsa,
          DType::f32,
          Rows,
          Vectors * Arch::kWidth,
          erase(&Gemm<Arch, Rows, Vectors>::run)};
  return row + 1;
}

template <class Arch, int Vectors, int Rows>
GODWIT_INLINE KernelInfo* add_quantized_gemm(KernelInfo* row) {
  if constexpr (Rows > 1) row = add_quantized_gemm<Arch, Vectors, Rows - 1>(row);
  *row = {KernelFamily::gemm,
          Arch::kIsa,
          DType::s8,
          Rows,
          Vectors * Arch::kWidth,
          erase(&QuantizedGemm<Arch, Rows, Vectors>::run),
          Arch::kDotDepth};
  return row + 1;
}

// The products of 8-bit numbers alone, for an ISA that adds nothing else to the one below it.
template <class Arch>
GODWIT_INLINE int fill_quantized_gemm(KernelInfo* rows) {
  KernelInfo* row = add_quantized_gemm<Arch, 1, Arch::kTileRows>(rows);
  row = add_quantized_gemm<Arch, 2, Arch::kTileRows>(row);
  return static_cast<int>(row - rows);
}

template <class Arch, int Kernel, int Stride>
GODWIT_INLINE KernelInfo* add_depthwise(KernelInfo* row, KernelFamily family) {
  constexpr int kPixels = 4;
  *row++ = {family, Arch::kIsa,   DType::f32,
            1,      Arch::kWidth, erase(&DepthwisePixels<Arch, Kernel, Stride, 1>::run)};
  *row++ = {family,  Arch::kIsa,   DType::f32,
            kPixels, Arch::kWidth, erase(&DepthwisePixels<Arch, Kernel, Stride, kPixels>::run)};
  *row++ = {family, Arch::kIsa,   DType::u8,
            1,      Arch::kWidth, erase(&QuantizedDepthwisePixels<Arch, Kernel, Stride, 1>::run)};
  *row++ = {family,  Arch::kIsa,   DType::u8,
            kPixels, Arch::kWidth, erase(&QuantizedDepthwisePixels<Arch, Kernel, Stride, kPixels>::run)};
  return row;
}

// Fills `rows` (room for kMaxKernelsPerIsa) and returns how many.
// Arch: the functions of simd.h, kIsa, and kTileRows: the height of the two-vector tile.
template <class Arch>
GODWIT_INLINE int fill_table(KernelInfo* rows) {
  KernelInfo* row = rows;
  row = add_gemm<Arch, 1, Arch::kTileRows>(row);
  row = add_gemm<Arch, 2, Arch::kTileRows>(row);
  row += fill_quantized_gemm<Arch>(row);
  row = add_depthwise<Arch, 3, 1>(row, KernelFamily::depthwise3_stride1);
  row = add_depthwise<Arch, 3, 2>(row, KernelFamily::depthwise3_stride2);
  row = add_depthwise<Arch, 5, 1>(row, KernelFamily::depthwise5_stride1);
  row = add_depthwise<Arch, 5, 2>(row, KernelFamily::depthwise5_stride2);
  const auto add = [&row](KernelFamily family, AnyKernel* function) {
    *row++ = {family, Arch::kIsa, DType::f32, 1, Arch::kWidth, function};
  };
  add(KernelFamily::depthwise, erase(&Depthwise<Arch>::run));
  add(KernelFamily::winograd2_input, erase(&WinogradInputKernel<Arch, 2>::run));
  add(KernelFamily::winograd2_output, erase(&WinogradOutputKernel<Arch, 2>::run));
  add(KernelFamily::winograd4_input, erase(&WinogradInputKernel<Arch, 4>::run));
  add(KernelFamily::winograd4_output, erase(&WinogradOutputKernel<Arch, 4>::run));
  add(KernelFamily::max_pool, erase(&MaxPool<Arch>::run));
  add(KernelFamily::sum_pool, erase(&SumPool<Arch>::run));
  add(KernelFamily::sum_columns, erase(&SumColumns<Arch>::run));
  add(KernelFamily::clamp, erase(&Unary<Arch, Clamp>::run));
  add(KernelFamily::leaky_relu, erase(&Unary<Arch, LeakyRelu>::run));
  add(KernelFamily::sigmoid, erase(&Unary<Arch, Sigmoid>::run));
  add(KernelFamily::hard_sigmoid, erase(&Unary<Arch, HardSigmoid>::run));
  add(KernelFamily::hard_swish, erase(&Unary<Arch, HardSwish>::run));
  add(KernelFamily::add, erase(&Binary<Arch, AddOf>::run));
  add(KernelFamily::sub, erase(&Binary<Arch, SubOf>::run));
  add(KernelFamily::mul, erase(&Binary<Arch, MulOf>::run));
  add(KernelFamily::div, erase(&Binary<Arch, DivOf>::run));
  add(KernelFamily::affine, erase(&Affine<Arch>::run));
  add(KernelFamily::softmax, erase(&Softmax<Arch>::run));
  const auto add_bytes = [&row](KernelFamily family, DType dtype, AnyKernel* function) {
    *row++ = {family, Arch::kIsa, dtype, 1, Arch::kWidth, function};
  };
  add_bytes(KernelFamily::quantize, DType::u8, erase(&Quantize<Arch, std::uint8_t>::run));
  add_bytes(KernelFamily::quantize, DType::s8, erase(&Quantize<Arch, std::int8_t>::run));
  add_bytes(KernelFamily::dequantize, DType::u8, erase(&Dequantize<Arch, std::uint8_t>::run));
  add_bytes(KernelFamily::dequantize, DType::s8, erase(&Dequantize<Arch, std::int8_t>::run));
  add_bytes(KernelFamily::depthwise, DType::u8, erase(&QuantizedDepthwise<Arch>::run));
  add_bytes(KernelFamily::max_pool, DType::u8, erase(&MaxPoolBytes<Arch, std::uint8_t>::run));
  add_bytes(KernelFamily::max_pool, DType::s8, erase(&MaxPoolBytes<Arch, std::int8_t>::run));
  add_bytes(KernelFamily::winograd2_input, DType::u8, erase(&ByteWinogradInputKernel<Arch>::run));
  add_bytes(KernelFamily::winograd2_output, DType::u8, erase(&ByteWinogradOutputKernel<Arch>::run));
  add_bytes(KernelFamily::widen, DType::u8, erase(&Widen<Arch>::run));
  add(KernelFamily::peak, erase(&Peak<Arch>::run));
  return static_cast<int>(row - rows);
}

}  // namespace godwit::ops::kernels
