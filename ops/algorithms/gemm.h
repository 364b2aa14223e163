// The blocked GEMM around the micro-kernels: packing of weights, loop order, division among workers. Knows
// nothing of vectors; whoever feeds it says where each row of A lies.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "ops/kernel_table.h"
#include "runtime/cpu.h"
#include "runtime/threads.h"

namespace godwit::ops {

// dst (rows × columns) = A (rows × taps·depth) · weights, with the epilogue of GemmTile. Element type f32.
struct GemmShape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t taps = 1;
  std::int64_t depth = 0;

  std::int64_t inner() const { return taps * depth; }
};

// Weights as panels of nr columns, (taps, depth, nr) each, zero beyond the last column; what is left of the
// columns after the last full panel makes a panel of half the width where it fits into one.
struct PanelLayout {
  std::int64_t columns = 0;
  std::int64_t inner = 0;
  int nr = 0;

  std::int64_t panels() const { return (columns + nr - 1) / nr; }
  bool half(std::int64_t panel) const { return columns - panel * nr <= nr / 2; }
  int width(std::int64_t panel) const { return half(panel) ? nr / 2 : nr; }
  std::int64_t offset(std::int64_t panel) const { return panel * nr * inner; }
  std::size_t bytes() const { return static_cast<std::size_t>(panels() * nr * inner) * sizeof(float); }
};

// Writes panels from a weight(column, k), k in [0, inner).
template <class Weight>
void pack_panels(const PanelLayout& layout, const Weight& weight, float* dst) {
  for (std::int64_t p = 0; p < layout.panels(); ++p) {
    const int width = layout.width(p);
    float* panel = dst + layout.offset(p);
    for (std::int64_t k = 0; k < layout.inner; ++k) {
      for (int c = 0; c < width; ++c) {
        const std::int64_t column = p * layout.nr + c;
        panel[k * width + c] = column < layout.columns ? weight(column, k) : 0.0F;
      }
    }
  }
}

struct GemmCall {
  const GemmKernels* kernels = nullptr;
  GemmShape shape;
  std::int64_t row_bytes = 0;       // of A that a row adds to the working set
  const float* weights = nullptr;   // panels
  const float* bias = nullptr;      // padded to whole panels, or null
  const float* residual = nullptr;  // or null
  std::int64_t residual_stride = 0;
  float* dst = nullptr;
  std::int64_t dst_stride = 0;
  float minimum = 0, maximum = 0;
};

// What one worker computes: tiles of rows × panels of columns.
struct GemmShare {
  Worker::Range rows;
  Worker::Range panels;
};

// Divides the work in two dimensions: first for balance, then for the fewest bytes read by all workers
// together.
GemmShare divide_gemm(const GemmCall& call, const Worker& worker);

// Pointers to A's rows that the tile loop needs at once, per worker.
inline std::size_t gemm_scratch_bytes(std::int64_t taps) {
  return static_cast<std::size_t>(taps) * GemmKernels::kMaxRows * sizeof(const float*);
}

// Calls kernels for the tile of `rows` rows that starts at row `row`, over panels [begin, end).
void run_gemm_tiles(const GemmCall& call, const float* const* pointers, std::int64_t row, int rows,
                    std::int64_t begin, std::int64_t end);

// fill(row, count, pointers): pointers[t * count + r] = tap t of row (row + r), `depth` elements each.
template <class FillRows>
void run_gemm(const GemmCall& call, const FillRows& fill, std::byte* worker_scratch, const Worker& worker) {
  auto** pointers = reinterpret_cast<const float**>(worker_scratch);
  const GemmShare share = divide_gemm(call, worker);
  const std::int64_t rows = share.rows.end - share.rows.begin;
  if (rows <= 0 || share.panels.end <= share.panels.begin) return;

  // Which operand stays in L2: all of this worker's weights, or a block of rows while the weights stream
  // past.
  const auto half_l2 = static_cast<std::int64_t>(cache_sizes().l2 / 2);
  const std::int64_t weight_bytes = (share.panels.end - share.panels.begin) * call.kernels->nr *
                                    call.shape.inner() * std::int64_t{sizeof(float)};
  const bool weights_stay = weight_bytes <= half_l2;
  const std::int64_t mr = call.kernels->mr;
  const std::int64_t block =
      weights_stay ? rows : std::max(mr, half_l2 / std::max<std::int64_t>(call.row_bytes, 1) / mr * mr);
  const std::int64_t step = weights_stay ? share.panels.end - share.panels.begin : 1;

  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t block_rows = std::min(block, rows - begin);
    const std::int64_t tiles = (block_rows + mr - 1) / mr;
    for (std::int64_t panel = share.panels.begin; panel < share.panels.end; panel += step) {
      for (std::int64_t t = 0; t < tiles; ++t) {
        // Tiles of nearly equal height rather than full ones and a small last one.
        const std::int64_t first = block_rows * t / tiles;
        const auto count = static_cast<int>(block_rows * (t + 1) / tiles - first);
        const std::int64_t row = share.rows.begin + begin + first;
        fill(row, count, pointers);
        run_gemm_tiles(call, pointers, row, count, panel, panel + step);
      }
    }
  }
}

}  // namespace godwit::ops
