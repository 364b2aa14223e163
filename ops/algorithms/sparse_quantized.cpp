// The kernels of 8-bit numbers that skip zeros, with what their rows end with.
#include "ops/algorithms/sparse_quantized.h"

namespace godwit::ops {
namespace {

SparseWork work_of(const QuantizedGemmCall& call, const SparseQuantizedKernels& kernels) {
  SparseWork work;
  work.shape = call.shape;
  work.layout = {call.shape.columns, call.shape.inner(), call.tiles->nr};
  work.weights = call.weights;
  work.kernels = &kernels;
  work.numbers = call.numbers;
  work.step_numbers = call.tiles->kr;
  work.number_bytes = 1;
  return work;
}

}  // namespace

SparseQuantizedGemm::SparseQuantizedGemm(const QuantizedGemmCall& call, const SparseQuantizedKernels& kernels,
                                         Worker::Range panels, std::byte* scratch)
    : SparseWalk(work_of(call, kernels), panels, scratch), call_(call), kernels_(kernels) {}

double SparseQuantizedGemm::most_nonzero(const SparseQuantizedKernels& kernels, std::int64_t columns) {
  constexpr double kSparse = 3.9, kDense = 3.5, kLook = 2;
  const double vectors = static_cast<double>(columns) * 2 / kernels.panel;
  return (kDense - kLook / vectors) / kSparse;
}

void SparseQuantizedGemm::run_kernel(const SparseTile& part, std::int64_t first, Worker::Range panels) const {
  const std::int64_t column = panels.begin * work_.layout.nr;
  const std::int64_t size = call_.finish->real ? 4 : 1;
  SparseQuantizedTile tile{};
  static_cast<SparseTile&>(tile) = part;
  tile.bias = call_.bias + column;
  tile.scale = call_.scale + column;
  tile.finish = call_.finish;
  if (call_.residual != nullptr) tile.residual = call_.residual + first * call_.residual_stride + column;
  tile.dst = static_cast<std::byte*>(call_.dst) + (first * call_.dst_stride + column) * size;
  tile.residual_stride = call_.residual_stride;
  tile.dst_stride = call_.dst_stride;
  const bool half = work_.layout.half(panels.begin);
  kernels_.by_panels[half ? 0 : panels.end - panels.begin](tile);
}

}  // namespace godwit::ops
