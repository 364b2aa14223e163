// Division of a GEMM among workers and the innermost loop over its panels.
#include "ops/algorithms/gemm.h"

namespace godwit::ops {

GemmShare divide_gemm(const GemmCall& call, const Worker& worker) {
  const std::int64_t mr = call.kernels->mr;
  const std::int64_t tiles = (call.shape.rows + mr - 1) / mr;
  const std::int64_t panels = (call.shape.columns + call.kernels->nr - 1) / call.kernels->nr;
  const std::int64_t a_bytes = call.shape.rows * call.row_bytes;
  const std::int64_t b_bytes = call.shape.columns * call.shape.inner() * std::int64_t{sizeof(float)};

  int best_m = 1;
  std::int64_t best_work = -1, best_traffic = 0;
  for (int m = 1; m <= worker.count; ++m) {
    if (worker.count % m != 0) continue;
    const std::int64_t n = worker.count / m;
    const std::int64_t work = ((tiles + m - 1) / m) * ((panels + n - 1) / n);
    const std::int64_t traffic = a_bytes * n + b_bytes * m;
    // Some per cent of imbalance cost less than reading an operand twice.
    const bool better = best_work < 0 || work * 20 < best_work * 19 ||
                        (work * 19 <= best_work * 20 && traffic < best_traffic);
    if (!better) continue;
    best_m = m;
    best_work = work;
    best_traffic = traffic;
  }
  const int best_n = worker.count / best_m;
  const Worker row_worker{worker.index / best_n, best_m, nullptr};
  const Worker column_worker{worker.index % best_n, best_n, nullptr};
  return {row_worker.share(call.shape.rows, best_m == 1 ? 1 : mr), column_worker.share(panels)};
}

namespace {

// Pointers to a block's rows fill at most a quarter of the L1.
constexpr std::int64_t kMaxBlockRows = 1024;

// Rows that fit into `bytes`, in whole tiles, at least one of them.
std::int64_t rows_in(std::size_t bytes, const GemmKernels& kernels, std::int64_t row_bytes) {
  const std::int64_t rows = static_cast<std::int64_t>(bytes) / std::max<std::int64_t>(row_bytes, 1);
  return std::clamp<std::int64_t>(rows / kernels.mr * kernels.mr, kernels.mr,
                                  kMaxBlockRows / kernels.mr * kernels.mr);
}

std::int64_t most_block_rows(const GemmKernels& kernels, const GemmShape& shape) {
  const std::int64_t row_bytes = shape.depth * std::int64_t{sizeof(float)};
  return std::max<std::int64_t>(std::min(shape.rows, rows_in(cache_sizes().l2 / 2, kernels, row_bytes)),
                                kernels.mr);
}

}  // namespace

GemmBlocking block_gemm(const GemmCall& call, std::int64_t panels) {
  const GemmKernels& kernels = *call.kernels;
  const std::int64_t weight_bytes = panels * kernels.nr * call.shape.inner() * std::int64_t{sizeof(float)};
  // With one tap never less than the row itself, whose pointers and copy have room for so many rows only.
  const std::int64_t row_bytes =
      call.shape.taps > 1 ? call.row_bytes
                          : std::max(call.row_bytes, call.shape.depth * std::int64_t{sizeof(float)});
  // Weights that leave half the L2 free stay there. A block of rows in half the L1 then reads each panel
  // once; several taps read their pixels again and again, and are taken tile by tile.
  if (weight_bytes <= static_cast<std::int64_t>(cache_sizes().l2 / 2)) {
    if (call.shape.taps > 1) return {kernels.mr, panels};
    return {rows_in(cache_sizes().l1d / 2, kernels, row_bytes), 1};
  }
  // Otherwise a block of rows stays in half the L2 while the weights stream past.
  return {rows_in(cache_sizes().l2 / 2, kernels, row_bytes), 1};
}

std::size_t gemm_pointer_bytes(const GemmKernels& kernels, const GemmShape& shape) {
  const std::int64_t pointers =
      shape.taps == 1 ? most_block_rows(kernels, shape) : shape.taps * GemmKernels::kMaxRows;
  return align_up(static_cast<std::size_t>(pointers) * sizeof(const float*));
}

std::size_t gemm_scratch_bytes(const GemmKernels& kernels, const GemmShape& shape, bool copy_rows) {
  std::size_t bytes = gemm_pointer_bytes(kernels, shape);
  if (copy_rows) {
    bytes += static_cast<std::size_t>(most_block_rows(kernels, shape)) *
             (static_cast<std::size_t>(shape.depth) * sizeof(float) + kAlignment);
  }
  return bytes;
}

void run_gemm_tiles(const GemmCall& call, const float* const* pointers, std::int64_t row, int rows,
                    std::int64_t begin, std::int64_t end) {
  const PanelLayout layout{call.shape.columns, call.shape.inner(), call.kernels->nr};
  GemmTile tile{};
  tile.a = pointers;
  tile.taps = call.shape.taps;
  tile.depth = call.shape.depth;
  tile.residual_stride = call.residual_stride;
  tile.dst_stride = call.dst_stride;
  tile.minimum = call.minimum;
  tile.maximum = call.maximum;
  for (std::int64_t p = begin; p < end; ++p) {
    const std::int64_t column = p * layout.nr;
    tile.b = call.weights + layout.offset(p);
    tile.bias = call.bias == nullptr ? nullptr : call.bias + column;
    tile.residual = call.residual == nullptr ? nullptr : call.residual + row * call.residual_stride + column;
    tile.dst = call.dst + row * call.dst_stride + column;
    tile.columns = std::min<std::int64_t>(layout.width(p), layout.columns - column);
    call.kernels->by_rows[layout.half(p) ? 0 : 1][rows](tile);
  }
}

}  // namespace godwit::ops
