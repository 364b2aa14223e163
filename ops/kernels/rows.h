// Makes kernels.inc of a family into rows of its kernels for one architecture, all at compile time.
#pragma once

#include "ops/kernel_row.h"
#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// A family as the objects of its kernels see it.
template <class Function>
struct RowFamily {
  const char* name;
};

// Holds a function's address. A row points here, which a constant expression can do without a cast.
template <class Function, Function* kFunction>
struct Address {
  static constexpr Function* value = kFunction;
};

// The rows of one object. More than there is room for do not compile.
struct RowTable {
  KernelRow rows[64];
  int count;
};

// One kernel. It must have the type of function that its family names.
template <DType kDType, class Kernel, int kRows, int kColumns, int kDepth = 1>
struct Row {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    *row = {family.name, kDType, kRows, kColumns, kDepth, &Address<Function, &Kernel::run>::value};
    return row + 1;
  }
};

// A kernel that takes vectors one by one.
template <class Arch, DType kDType, class Kernel>
struct VectorRow : Row<kDType, Kernel, 1, Arch::kWidth> {};

// Float types as kernels see them.
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

// One row for each element type; `Kernel` is a template over an architecture and a type.
template <class Arch, template <class, class> class Kernel, DType... kDTypes>
struct VectorRows {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    ((row = VectorRow<Arch, kDTypes, Kernel<Arch, typename Stored<kDTypes>::Type>>::add(row, family)), ...);
    return row;
  }
};
template <class Arch, template <class, class> class Kernel>
using FloatRows = VectorRows<Arch, Kernel, DType::f32, DType::f16, DType::bf16>;

// GEMM tiles of so many vectors each, of every height up to the full one: edge tiles waste nothing. A family
// has them of one and of two. Tiles: Kernel<rows, vectors>, and kDType, kDepth, kTileRows.
template <class Arch, class Tiles, int... kVectorCounts>
struct TileRows {
  template <class Function>
  static constexpr KernelRow* add(KernelRow* row, RowFamily<Function> family) {
    ((row = add_heights<kVectorCounts, Tiles::kTileRows>(row, family)), ...);
    return row;
  }

 private:
  template <int kVectors, int kRows, class Function>
  static constexpr KernelRow* add_heights(KernelRow* row, RowFamily<Function> family) {
    if constexpr (kRows > 1) row = add_heights<kVectors, kRows - 1>(row, family);
    using Kernel = typename Tiles::template Kernel<kRows, kVectors>;
    return Row<Tiles::kDType, Kernel, kRows, kVectors * Arch::kWidth, Tiles::kDepth>::add(row, family);
  }
};

}  // namespace godwit::ops::kernels
