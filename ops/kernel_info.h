// One row of the kernel table: a micro-kernel as data. Seen by ISA files too, hence plain types only.
#pragma once

#include <cstdint>

#include "runtime/isa.h"
#include "runtime/dtype.h"

namespace godwit::ops {

enum class KernelFamily : std::uint8_t {
  gemm,
  gemm_maddubs,         // of 8-bit numbers: exact where all sums of two products fit into 16 bits
  gemm_maddubs_groups,  // where such sums of several steps do
  sparse_gemm,          // where many numbers of A are zero: one row by several panels
  nonzeros,             // what it reads
  depthwise,            // any kernel, one pixel
  depthwise3_stride1,   // 3×3 and 5×5, mr pixels of a row
  depthwise3_stride2,
  depthwise5_stride1,
  depthwise5_stride2,
  winograd2_input,  // F(2×2, 3×3)
  winograd2_output,
  winograd4_input,  // F(4×4, 3×3)
  winograd4_output,
  max_pool,
  sum_pool,
  sum_columns,
  clamp,
  leaky_relu,
  sigmoid,
  hard_sigmoid,
  hard_swish,
  add,
  sub,
  mul,
  div,
  affine,
  softmax,
  quantize,
  dequantize,
  widen,   // u8 to s16, 16-bit floats to f32
  narrow,  // f32 to 16-bit floats
  peak,    // nothing but fused multiply-adds, to measure what the core can do
};

// A kernel's function without its type; its family says what it is (ops/kernels/arguments.h).
using AnyKernel = void();

struct KernelInfo {
  KernelFamily family;
  Isa isa;
  DType dtype;
  int mr;  // rows of the tile
  int nr;  // columns of the tile, or elements of a vector
  AnyKernel* function;
  int kr = 1;  // numbers of the inner dimension that a step of a GEMM tile takes: 32 bits of them
};

inline constexpr int kMaxKernelsPerIsa = 320;

}  // namespace godwit::ops
