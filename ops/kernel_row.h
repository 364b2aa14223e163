// One kernel as the object that it is compiled in lists it. Seen by ISA files too, hence plain types only.
#pragma once

#include "runtime/dtype.h"

namespace godwit::ops {

struct KernelRow {
  const char* family;  // as ops/kernels/<family>/kernels.inc spells it
  DType dtype;
  int mr;  // rows of the tile
  int nr;  // columns of the tile, or elements of a vector
  int kr;  // elements of the inner dimension that a step of a GEMM tile takes: 32 bits of them
  const void*
      function;  // points to a constant that points to the function, of the type that the family names
};

// The rows of one object. They are data: reading them runs no code that was compiled for another CPU.
struct KernelRows {
  const KernelRow* rows;
  int count;
};

}  // namespace godwit::ops
