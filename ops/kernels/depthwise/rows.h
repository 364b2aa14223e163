// Rows of the depthwise convolutions and of those in small groups.
#pragma once

#include "ops/kernels/depthwise/depthwise.h"
#include "ops/kernels/depthwise/grouped.h"
#include "ops/kernels/depthwise/quantized_depthwise.h"
#include "ops/kernels/rows.h"

namespace godwit::ops::kernels {

// Pixels of a row that the wider kernel of 8-bit integers takes at once.
inline constexpr int kDepthwisePixels = 4;

// Kernel: a template over the number of pixels.
template <class Arch, int kKernel, DType kDType, template <int> class Kernel>
struct PixelRows {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    constexpr int kColumns = kDepthwiseVectors<kKernel> * Arch::kWidth;
    row = Row<kDType, Kernel<1>, 1, kColumns>::add(row, family);
    return Row<kDType, Kernel<kDepthwisePixels>, kDepthwisePixels, kColumns>::add(row, family);
  }
};

template <class Arch, int kKernel, int kStride, DType dtype>
struct DepthwiseRow {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    using Kernel = DepthwiseLine<Arch, kKernel, kStride, typename Stored<dtype>::Type>;
    return Row<dtype, Kernel, kLinePixels, Kernel::kVectors * Arch::kWidth>::add(row, family);
  }
};

// 3×3 in groups of so many channels.
template <class Arch, int kGroup, int kStride>
struct GroupedRow {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    using Kernel = GroupedLine<Arch, kGroup, 3, kStride>;
    return Row<DType::f32, Kernel, Kernel::kPixels, Arch::kWidth>::add(row, family);
  }
};

template <class Arch, int kKernel, int kStride>
struct QuantizedDepthwiseOf {
  template <int kPixels>
  using Kernel = QuantizedDepthwisePixels<Arch, kKernel, kStride, kPixels>;
};
template <class Arch, int kKernel, int kStride>
using QuantizedDepthwiseRows =
    PixelRows<Arch, kKernel, DType::u8, QuantizedDepthwiseOf<Arch, kKernel, kStride>::template Kernel>;

}  // namespace godwit::ops::kernels
