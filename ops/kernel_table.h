// All micro-kernels of this build as data, and the choice among them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ops/families.h"
#include "ops/kernel_info.h"

namespace godwit::ops {

// Every kernel, ISA by ISA from the least special, also of ISAs that this CPU lacks.
std::span<const KernelInfo> all_kernels();
// Every family, in the order of ops/kernels/families.inc.
std::span<const KernelFamily> all_families();

// The identifier, which no other family has: "quantized_gemm".
std::string_view identifier_of(KernelFamily family);
// The beginning of its kernels' names: "gemm". Families of other data types may share it.
std::string_view name_of(KernelFamily family);
// family_dtype_tile_isa: "gemm_f32_14x32_avx512".
std::string name_of(const KernelInfo& kernel);

// The kernel of the most special ISA up to `isa` that has one: an ISA inherits what it lacks from below.
// Tiled families give the row with the largest tile. Never null for families that generic has.
const KernelInfo* find_kernel(KernelFamily family, DType dtype, Isa isa);

// The function of a kernel of that family.
template <class Function>
Function* function_of(Family<Function>, const KernelInfo& kernel) {
  return *static_cast<Function* const*>(kernel.function);
}

// Stands for the row of a kernel that does not exist; its tile has no rows.
inline constexpr KernelInfo kNoKernel{};

// A kernel whose function has its type, called as that is; null where there is none. `info` never is.
template <class Function>
struct Kernel {
  const KernelInfo* info = &kNoKernel;
  Function* function = nullptr;
  operator Function*() const { return function; }
};

template <class Function>
Kernel<Function> find_kernel(Family<Function> family, DType dtype, Isa isa) {
  const KernelInfo* info = find_kernel(family.id, dtype, isa);
  if (info == nullptr) return {};
  return {info, function_of(family, *info)};
}

template <class Function>
Function* find_function(Family<Function> family, DType dtype, Isa isa) {
  return find_kernel(family, dtype, isa).function;
}

// The kernel of that family with exactly `rows` rows in its tile, of the same ISA as find_kernel() gives;
// null if none.
const KernelInfo* find_tile(KernelFamily family, DType dtype, Isa isa, int rows);

template <class Function>
Kernel<Function> find_tile(Family<Function> family, DType dtype, Isa isa, int rows) {
  const KernelInfo* info = find_tile(family.id, dtype, isa, rows);
  if (info == nullptr) return {};
  return {info, function_of(family, *info)};
}

// The GEMM tiles of one ISA: full width (two vectors) and half width, every height from 1 to mr.
struct GemmTileSizes {
  static constexpr int kMaxRows = 16;
  int mr = 0;
  int nr = 0;                        // full width; the half width is nr / 2
  int kr = 1;                        // elements in a step of the inner dimension, 32 bits of A
  int step_bytes = 4;                // that a step takes in one column of packed weights
  const KernelInfo* full = nullptr;  // the mr × nr tile
};
template <class Function>
struct GemmTiles : GemmTileSizes {
  Function* by_rows[2][kMaxRows + 1] = {};  // [0: half, 1: full width][rows]
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
  const KernelInfo* full = nullptr;  // the one of most panels
  NonzeroKernel* nonzeros = nullptr;
};
template <class Function>
struct SparseKernels : SparseKernelSizes {
  Function* by_panels[kMaxPanels + 1] = {};  // [0]: half a panel
};
using SparseGemmKernels = SparseKernels<SparseGemmKernel>;
using SparseQuantizedKernels = SparseKernels<SparseQuantizedKernel>;
// dtype: of A, dst and residual. Null where the GEMM tiles of that ISA take pairs of elements.
const SparseGemmKernels* sparse_gemm_kernels(Isa isa, DType dtype);

// Faster ones for weights of which no two neighbours of the inner dimension, 2i and 2i + 1, can make a sum of
// products beyond 16 bits; null where those above are as fast.
const QuantizedGemmKernels* maddubs_kernels(Isa isa);
// Kernels for weights packed for those. Null on the same ISAs.
const SparseQuantizedKernels* sparse_quantized_kernels(Isa isa);
// Those that keep sums of two products in 16 bits for several steps; null on the same ISAs.
const QuantizedGemmKernels* maddubs_group_kernels(Isa isa);

}  // namespace godwit::ops
