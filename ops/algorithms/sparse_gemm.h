// The GEMM on rows in which many numbers are zero. Zeros are found once for each row or, where taps share
// them, for each pixel; what is left is multiplied part by part of the inner dimension, so that the weights
// of a part and of as many panels as a kernel takes stay in the L1 while all rows of a block pass by. Each
// sum is made in the order of gemm.h's, so that the results are the same bits (but for the sign of a zero
// that an underflow leaves).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/gemm.h"
#include "ops/implementation.h"

namespace godwit::ops {

// The product, whatever the element type is.
struct SparseWork {
  GemmShape shape;
  PanelLayout layout;
  const std::byte* weights = nullptr;
  const SparseKernelSizes* kernels = nullptr;
  std::int64_t numbers = 0;  // of A under one tap
  int step_numbers = 1;      // in a step
  int number_bytes = 0;
  const RowFormat* dst_f32 = nullptr;  // weights to f32, or null
};

// Rows and panels taken at a time, and their places in a worker's scratch memory.
struct SparseBlocking {
  // step_bytes: GemmTileSizes::step_bytes, of the weights as they are packed.
  SparseBlocking(const SparseKernelSizes& kernels, const GemmShape& shape, int step_bytes);

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

// Lets `scratch` have room for both: pixels, of which there are so many, are kept with several taps.
inline void add_scratch(const SparseBlocking& blocking, const GemmShape& shape, std::int64_t pixels,
                        Scratch& scratch) {
  scratch.per_worker = std::max(scratch.per_worker, blocking.scratch_bytes);
  if (shape.taps > 1)
    scratch.shared = std::max(scratch.shared, SparsePixels::scratch_bytes(pixels, shape, blocking));
}

// One worker's walk over its share.
class SparseWalk {
 public:
  SparseWalk(const SparseWork& work, Worker::Range panels, std::byte* scratch);
  SparseWalk(const SparseWalk&) = delete;
  SparseWalk& operator=(const SparseWalk&) = delete;

  const void** pointers() { return pointers_; }  // to all taps of a block's rows
  // True where at most this share of the steps of `count` vectors of numbers, pointer(i) to each, are not
  // zero. A few stand for all.
  template <class Pointer>
  bool is_sparse(std::int64_t count, double most, const Pointer& pointer) {
    const std::int64_t looked_at = std::min(count, std::max<std::int64_t>(2, count / 16));
    std::int64_t nonzero = 0;
    for (std::int64_t i = 0; i < looked_at; ++i) nonzero += count_steps(pointer(count * i / looked_at));
    const std::int64_t all = std::max<std::int64_t>(looked_at * work_.shape.depth, 1);
    density_ = static_cast<double>(nonzero) / static_cast<double>(all);
    return density_ <= most;
  }
  // Rows that a block can probably hold, after is_sparse().
  std::int64_t likely_rows() const;
  // With one tap: finds the steps of rows pointers()[0, rows) and multiplies them: rows [first, ...) of the
  // result. Returns how many there was room for, at least one.
  std::int64_t multiply(std::int64_t first, std::int64_t rows);

  // With several: the steps of this worker's share of all pixels, behind which comes a barrier; and those of
  // pointers()[tap * rows + row], multiplied. Pointers to anything but a pixel are to zeros.
  void find_steps(const SparsePixels& pixels, const Worker& worker) const;
  void multiply(const SparsePixels& pixels, std::int64_t first, std::int64_t rows);

 protected:
  ~SparseWalk() = default;
  // Calls the kernel for these panels, next to each other and of the same width, on rows [first, ...) of the
  // result; `tile` is a kernel's but for the end of a row.
  virtual void run_kernel(const SparseTile& tile, std::int64_t first, Worker::Range panels) const = 0;

  SparseWork work_;

 private:
  std::int64_t count_steps(const void* row) const;
  SparseStep* find_steps(const void* row, SparseStep* steps, SparseRun* runs, std::int64_t stride) const;
  // Rows whose runs have been set.
  void multiply_rows(std::int64_t first, std::int64_t rows);
  // The same by panels next to each other, all of the same width.
  void multiply_panels(std::int64_t first, std::int64_t rows, Worker::Range panels);
  // Start of a part of a panel, in steps, and how many it has.
  std::int64_t begin_of(std::int64_t part) const;
  std::int64_t depth_of(std::int64_t part) const;
  const std::byte* weights_of(std::int64_t panel, std::int64_t part) const;

  SparseBlocking blocking_;
  Worker::Range panels_;
  const void** pointers_;
  SparseRun* runs_;  // (parts, block_rows_)
  SparseStep* steps_;
  std::byte* sums_;
  float* widened_;  // weights of one part
  std::int64_t block_rows_ = 0;
  double density_ = 0;
};

class SparseGemm final : public SparseWalk {
 public:
  using Kernels = SparseGemmKernels;
  SparseGemm(const GemmCall& call, const SparseGemmKernels& kernels, Worker::Range panels,
             std::byte* scratch);
  // The share of numbers that are not zero below which skipping the others is faster, for so many columns.
  // Measured on a Zen 3 server core: a kernel here makes 1.3 multiply-adds of vectors a cycle, since it loads
  // one vector for each, those of gemm.h 1.9; and a number of a row takes 0.9 cycles to be looked at.
  static double most_nonzero(const SparseGemmKernels& kernels, std::int64_t columns);

 protected:
  void run_kernel(const SparseTile& tile, std::int64_t first, Worker::Range panels) const override;

 private:
  const GemmCall& call_;
  const SparseGemmKernels& kernels_;
};

// With several taps steps of all pixels are kept, which shall not need much more memory than tensors do.
inline bool keeps_steps(const ConvGeometry& g) {
  constexpr std::int64_t kMostNumbers = std::int64_t{1} << 19;  // of an image
  return g.taps() == 1 || (g.group == 1 && g.h.input * g.w.input * g.ic <= kMostNumbers);
}

// The share that a ReLU leaves, for cost models. Behind one, 12 to 80 % of the inputs of ResNet50's 45
// convolutions are not zero on photographs, in the middle 40 %.
inline constexpr double kLikelyNonzero = 0.4;

// fill(row, count, pointers) as run_gemm()'s. Both return false, and have done nothing, where there are too
// few zeros; what is decided changes no result. Walk: a SparseWalk for that call.
template <class Walk, class Call, class FillRows>
bool run_sparse_gemm(const Call& call, const typename Walk::Kernels& kernels, const FillRows& fill,
                     std::byte* worker_scratch, const Worker& worker) {
  const GemmShare share = divide_gemm(call, worker);
  const std::int64_t rows = share.rows.end - share.rows.begin;
  const std::int64_t panels = share.panels.end - share.panels.begin;
  if (rows <= 0 || panels <= 0) return true;
  Walk walk(call, kernels, share.panels, worker_scratch);
  const auto pointer = [&](std::int64_t row) {
    fill(share.rows.begin + row, 1, walk.pointers());
    return walk.pointers()[0];
  };
  if (!walk.is_sparse(rows, Walk::most_nonzero(kernels, panels * kernels.panel), pointer)) return false;

  const std::int64_t most = walk.likely_rows();
  for (std::int64_t row = share.rows.begin; row < share.rows.end;) {
    // Blocks of nearly equal height rather than full ones and a small last one.
    const std::int64_t left = share.rows.end - row;
    const std::int64_t blocks = (left + most - 1) / most;
    const std::int64_t height = (left + blocks - 1) / blocks;
    fill(row, static_cast<int>(height), walk.pointers());
    row += walk.multiply(row, height);
  }
  return true;
}

// The same with several taps.
template <class Walk, class Call, class FillRows>
bool run_sparse_taps(const Call& call, const typename Walk::Kernels& kernels, const SparsePixels& pixels,
                     const FillRows& fill, std::byte* worker_scratch, const Worker& worker) {
  const GemmShare share = divide_gemm(call, worker);
  Walk walk(call, kernels, share.panels, worker_scratch);
  // All workers look at the same pixels, and decide the same.
  const auto pixel = [&](std::int64_t i) { return pixels.data + i * pixels.bytes; };
  if (!walk.is_sparse(pixels.count, Walk::most_nonzero(kernels, call.shape.columns), pixel)) return false;
  walk.find_steps(pixels, worker);
  worker.barrier();
  const std::int64_t rows = share.rows.end - share.rows.begin;
  if (share.panels.end <= share.panels.begin) return true;
  const std::int64_t most = walk.likely_rows();
  const std::int64_t blocks = (rows + most - 1) / most;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t begin = share.rows.begin + rows * b / blocks;
    const std::int64_t height = share.rows.begin + rows * (b + 1) / blocks - begin;
    fill(begin, static_cast<int>(height), walk.pointers());
    walk.multiply(pixels, begin, height);
  }
  return true;
}

}  // namespace godwit::ops
