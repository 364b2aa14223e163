// BatchSchedule of a GEMM among workers and the innermost loop over its panels.
#include "ops/algorithms/gemm.h"

#include <cstring>

namespace godwit::ops {

RowFormat::RowFormat(DType dtype, Isa isa, const GemmTileSizes& kernels)
    : kr_(kernels.kr), number_bytes_(static_cast<std::int64_t>(size_of(dtype))) {
  if (number_bytes_ * kr_ < kStepBytes) widen_ = find_function(families::widen, dtype, isa);
}

void RowFormat::convert(const void* src, std::int64_t numbers, void* dst) const {
  if (widen_ != nullptr) return widen_({.src = src, .dst = dst, .count = numbers});
  std::memcpy(dst, src, static_cast<std::size_t>(bytes(numbers)));
}

void RowFormat::fill_steps(const void* src, std::int64_t numbers, void* dst) const {
  convert(src, numbers, dst);
  const std::int64_t end = read_bytes(numbers);
  std::memset(static_cast<std::byte*>(dst) + end, 0,
              static_cast<std::size_t>(steps(numbers) * kStepBytes - end));
}

GemmShare divide_gemm(const GemmWork& work, const Worker& worker) {
  const std::int64_t mr = work.tiles->mr;
  const std::int64_t tiles = (work.shape.rows + mr - 1) / mr;
  const std::int64_t panels = (work.shape.columns + work.tiles->nr - 1) / work.tiles->nr;
  const std::int64_t a_bytes = work.shape.rows * work.row_bytes;
  const std::int64_t b_bytes = work.shape.columns * work.shape.inner() * work.tiles->step_bytes;

  int best_m = 1;
  std::int64_t best_load = -1, best_traffic = 0;
  for (int m = 1; m <= worker.count; ++m) {
    if (worker.count % m != 0) continue;
    const std::int64_t n = worker.count / m;
    const std::int64_t load = ((tiles + m - 1) / m) * ((panels + n - 1) / n);
    const std::int64_t traffic = a_bytes * n + b_bytes * m;
    // Some per cent of imbalance cost less than reading an operand twice.
    const bool better = best_load < 0 || load * 20 < best_load * 19 ||
                        (load * 19 <= best_load * 20 && traffic < best_traffic);
    if (!better) continue;
    best_m = m;
    best_load = load;
    best_traffic = traffic;
  }
  const int best_n = worker.count / best_m;
  const Worker row_worker{worker.index / best_n, best_m, nullptr};
  const Worker column_worker{worker.index % best_n, best_n, nullptr};
  return {row_worker.share(work.shape.rows, best_m == 1 ? 1 : mr), column_worker.share(panels)};
}

namespace {

// Pointers to a block's rows fill at most a quarter of the L1.
constexpr std::int64_t kMaxBlockRows = 1024;

// Tiles below each other that a kernel had better have, so that the end of one meets the beginning of the
// next.
constexpr std::int64_t kStripTiles = 16;

// Rows that fit into `bytes`, in whole tiles, at least one of them.
std::int64_t rows_in(std::size_t bytes, const GemmTileSizes& tiles, std::int64_t row_bytes) {
  const std::int64_t rows = static_cast<std::int64_t>(bytes) / std::max<std::int64_t>(row_bytes, 1);
  return std::clamp<std::int64_t>(rows / tiles.mr * tiles.mr, tiles.mr, kMaxBlockRows / tiles.mr * tiles.mr);
}

// Steps of a tap that counts as short.
constexpr std::int64_t kShortTap = 64;

// Rows of a block whose pointers are kept.
std::int64_t most_block_rows(const GemmTileSizes& tiles, const GemmShape& shape) {
  const std::int64_t rows = shape.taps > 1 ? kMaxBlockRows / shape.taps / tiles.mr * tiles.mr
                                           : rows_in(cache_sizes().l2 / 2, tiles, shape.depth * kStepBytes);
  return std::max<std::int64_t>(std::min(shape.rows, rows), tiles.mr);
}

}  // namespace

bool keeps_pointers(const GemmShape& shape) {
  return shape.taps == 1 ||
         (shape.depth <= kShortTap && shape.taps <= kMaxBlockRows / GemmTileSizes::kMaxRows);
}

GemmBlocking block_gemm(const GemmWork& work, std::int64_t panels) {
  const GemmTileSizes& tiles = *work.tiles;
  const std::int64_t weight_bytes = panels * tiles.nr * work.shape.inner() * tiles.step_bytes;
  // With one tap never less than the row itself, whose pointers and copy have room for so many rows only.
  const std::int64_t row_bytes =
      work.shape.taps > 1 ? work.row_bytes : std::max(work.row_bytes, work.shape.depth * kStepBytes);
  // Weights that leave half the L2 free stay there. A block of rows in half the L1 then reads each panel
  // once, and one of some tiles reads them seldom enough where that is less; several taps, unless they are
  // short, read their pixels again and again, and are taken tile by tile.
  const bool weights_stay = weight_bytes <= static_cast<std::int64_t>(cache_sizes().l2 / 2);
  if (work.shape.taps > 1 && keeps_pointers(work.shape)) {
    const std::size_t bytes = weights_stay ? cache_sizes().l1d / 2 : cache_sizes().l2 / 2;
    return {std::min(rows_in(bytes, tiles, row_bytes), most_block_rows(tiles, work.shape)), 1};
  }
  if (weights_stay) {
    if (work.shape.taps > 1) return {tiles.mr, panels};
    return {std::max(rows_in(cache_sizes().l1d / 2, tiles, row_bytes),
                     std::min(kStripTiles * tiles.mr, rows_in(cache_sizes().l2 / 4, tiles, row_bytes))),
            1};
  }
  // Otherwise a block of rows stays in half the L2 while the weights stream past.
  return {rows_in(cache_sizes().l2 / 2, tiles, row_bytes), 1};
}

std::size_t gemm_pointer_bytes(const GemmTileSizes& tiles, const GemmShape& shape) {
  const std::int64_t rows = keeps_pointers(shape) ? most_block_rows(tiles, shape) : GemmTileSizes::kMaxRows;
  return align_up(static_cast<std::size_t>(shape.taps * rows) * sizeof(const void*));
}

std::size_t gemm_scratch_bytes(const GemmTileSizes& tiles, const GemmShape& shape, bool copy_rows) {
  std::size_t bytes = gemm_pointer_bytes(tiles, shape);
  if (copy_rows) {
    bytes += static_cast<std::size_t>(most_block_rows(tiles, shape)) *
             (static_cast<std::size_t>(shape.depth * kStepBytes) + kAlignment);
  }
  return bytes;
}

void run_gemm_strip(const GemmCall& call, const void* const* pointers, const TileStrip& strip,
                    std::int64_t begin, std::int64_t end) {
  const PanelLayout layout{call.shape.columns, call.shape.inner(), call.tiles->nr, call.tiles->step_bytes};
  const auto size = static_cast<std::int64_t>(size_of(call.dst_dtype));
  const auto* residual = static_cast<const std::byte*>(call.residual);
  auto* dst = static_cast<std::byte*>(call.dst);
  GemmTile tile{};
  tile.a = pointers;
  tile.taps = call.shape.taps;
  tile.depth = call.shape.depth;
  tile.tiles = strip.count;
  tile.residual_stride = call.residual_stride;
  tile.dst_stride = call.dst_stride;
  tile.minimum = call.minimum;
  tile.maximum = call.maximum;
  tile.real = call.dst_dtype == DType::f32;
  const bool streams = reads_ahead(layout, begin, end);
  for (std::int64_t p = begin; p < end; ++p) {
    const std::int64_t column = p * layout.nr;
    tile.b = call.weights + layout.offset(p) * layout.step_bytes;
    tile.ahead = tile.b;
    if (streams) {
      const std::int64_t next = layout.nr * layout.inner * layout.step_bytes;
      tile.ahead = static_cast<const std::byte*>(tile.b) + next + next * strip.tile / strip.tiles;
      tile.ahead_step = layout.nr * layout.step_bytes / strip.tiles;
    }
    tile.bias = call.bias == nullptr ? nullptr : call.bias + column;
    tile.residual =
        residual == nullptr ? nullptr : residual + (strip.row * call.residual_stride + column) * size;
    tile.dst = dst + (strip.row * call.dst_stride + column) * size;
    tile.columns = std::min<std::int64_t>(layout.width(p), layout.columns - column);
    call.kernels().by_rows[layout.half(p) ? 0 : 1][strip.height](tile);
  }
}

}  // namespace godwit::ops
