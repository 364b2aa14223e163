// Collects the kernels of all ISAs and finds the best one for a purpose.
#include "ops/kernel_table.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <vector>

#include "ops/isa/isas.h"
#include "runtime/cpu.h"

namespace godwit::ops {
namespace {

constexpr std::array<std::string_view, 33> kFamilyNames = {"gemm",
                                                           "gemm_maddubs",
                                                           "gemm_maddubs_groups",
                                                           "sparse_gemm",
                                                           "nonzeros",
                                                           "depthwise",
                                                           "depthwise3_stride1",
                                                           "depthwise3_stride2",
                                                           "depthwise5_stride1",
                                                           "depthwise5_stride2",
                                                           "winograd2_input",
                                                           "winograd2_output",
                                                           "winograd4_input",
                                                           "winograd4_output",
                                                           "max_pool",
                                                           "sum_pool",
                                                           "sum_columns",
                                                           "clamp",
                                                           "leaky_relu",
                                                           "sigmoid",
                                                           "hard_sigmoid",
                                                           "hard_swish",
                                                           "add",
                                                           "sub",
                                                           "mul",
                                                           "div",
                                                           "affine",
                                                           "softmax",
                                                           "quantize",
                                                           "dequantize",
                                                           "widen",
                                                           "narrow",
                                                           "peak"};

template <class Kernel>
GemmTiles<Kernel> collect_gemm(KernelFamily family, Isa isa, DType dtype) {
  GemmTiles<Kernel> tiles;
  tiles.full = find_kernel(family, dtype, isa);
  if (tiles.full == nullptr) return tiles;
  tiles.mr = tiles.full->mr;
  tiles.nr = tiles.full->nr;
  tiles.kr = tiles.full->kr;
  // 16-bit floats meet rows that were widened to f32; pairs of 16-bit integers fill a step.
  if (is_float(dtype)) tiles.step_bytes = static_cast<int>(size_of(dtype)) * tiles.kr;
  for (const KernelInfo& kernel : all_kernels()) {
    if (kernel.family != family || kernel.dtype != dtype || kernel.isa != tiles.full->isa) continue;
    tiles.by_rows[kernel.nr == tiles.nr ? 1 : 0][kernel.mr] = reinterpret_cast<Kernel*>(kernel.function);
  }
  return tiles;
}

template <class Kernel, DType dtype, KernelFamily family = KernelFamily::gemm>
const GemmTiles<Kernel>& tiles_of(Isa isa) {
  static const std::map<Isa, GemmTiles<Kernel>> by_isa = [] {
    std::map<Isa, GemmTiles<Kernel>> map;
    for (const Isa each : isas_of_build()) map.emplace(each, collect_gemm<Kernel>(family, each, dtype));
    return map;
  }();
  return by_isa.at(isa);
}

template <class Kernel>
SparseKernels<Kernel> collect_sparse(Isa isa, DType weights, DType src) {
  SparseKernels<Kernel> kernels;
  kernels.full = find_kernel(KernelFamily::sparse_gemm, weights, isa);
  if (kernels.full == nullptr) return kernels;
  kernels.nonzeros = find_function<NonzeroKernel>(KernelFamily::nonzeros, src, isa);
  kernels.panel = kernels.full->nr / SparseKernelSizes::kMaxPanels;
  for (const KernelInfo& kernel : all_kernels()) {
    if (kernel.family != KernelFamily::sparse_gemm || kernel.dtype != weights ||
        kernel.isa != kernels.full->isa)
      continue;
    kernels.by_panels[kernel.nr / kernels.panel] = reinterpret_cast<Kernel*>(kernel.function);
  }
  return kernels;
}

template <class Kernel, DType weights, DType src = weights>
const SparseKernels<Kernel>& sparse_of(Isa isa) {
  static const std::map<Isa, SparseKernels<Kernel>> by_isa = [] {
    std::map<Isa, SparseKernels<Kernel>> map;
    for (const Isa each : isas_of_build()) map.emplace(each, collect_sparse<Kernel>(each, weights, src));
    return map;
  }();
  return by_isa.at(isa);
}

}  // namespace

std::span<const KernelInfo> all_kernels() {
  static const std::vector<KernelInfo> kernels = [] {
    std::vector<KernelInfo> all;
    for (const FillKernels fill : isa_tables()) {
      std::array<KernelInfo, kMaxKernelsPerIsa> rows{};
      const int count = fill(rows.data());
      all.insert(all.end(), rows.begin(), rows.begin() + count);
    }
    return all;
  }();
  return kernels;
}

std::string_view name_of(KernelFamily family) { return kFamilyNames[static_cast<std::size_t>(family)]; }

std::string name_of(const KernelInfo& kernel) {
  const bool gemm = kernel.family == KernelFamily::gemm || kernel.family == KernelFamily::gemm_maddubs ||
                    kernel.family == KernelFamily::gemm_maddubs_groups ||
                    kernel.family == KernelFamily::sparse_gemm;
  const std::string tile =
      kernel.mr > 1 || gemm ? fmt::format("{}x{}", kernel.mr, kernel.nr) : fmt::format("{}", kernel.nr);
  return fmt::format("{}_{}_{}_{}", name_of(kernel.family), name_of(kernel.dtype), tile, name_of(kernel.isa));
}

const KernelInfo* find_kernel(KernelFamily family, DType dtype, Isa isa) {
  const KernelInfo* best = nullptr;
  for (const KernelInfo& kernel : all_kernels()) {
    if (kernel.family != family || kernel.dtype != dtype || !includes(isa, kernel.isa)) continue;
    if (best == nullptr || rank_of(kernel.isa) > rank_of(best->isa) ||
        (kernel.isa == best->isa && kernel.mr * kernel.nr > best->mr * best->nr)) {
      best = &kernel;
    }
  }
  return best;
}

const KernelInfo* find_tile(KernelFamily family, DType dtype, Isa isa, int rows) {
  const KernelInfo* largest = find_kernel(family, dtype, isa);
  for (const KernelInfo& kernel : all_kernels()) {
    if (largest != nullptr && kernel.family == family && kernel.dtype == dtype &&
        kernel.isa == largest->isa && kernel.mr == rows) {
      return &kernel;
    }
  }
  return nullptr;
}

const GemmKernels& gemm_kernels(Isa isa, DType dtype) {
  switch (dtype) {
    case DType::f16:
      return tiles_of<GemmKernel, DType::f16>(isa);
    case DType::bf16:
      return tiles_of<GemmKernel, DType::bf16>(isa);
    default:
      return tiles_of<GemmKernel, DType::f32>(isa);
  }
}

const QuantizedGemmKernels& quantized_gemm_kernels(Isa isa) {
  return tiles_of<QuantizedGemmKernel, DType::s8>(isa);
}

const SparseGemmKernels* sparse_gemm_kernels(Isa isa, DType dtype) {
  const SparseGemmKernels& kernels = dtype == DType::f16    ? sparse_of<SparseGemmKernel, DType::f16>(isa)
                                     : dtype == DType::bf16 ? sparse_of<SparseGemmKernel, DType::bf16>(isa)
                                                            : sparse_of<SparseGemmKernel, DType::f32>(isa);
  const GemmKernels& dense = gemm_kernels(isa, dtype);
  return dense.kr == 1 && dense.nr == kernels.panel ? &kernels : nullptr;
}

namespace {

template <KernelFamily family>
const QuantizedGemmKernels* where_faster(Isa isa) {
  const auto& tiles = tiles_of<QuantizedGemmKernel, DType::s8, family>(isa);
  return tiles.full != nullptr && quantized_gemm_kernels(isa).kr < tiles.kr ? &tiles : nullptr;
}

}  // namespace

const QuantizedGemmKernels* maddubs_kernels(Isa isa) { return where_faster<KernelFamily::gemm_maddubs>(isa); }

const QuantizedGemmKernels* maddubs_group_kernels(Isa isa) {
  return where_faster<KernelFamily::gemm_maddubs_groups>(isa);
}

const SparseQuantizedKernels* sparse_quantized_kernels(Isa isa) {
  const QuantizedGemmKernels* dense = maddubs_kernels(isa);
  const auto& kernels = sparse_of<SparseQuantizedKernel, DType::s8, DType::u8>(isa);
  return dense != nullptr && dense->nr == kernels.panel ? &kernels : nullptr;
}

}  // namespace godwit::ops
