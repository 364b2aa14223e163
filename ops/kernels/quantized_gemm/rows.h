// Rows of the GEMM tiles of 8-bit integers.
#pragma once

#include "ops/kernels/architecture.h"
#include "ops/kernels/quantized_gemm/quantized_gemm.h"
#include "ops/kernels/rows.h"

namespace godwit::ops::kernels {

template <class Arch>
struct QuantizedGemmTiles {
  template <int kRows, int kVectors>
  using Kernel = QuantizedGemm<Arch, kRows, kVectors>;
  static constexpr DType kDType = DType::s8;
  static constexpr int kDepth = Arch::kDotDepth;
  static constexpr int kTileRows = Arch::kTileRows;
};

template <class Arch, int... kVectorCounts>
using QuantizedGemmRows = TileRows<Arch, QuantizedGemmTiles<Arch>, kVectorCounts...>;

// None where the architecture lacks maddubs(). Adapted: Maddubs or PairGroups.
template <class Arch, template <class> class Adapted, int... kVectorCounts>
struct MaddubsRows {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    if constexpr (HasMaddubs<Arch>) {
      return QuantizedGemmRows<Adapted<Arch>, kVectorCounts...>::add(row, family);
    } else {
      return row;
    }
  }
};

}  // namespace godwit::ops::kernels
