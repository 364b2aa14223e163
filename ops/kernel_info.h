// One row of the kernel table: a micro-kernel as data.
#pragma once

#include <cstdint>

#include "runtime/dtype.h"
#include "runtime/isa.h"

namespace godwit::ops {

enum class KernelFamily : std::uint8_t {
#define GODWIT_KERNEL_FAMILY(family, name, type) family,
#define GODWIT_KERNEL_ROWS(object, family, ...)
#include "ops/kernels/families.inc"
#undef GODWIT_KERNEL_ROWS
#undef GODWIT_KERNEL_FAMILY
};

struct KernelInfo {
  KernelFamily family;
  Isa isa;
  DType dtype;
  int mr;                // rows of the tile
  int nr;                // columns of the tile, or elements of a vector
  int kr;                // elements of the inner dimension that a step of a GEMM tile takes: 32 bits of them
  const void* function;  // KernelRow::function; function_of() gives it its type
};

}  // namespace godwit::ops
