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

struct FamilyNames {
  KernelFamily family;
  std::string_view identifier, name;
};
constexpr FamilyNames kFamilies[] = {
#define GODWIT_KERNEL_FAMILY(family, name, type) {KernelFamily::family, #family, name},
#define GODWIT_KERNEL_ROWS(object, family, ...)
#include "ops/kernels/families.inc"
#undef GODWIT_KERNEL_ROWS
#undef GODWIT_KERNEL_FAMILY
};
constexpr std::array kIds = [] {
  std::array<KernelFamily, std::size(kFamilies)> ids{};
  std::ranges::transform(kFamilies, ids.begin(), &FamilyNames::family);
  return ids;
}();

const FamilyNames& names_of(KernelFamily family) { return kFamilies[static_cast<std::size_t>(family)]; }

// Objects are made from the same list: each of their families is in it.
KernelFamily family_from(std::string_view identifier) {
  return std::ranges::find(kFamilies, identifier, &FamilyNames::identifier)->family;
}

// The tiles of one family, chosen once for each ISA.
template <class Function>
class TilesByIsa {
 public:
  TilesByIsa(Family<Function> family, DType dtype) {
    for (const Isa isa : isas_of_build()) tiles_.emplace(isa, collect(family, dtype, isa));
  }
  const GemmTiles<Function>& at(Isa isa) const { return tiles_.at(isa); }

 private:
  static GemmTiles<Function> collect(Family<Function> family, DType dtype, Isa isa) {
    GemmTiles<Function> tiles;
    tiles.full = find_kernel(family.id, dtype, isa);
    if (tiles.full == nullptr) return tiles;
    tiles.mr = tiles.full->mr;
    tiles.nr = tiles.full->nr;
    tiles.kr = tiles.full->kr;
    // 16-bit floats meet rows that were widened to f32; pairs of 16-bit integers fill a step.
    if (is_float(dtype)) tiles.step_bytes = static_cast<int>(size_of(dtype)) * tiles.kr;
    for (const KernelInfo& kernel : all_kernels()) {
      if (kernel.family != family.id || kernel.dtype != dtype || kernel.isa != tiles.full->isa) continue;
      tiles.by_rows[kernel.nr == tiles.nr ? 1 : 0][kernel.mr] = function_of(family, kernel);
    }
    return tiles;
  }

  std::map<Isa, GemmTiles<Function>> tiles_;
};

// The same of kernels that skip zeros. weights, src: what they and the kernels that find zeros are of.
template <class Function>
class SparseByIsa {
 public:
  SparseByIsa(Family<Function> family, DType weights, DType src) {
    for (const Isa isa : isas_of_build()) kernels_.emplace(isa, collect(family, weights, src, isa));
  }
  const SparseKernels<Function>& at(Isa isa) const { return kernels_.at(isa); }

 private:
  static SparseKernels<Function> collect(Family<Function> family, DType weights, DType src, Isa isa) {
    SparseKernels<Function> kernels;
    kernels.full = find_kernel(family.id, weights, isa);
    if (kernels.full == nullptr) return kernels;
    kernels.nonzeros = find_function(families::nonzeros, src, isa);
    kernels.panel = kernels.full->nr / SparseKernelSizes::kMaxPanels;
    for (const KernelInfo& kernel : all_kernels()) {
      if (kernel.family != family.id || kernel.dtype != weights || kernel.isa != kernels.full->isa) continue;
      kernels.by_panels[kernel.nr / kernels.panel] = function_of(family, kernel);
    }
    return kernels;
  }

  std::map<Isa, SparseKernels<Function>> kernels_;
};

// Null where the tiles take no more elements in a step than those of any weights do.
const QuantizedGemmKernels* where_faster(const QuantizedGemmKernels& tiles, Isa isa) {
  return tiles.full != nullptr && quantized_gemm_kernels(isa).kr < tiles.kr ? &tiles : nullptr;
}

}  // namespace

std::span<const KernelInfo> all_kernels() {
  static const std::vector<KernelInfo> kernels = [] {
    std::vector<KernelInfo> all;
    for (const OfIsa<KernelRows>& object : isa_kernels()) {
      for (const KernelRow& row : std::span(object.kernels->rows, object.kernels->count)) {
        all.push_back({family_from(row.family), object.isa, row.dtype, row.mr, row.nr, row.kr, row.function});
      }
    }
    return all;
  }();
  return kernels;
}

std::span<const KernelFamily> all_families() { return kIds; }

std::string_view identifier_of(KernelFamily family) { return names_of(family).identifier; }

std::string_view name_of(KernelFamily family) { return names_of(family).name; }

std::string name_of(const KernelInfo& kernel) {
  // Products of matrices say both sizes of their tile, also where it has one row.
  const bool product = name_of(kernel.family).find("gemm") != std::string_view::npos;
  const std::string tile =
      kernel.mr > 1 || product ? fmt::format("{}x{}", kernel.mr, kernel.nr) : fmt::format("{}", kernel.nr);
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
  static const TilesByIsa f32(families::gemm, DType::f32);
  static const TilesByIsa f16(families::gemm, DType::f16);
  static const TilesByIsa bf16(families::gemm, DType::bf16);
  return (dtype == DType::f16 ? f16 : dtype == DType::bf16 ? bf16 : f32).at(isa);
}

const QuantizedGemmKernels& quantized_gemm_kernels(Isa isa) {
  static const TilesByIsa tiles(families::quantized_gemm, DType::s8);
  return tiles.at(isa);
}

const SparseGemmKernels* sparse_gemm_kernels(Isa isa, DType dtype) {
  static const SparseByIsa f32(families::sparse_gemm, DType::f32, DType::f32);
  static const SparseByIsa f16(families::sparse_gemm, DType::f16, DType::f16);
  static const SparseByIsa bf16(families::sparse_gemm, DType::bf16, DType::bf16);
  const SparseGemmKernels& kernels = (dtype == DType::f16 ? f16 : dtype == DType::bf16 ? bf16 : f32).at(isa);
  const GemmKernels& dense = gemm_kernels(isa, dtype);
  return dense.kr == 1 && dense.nr == kernels.panel ? &kernels : nullptr;
}

const QuantizedGemmKernels* maddubs_kernels(Isa isa) {
  static const TilesByIsa tiles(families::gemm_maddubs, DType::s8);
  return where_faster(tiles.at(isa), isa);
}

const QuantizedGemmKernels* maddubs_group_kernels(Isa isa) {
  static const TilesByIsa tiles(families::gemm_maddubs_groups, DType::s8);
  return where_faster(tiles.at(isa), isa);
}

const SparseQuantizedKernels* sparse_quantized_kernels(Isa isa) {
  static const SparseByIsa kernels(families::quantized_sparse_gemm, DType::s8, DType::u8);
  const QuantizedGemmKernels* dense = maddubs_kernels(isa);
  return dense != nullptr && dense->nr == kernels.at(isa).panel ? &kernels.at(isa) : nullptr;
}

}  // namespace godwit::ops
