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
#include "ops/kernels/sparse_gemm.h"
#include "ops/kernels/spatial.h"
#include "ops/kernels/winograd.h"

namespace godwit::ops::kernels {

template <class Function>
AnyKernel* erase(Function* function) {
  return reinterpret_cast<AnyKernel*>(function);
}

// What kernels see of an element type.
template <DType>
struct Stored {
  using Type = float;
};
template <>
struct Stored<DType::f16> {
  using Type = Float16Bits;
};
template <>
struct Stored<DType::bf16> {
  using Type = BFloat16Bits;
};

// One row for every height of the tile up to the full one, so that edge tiles waste nothing.
template <class Arch, int Vectors, int Rows, DType dtype, template <class, class> class Step = SingleStep>
GODWIT_INLINE KernelInfo* add_gemm(KernelInfo* row) {
  using T = typename Stored<dtype>::Type;
  if constexpr (Rows > 1) row = add_gemm<Arch, Vectors, Rows - 1, dtype, Step>(row);
  *row = {KernelFamily::gemm,
          Arch::kIsa,
          dtype,
          Rows,
          Vectors * Arch::kWidth,
          erase(&Gemm<Arch, Rows, Vectors, T, Step<Arch, T>>::run),
          Step<Arch, T>::kNumbers};
  return row + 1;
}

template <class Arch, int Vectors, int Rows>
GODWIT_INLINE KernelInfo* add_quantized_gemm(KernelInfo* row, KernelFamily family = KernelFamily::gemm) {
  if constexpr (Rows > 1) row = add_quantized_gemm<Arch, Vectors, Rows - 1>(row, family);
  *row = {family,
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

template <class Arch, int Panels>
GODWIT_INLINE KernelInfo* add_sparse_quantized(KernelInfo* row) {
  constexpr int kVectors = Panels == 0 ? 1 : 2 * Panels;
  if constexpr (Panels > 0) row = add_sparse_quantized<Arch, Panels - 1>(row);
  *row = {KernelFamily::sparse_gemm,
          Arch::kIsa,
          DType::s8,
          1,
          kVectors * Arch::kWidth,
          erase(&SparseQuantized<Arch, kVectors>::run),
          Maddubss<Arch>::kDotDepth};
  return row + 1;
}

// For an Arch with
//   maddubs(a, b): the products of u8 in a and of s8 at b, each added to its neighbour's in 16 bits;
//   add_maddubs(pairs, a, b): such a vector added to another;
//   sum_pairs(): each of their numbers added to its neighbour in 32 bits;
//   dot_maddubs(sum, a, b): sum_pairs(maddubs(a, b)) added to a sum.
template <class Arch>
GODWIT_INLINE KernelInfo* add_maddubs(KernelInfo* row) {
  if constexpr (requires(typename Arch::S32 v) { Arch::maddubs(v, nullptr); }) {
    row = add_quantized_gemm<Maddubss<Arch>, 1, Arch::kTileRows>(row, KernelFamily::gemm_maddubs);
    row = add_quantized_gemm<Maddubss<Arch>, 2, Arch::kTileRows>(row, KernelFamily::gemm_maddubs);
    row = add_sparse_quantized<Arch, kSparsePanels>(row);
    using Groups = PairGroups<Arch>;
    row = add_quantized_gemm<Groups, 1, Groups::kTileRows>(row, KernelFamily::gemm_maddubs_groups);
    row = add_quantized_gemm<Groups, 2, Groups::kTileRows>(row, KernelFamily::gemm_maddubs_groups);
  }
  return row;
}

constexpr int kDepthwisePixels = 4;

template <class Arch, int Kernel, int Stride>
GODWIT_INLINE KernelInfo* add_quantized_depthwise(KernelInfo* row, KernelFamily family) {
  constexpr int kColumns = kDepthwiseVectors<Kernel> * Arch::kWidth;
  *row++ = {family, Arch::kIsa, DType::u8,
            1,      kColumns,   erase(&QuantizedDepthwisePixels<Arch, Kernel, Stride, 1>::run)};
  *row++ = {family,    Arch::kIsa,
            DType::u8, kDepthwisePixels,
            kColumns,  erase(&QuantizedDepthwisePixels<Arch, Kernel, Stride, kDepthwisePixels>::run)};
  return row;
}

template <class Arch, int Kernel, int Stride, DType dtype>
GODWIT_INLINE KernelInfo* add_depthwise(KernelInfo* row, KernelFamily family) {
  using T = typename Stored<dtype>::Type;
  constexpr int kColumns = kDepthwiseVectors<Kernel> * Arch::kWidth;
  *row++ = {family, Arch::kIsa, dtype, 1, kColumns, erase(&DepthwisePixels<Arch, Kernel, Stride, 1, T>::run)};
  *row++ = {family,   Arch::kIsa,
            dtype,    kDepthwisePixels,
            kColumns, erase(&DepthwisePixels<Arch, Kernel, Stride, kDepthwisePixels, T>::run)};
  return row;
}

// Convolutions and what belongs to them.
template <class Arch, DType dtype, template <class, class> class Step = SingleStep>
GODWIT_INLINE KernelInfo* add_convolutions(KernelInfo* row) {
  using T = typename Stored<dtype>::Type;
  row = add_gemm<Arch, 1, Arch::kTileRows, dtype, Step>(row);
  row = add_gemm<Arch, 2, Arch::kTileRows, dtype, Step>(row);
  row = add_depthwise<Arch, 3, 1, dtype>(row, KernelFamily::depthwise3_stride1);
  row = add_depthwise<Arch, 3, 2, dtype>(row, KernelFamily::depthwise3_stride2);
  row = add_depthwise<Arch, 5, 1, dtype>(row, KernelFamily::depthwise5_stride1);
  row = add_depthwise<Arch, 5, 2, dtype>(row, KernelFamily::depthwise5_stride2);
  const auto add = [&row](KernelFamily family, AnyKernel* function) {
    *row++ = {family, Arch::kIsa, dtype, 1, Arch::kWidth, function};
  };
  add(KernelFamily::depthwise, erase(&Depthwise<Arch, T>::run));
  add(KernelFamily::winograd2_input, erase(&WinogradInputKernel<Arch, 2, T>::run));
  add(KernelFamily::winograd2_output, erase(&WinogradOutputKernel<Arch, 2, T>::run));
  add(KernelFamily::winograd4_input, erase(&WinogradInputKernel<Arch, 4, T>::run));
  add(KernelFamily::winograd4_output, erase(&WinogradOutputKernel<Arch, 4, T>::run));
  return row;
}

template <class Arch, DType dtype, int Panels>
GODWIT_INLINE KernelInfo* add_sparse_gemm(KernelInfo* row) {
  using T = typename Stored<dtype>::Type;
  constexpr int kVectors = Panels == 0 ? 1 : 2 * Panels;
  if constexpr (Panels > 0) row = add_sparse_gemm<Arch, dtype, Panels - 1>(row);
  *row = {KernelFamily::sparse_gemm,
          Arch::kIsa,
          dtype,
          1,
          kVectors * Arch::kWidth,
          erase(&SparseGemm<Arch, kVectors, T>::run)};
  return row + 1;
}

// What there is for f32 and for both 16-bit floats.
template <class Arch, DType dtype>
GODWIT_INLINE KernelInfo* add_float(KernelInfo* row) {
  using T = typename Stored<dtype>::Type;
  row = add_convolutions<Arch, dtype>(row);
  row = add_sparse_gemm<Arch, dtype, kSparsePanels>(row);
  const auto add = [&row](KernelFamily family, AnyKernel* function) {
    *row++ = {family, Arch::kIsa, dtype, 1, Arch::kWidth, function};
  };
  add(KernelFamily::nonzeros, erase(&Nonzeros<Arch, T>::run));
  add(KernelFamily::max_pool, erase(&MaxPool<Arch, T>::run));
  add(KernelFamily::sum_pool, erase(&SumPool<Arch, T>::run));
  add(KernelFamily::sum_columns, erase(&SumColumns<Arch, T>::run));
  add(KernelFamily::clamp, erase(&Unary<Arch, Clamp, T>::run));
  add(KernelFamily::leaky_relu, erase(&Unary<Arch, LeakyRelu, T>::run));
  add(KernelFamily::sigmoid, erase(&Unary<Arch, Sigmoid, T>::run));
  add(KernelFamily::hard_sigmoid, erase(&Unary<Arch, HardSigmoid, T>::run));
  add(KernelFamily::hard_swish, erase(&Unary<Arch, HardSwish, T>::run));
  add(KernelFamily::add, erase(&Binary<Arch, AddOf, T>::run));
  add(KernelFamily::sub, erase(&Binary<Arch, SubOf, T>::run));
  add(KernelFamily::mul, erase(&Binary<Arch, MulOf, T>::run));
  add(KernelFamily::div, erase(&Binary<Arch, DivOf, T>::run));
  if constexpr (dtype != DType::f32) {
    add(KernelFamily::widen, erase(&Convert<Arch, T, float>::run));
    add(KernelFamily::narrow, erase(&Convert<Arch, float, T>::run));
  }
  return row;
}

// Convolutions of one 16-bit float alone, for an ISA that multiplies pairs of them.
template <class Arch, DType dtype>
GODWIT_INLINE int fill_pair_convolutions(KernelInfo* rows) {
  return static_cast<int>(add_convolutions<Arch, dtype, PairStep>(rows) - rows);
}

// Fills `rows` (room for kMaxKernelsPerIsa) and returns how many.
// Arch: the functions of simd.h, kIsa, and of the GEMM tiles kTileRows, the height of those of two vectors,
// and kTileSteps, 1 or 2 steps of the inner dimension for each turn of the loop.
template <class Arch>
GODWIT_INLINE int fill_table(KernelInfo* rows) {
  KernelInfo* row = add_float<Arch, DType::f32>(rows);
  row = add_float<Arch, DType::f16>(row);
  row = add_float<Arch, DType::bf16>(row);
  row += fill_quantized_gemm<Arch>(row);
  row = add_maddubs<Arch>(row);
  row = add_quantized_depthwise<Arch, 3, 1>(row, KernelFamily::depthwise3_stride1);
  row = add_quantized_depthwise<Arch, 3, 2>(row, KernelFamily::depthwise3_stride2);
  row = add_quantized_depthwise<Arch, 5, 1>(row, KernelFamily::depthwise5_stride1);
  row = add_quantized_depthwise<Arch, 5, 2>(row, KernelFamily::depthwise5_stride2);
  const auto add = [&row](KernelFamily family, DType dtype, AnyKernel* function) {
    *row++ = {family, Arch::kIsa, dtype, 1, Arch::kWidth, function};
  };
  add(KernelFamily::affine, DType::f32, erase(&Affine<Arch>::run));
  add(KernelFamily::softmax, DType::f32, erase(&Softmax<Arch>::run));
  add(KernelFamily::quantize, DType::u8, erase(&Quantize<Arch, std::uint8_t>::run));
  add(KernelFamily::quantize, DType::s8, erase(&Quantize<Arch, std::int8_t>::run));
  add(KernelFamily::dequantize, DType::u8, erase(&Dequantize<Arch, std::uint8_t>::run));
  add(KernelFamily::dequantize, DType::s8, erase(&Dequantize<Arch, std::int8_t>::run));
  add(KernelFamily::depthwise, DType::u8, erase(&QuantizedDepthwise<Arch>::run));
  add(KernelFamily::max_pool, DType::u8, erase(&MaxPoolBytes<Arch, std::uint8_t>::run));
  add(KernelFamily::max_pool, DType::s8, erase(&MaxPoolBytes<Arch, std::int8_t>::run));
  add(KernelFamily::sum_pool, DType::u8, erase(&SumPoolBytes<Arch>::run));
  add(KernelFamily::add, DType::u8, erase(&QuantizedAdd<Arch>::run));
  add(KernelFamily::winograd2_input, DType::u8, erase(&ByteWinogradInputKernel<Arch, 2>::run));
  add(KernelFamily::winograd2_output, DType::u8, erase(&ByteWinogradOutputKernel<Arch, 2>::run));
  add(KernelFamily::winograd4_input, DType::u8, erase(&ByteWinogradInputKernel<Arch, 4>::run));
  add(KernelFamily::winograd4_output, DType::u8, erase(&ByteWinogradOutputKernel<Arch, 4>::run));
  add(KernelFamily::nonzeros, DType::u8, erase(&NonzeroBytes<Arch>::run));
  add(KernelFamily::widen, DType::u8, erase(&WidenBytes<Arch>::run));
  add(KernelFamily::peak, DType::f32, erase(&Peak<Arch>::run));
  return static_cast<int>(row - rows);
}

}  // namespace godwit::ops::kernels
