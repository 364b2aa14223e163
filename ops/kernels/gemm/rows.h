// Rows of the GEMM tiles of floats.
#pragma once

#include "ops/kernels/architecture.h"
#include "ops/kernels/gemm/gemm.h"
#include "ops/kernels/rows.h"

namespace godwit::ops::kernels {

// A step takes a pair of 16-bit floats where the architecture multiplies and adds pairs of them.
template <class Arch, DType>
struct StepOf {
  template <class T>
  using Type = SingleStep<Arch, T>;
};
template <class Arch>
requires HasPairs<Arch>
struct StepOf<Arch, DType::bf16> {
  template <class T>
  using Type = PairStep<Arch, T>;
};

template <class Arch, DType dtype>
struct GemmTiles {
  using T = typename Stored<dtype>::Type;
  using Step = typename StepOf<Arch, dtype>::template Type<T>;
  template <int kRows, int kVectors>
  using Kernel = Gemm<Arch, kRows, kVectors, T, Step>;
  static constexpr DType kDType = dtype;
  static constexpr int kDepth = Step::kNumbers;
  static constexpr int kTileRows = Arch::kTileRows;
};

template <class Arch, DType dtype>
using GemmRows = TileRows<Arch, GemmTiles<Arch, dtype>, 1, 2>;

}  // namespace godwit::ops::kernels
