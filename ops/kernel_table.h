// All micro-kernels of this build as data, and the choice among them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ops/kernel_info.h"
#include "ops/kernels/arguments.h"

namespace godwit::ops {

// Every kernel, ISA by ISA from the least special, also of ISAs that this CPU lacks.
std::span<const KernelInfo> all_kernels();

std::string_view name_of(KernelFamily family);
// family_dtype_tile_isa: "gemm_f32_14x32_avx512".
std::string name_of(const KernelInfo& kernel);

// The kernel of the most special ISA up to `isa` that has one: what an ISA lacks is inherited from below.
// Tiled families give the row with the largest tile. Never null for families that generic has.
const KernelInfo* find_kernel(KernelFamily family, DType dtype, Isa isa);

// The kernel of that family with exactly `rows` rows in its tile, of the same ISA as find_kernel() gives;
// null if none.
const KernelInfo* find_tile(KernelFamily family, DType dtype, Isa isa, int rows);

template <class Function>
Function* find_function(KernelFamily family, DType dtype, Isa isa) {
  return reinterpret_cast<Function*>(find_kernel(family, dtype, isa)->function);
}

// The GEMM tiles of one ISA: full width (two vectors) and half width, every height from 1 to mr.
struct GemmTileSizes {
  static constexpr int kMaxRows = 16;
  int mr = 0;
  int nr = 0;                        // full width; the half width is nr / 2
  int kr = 1;                        // numbers in a step of the inner dimension, 32 bits of A
  int step_bytes = 4;                // that a step takes in one column of packed weights
  const KernelInfo* full = nullptr;  // the mr × nr tile
};
template <class Kernel>
struct GemmTiles : GemmTileSizes {
  Kernel* by_rows[2][kMaxRows + 1] = {};  // [0: half, 1: full width][rows]
};
using GemmKernels = GemmTiles<GemmKernel>;
using QuantizedGemmKernels = GemmTiles<QuantizedGemmKernel>;
// dtype: of the packed weights, f32 or a 16-bit float.
const GemmKernels& gemm_kernels(Isa isa, DType dtype = DType::f32);
const QuantizedGemmKernels& quantized_gemm_kernels(Isa isa);

// The kernels of one ISA that skip zeros of A. They read panels as the GEMM tiles of the same ISA do, 16-bit
// floats widened to f32.
struct SparseKernelSizes {
  static constexpr int kMaxPanels = 6;
  int panel = 0;                     // columns of a panel
  const KernelInfo* full = nullptr;  // that of most panels
  NonzeroKernel* nonzeros = nullptr;
};
template <class Kernel>
struct SparseKernels : SparseKernelSizes {
  Kernel* by_panels[kMaxPanels + 1] = {};  // [0]: half a panel
};
using SparseGemmKernels = SparseKernels<SparseGemmKernel>;
using SparseQuantizedKernels = SparseKernels<SparseQuantizedKernel>;
// dtype: of A, dst and residual. Null where the GEMM tiles of that ISA take pairs of numbers.
const SparseGemmKernels* sparse_gemm_kernels(Isa isa, DType dtype);

// Faster ones for weights of which no two neighbours of the inner dimension, 2i and 2i + 1, can make a sum of
// products beyond 16 bits; null where those above are as fast.
const QuantizedGemmKernels* maddubs_kernels(Isa isa);
// For weights packed for those. Null on the same ISAs.
const SparseQuantizedKernels* sparse_quantized_kernels(Isa isa);
// Those that keep sums of two products in 16 bits for several steps; null on the same ISAs.
const QuantizedGemmKernels* maddubs_group_kernels(Isa isa);

}  // namespace godwit::ops
