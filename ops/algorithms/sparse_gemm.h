// The GEMM on rows in which many numbers are zero. Zeros are found once for each row or, where taps share
// them, for each pixel; what is left is multiplied part by part of the inner dimension, so that the weights
// of a part and of as many panels as a kernel takes stay in the L1 while all rows of a block pass by. Each
// sum is made in the order of gemm.h's, so that the results are the same bits (but for the sign of a zero
// that an underflow leaves).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/algorithms/gemm.h"

namespace godwit::ops {

// How much is taken at a time, and where in a worker's scratch memory it lies.
struct SparseBlocking {
  // step_bytes: GemmTileSizes::step_bytes, of the weights as they are packed.
  SparseBlocking(const SparseGemmKernels& kernels, const GemmShape& shape, int step_bytes);

  std::int64_t panels;     // of one call of a kernel, at most
  std::int64_t depth;      // of one part, at most
  std::int64_t tap_parts;  // of one tap
  std::int64_t parts;      // of all taps
  std::int64_t rows;       // of a block, at most
  std::int64_t steps;      // of all rows of a block, at most; with several taps those of a pixel
  // Pointers to rows begin at 0; in bytes.
  std::size_t runs_begin, steps_begin, sums_begin, widened_begin, scratch_bytes;
};

// The pixels that several taps read.
struct SparsePixels {
  const std::byte* data;
  std::int64_t bytes;  // from one to the next
  std::int64_t count;
  std::byte* scratch;  // shared by all workers

  static std::size_t scratch_bytes(std::int64_t count, const GemmShape& shape,
                                   const SparseBlocking& blocking);
};

// One worker's walk over its share.
class SparseGemm {
 public:
  SparseGemm(const GemmCall& call, const SparseGemmKernels& kernels, Worker::Range panels,
             std::byte* scratch);

  const void** pointers() { return pointers_; }  // to all taps of a block's rows
  // Numbers of a row, or pixel, that are not zero.
  std::int64_t count(const void* row) const;
  // Rows that a block can probably hold where this share of their numbers is not zero.
  std::int64_t likely_rows(double density) const;
  // With one tap: finds the steps of rows pointers()[0, rows) and multiplies them: rows [first, ...) of the
  // result. Returns how many there was room for, at least one.
  std::int64_t multiply(std::int64_t first, std::int64_t rows);

  // With several: the steps of this worker's share of all pixels, behind which comes a barrier; and those of
  // pointers()[tap * rows + row], multiplied. Pointers to anything but a pixel are to zeros.
  void find_steps(const SparsePixels& pixels, const Worker& worker) const;
  void multiply(const SparsePixels& pixels, std::int64_t first, std::int64_t rows);

 private:
  SparseStep* find_steps(const void* row, SparseStep* steps, SparseRun* runs, std::int64_t stride) const;
  // Rows whose runs have been set.
  void multiply_rows(std::int64_t first, std::int64_t rows);
  // The same by panels next to each other, all of the same width.
  void multiply_panels(std::int64_t first, std::int64_t rows, Worker::Range panels);
  // Where in a panel a part begins, in steps, and how many it has.
  std::int64_t begin_of(std::int64_t part) const;
  std::int64_t depth_of(std::int64_t part) const;
  const std::byte* weights_of(std::int64_t panel, std::int64_t part) const;

  const GemmCall& call_;
  const SparseGemmKernels& kernels_;
  SparseBlocking blocking_;
  PanelLayout layout_;
  Worker::Range panels_;
  const void** pointers_;
  SparseRun* runs_;  // (parts, block_rows_)
  SparseStep* steps_;
  float* sums_;
  float* widened_;  // weights of one part, where they are 16-bit floats; else null
  std::int64_t block_rows_ = 0;
};

// The share of numbers that are not zero below which skipping the others is faster, for so many columns.
// Measured on a Zen 3 server core: a kernel here makes 1.3 multiply-adds of vectors a cycle, since it loads
// one vector for each, those of gemm.h 1.9; and a number of a row takes 0.9 cycles to be looked at.
double most_nonzero(const SparseGemmKernels& kernels, std::int64_t columns);

// What a rectifier leaves, for cost models. Of the inputs of ResNet50's 45 convolutions behind one, on
// photographs, 12 to 80 % are not zero, in the middle 40.
inline constexpr double kLikelyNonzero = 0.4;

// Whether so few of the `count` vectors of numbers, pointer(i) to each, are not zero. A few stand for all.
template <class Pointer>
bool is_sparse(const SparseGemm& gemm, std::int64_t depth, std::int64_t count, const Pointer& pointer,
               double most, double& density) {
  const std::int64_t looked_at = std::min(count, std::max<std::int64_t>(2, count / 16));
  std::int64_t nonzero = 0;
  for (std::int64_t i = 0; i < looked_at; ++i) nonzero += gemm.count(pointer(count * i / looked_at));
  density = static_cast<double>(nonzero) / static_cast<double>(std::max<std::int64_t>(looked_at * depth, 1));
  return density <= most;
}

// fill(row, count, pointers) as run_gemm()'s. Both return false, and have done nothing, where there are too
// few zeros; what is decided changes no result.
template <class FillRows>
bool run_sparse_gemm(const GemmCall& call, const SparseGemmKernels& kernels, const FillRows& fill,
                     std::byte* worker_scratch, const Worker& worker) {
  const GemmShare share = divide_gemm(call, worker);
  const std::int64_t rows = share.rows.end - share.rows.begin;
  const std::int64_t panels = share.panels.end - share.panels.begin;
  if (rows <= 0 || panels <= 0) return true;
  SparseGemm gemm(call, kernels, share.panels, worker_scratch);
  const auto pointer = [&](std::int64_t row) {
    fill(share.rows.begin + row, 1, gemm.pointers());
    return gemm.pointers()[0];
  };
  double density = 0;
  if (!is_sparse(gemm, call.shape.depth, rows, pointer, most_nonzero(kernels, panels * kernels.panel),
                 density))
    return false;

  const std::int64_t most = gemm.likely_rows(density);
  for (std::int64_t row = share.rows.begin; row < share.rows.end;) {
    // Blocks of nearly equal height rather than full ones and a small last one.
    const std::int64_t left = share.rows.end - row;
    const std::int64_t blocks = (left + most - 1) / most;
    const std::int64_t height = (left + blocks - 1) / blocks;
    fill(row, static_cast<int>(height), gemm.pointers());
    row += gemm.multiply(row, height);
  }
  return true;
}

// The same with several taps.
template <class FillRows>
bool run_sparse_taps(const GemmCall& call, const SparseGemmKernels& kernels, const SparsePixels& pixels,
                     const FillRows& fill, std::byte* worker_scratch, const Worker& worker) {
  const GemmShare share = divide_gemm(call, worker);
  SparseGemm gemm(call, kernels, share.panels, worker_scratch);
  double density = 0;
  // All workers look at the same pixels, and decide the same.
  const auto pixel = [&](std::int64_t i) { return pixels.data + i * pixels.bytes; };
  if (!is_sparse(gemm, call.shape.depth, pixels.count, pixel, most_nonzero(kernels, call.shape.columns),
                 density))
    return false;
  gemm.find_steps(pixels, worker);
  worker.barrier();
  const std::int64_t rows = share.rows.end - share.rows.begin;
  if (share.panels.end <= share.panels.begin) return true;
  const std::int64_t most = gemm.likely_rows(0);
  const std::int64_t blocks = (rows + most - 1) / most;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t begin = share.rows.begin + rows * b / blocks;
    const std::int64_t height = share.rows.begin + rows * (b + 1) / blocks - begin;
    fill(begin, static_cast<int>(height), gemm.pointers());
    gemm.multiply(pixels, begin, height);
  }
  return true;
}

}  // namespace godwit::ops
