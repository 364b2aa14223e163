// The walk of sparse_gemm.h over 8-bit numbers, of which a step holds four: it is left out where all of them
// are zero. Weights are packed for maddubs_kernels().
#pragma once

#include "ops/algorithms/gemm_quantized.h"
#include "ops/algorithms/sparse_gemm.h"

namespace godwit::ops {

class SparseQuantizedGemm final : public SparseWalk {
 public:
  using Kernels = SparseQuantizedKernels;
  SparseQuantizedGemm(const QuantizedGemmCall& call, const SparseQuantizedKernels& kernels,
                      Worker::Range panels, std::byte* scratch);
  // The share of steps that are not zero below which skipping the others is faster, for so many columns. Both
  // kernels take three instructions for each vector of products; beside them that of a tile takes half a
  // load, and this one, measured on a Zen 3 server core, as much again as makes 3.9, and some to look at a
  // step.
  static double most_nonzero(const SparseQuantizedKernels& kernels, std::int64_t columns);

 protected:
  void run_kernel(const SparseTile& tile, std::int64_t first, Worker::Range panels) const override;

 private:
  const QuantizedGemmCall& call_;
  const SparseQuantizedKernels& kernels_;
};

}  // namespace godwit::ops
