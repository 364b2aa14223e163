// Rows of the products that skip zeros.
#pragma once

#include "ops/kernels/architecture.h"
#include "ops/kernels/rows.h"
#include "ops/kernels/sparse_gemm/sparse_gemm.h"

namespace godwit::ops::kernels {

// One row for half a panel and for each number of panels up to kSparsePanels.
// Tiles: Kernel<vectors>, and kDType, kDepth.
template <class Arch, class Tiles>
struct PanelRows {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    return add_panels<kSparsePanels>(row, family);
  }

 private:
  template <int kPanels, class Function>
  static constexpr KernelRow* add_panels(KernelRow* row, RowFamily<Function> family) {
    constexpr int kVectors = kPanels == 0 ? 1 : 2 * kPanels;
    if constexpr (kPanels > 0) row = add_panels<kPanels - 1>(row, family);
    using Kernel = typename Tiles::template Kernel<kVectors>;
    return Row<Tiles::kDType, Kernel, 1, kVectors * Arch::kWidth, Tiles::kDepth>::add(row, family);
  }
};

template <class Arch, DType dtype>
struct SparseGemmTiles {
  template <int kVectors>
  using Kernel = SparseGemm<Arch, kVectors, typename Stored<dtype>::Type>;
  static constexpr DType kDType = dtype;
  static constexpr int kDepth = 1;
};
template <class Arch, DType dtype>
using SparseGemmRows = PanelRows<Arch, SparseGemmTiles<Arch, dtype>>;

template <class Arch>
struct SparseQuantizedTiles {
  template <int kVectors>
  using Kernel = SparseQuantized<Arch, kVectors>;
  static constexpr DType kDType = DType::s8;
  static constexpr int kDepth = 4;
};
// None where the architecture lacks maddubs().
template <class Arch>
struct SparseQuantizedRows {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    if constexpr (HasMaddubs<Arch>) {
      return PanelRows<Arch, SparseQuantizedTiles<Arch>>::add(row, family);
    } else {
      return row;
    }
  }
};

}  // namespace godwit::ops::kernels
