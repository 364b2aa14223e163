// The blocked GEMM around the micro-kernels: packing of weights, loop order, division among workers. Knows
// nothing of vectors; whoever feeds it says where each row of A lies.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "ops/kernel_table.h"
#include "runtime/cpu.h"
#include "runtime/memory.h"
#include "runtime/threads.h"

namespace godwit::ops {

// Steps of kr numbers that `numbers` of them fill.
inline std::int64_t steps_of(std::int64_t numbers, int kr) { return (numbers + kr - 1) / kr; }

// dst (rows × columns) = A (rows × taps·depth) · weights; depth in steps of 32 bits.
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
  int step_bytes = static_cast<int>(kStepBytes);  // GemmTileSizes::step_bytes

  std::int64_t panels() const { return (columns + nr - 1) / nr; }
  bool half(std::int64_t panel) const { return columns - panel * nr <= nr / 2; }
  int width(std::int64_t panel) const { return half(panel) ? nr / 2 : nr; }
  // Start of a panel, in steps.
  std::int64_t offset(std::int64_t panel) const { return panel * nr * inner; }
  std::size_t bytes() const { return static_cast<std::size_t>(panels() * nr * inner * step_bytes); }
};

// Writes panels from a weight(column, tap, k), k in [0, numbers), in steps of neighbouring k that the last
// one fills up with zeros; threads share the panels.
template <class T, class Weight>
void pack_panels(const PanelLayout& layout, std::int64_t taps, std::int64_t numbers, int threads,
                 const Weight& weight, T* dst) {
  const int kr = layout.step_bytes / static_cast<int>(sizeof(T));
  // Column by column, some numbers of each at a time: those lie next to each other in most models, while
  // columns are a multiple of a page apart and would drive each other out of the L1.
  constexpr std::int64_t kTogether = 32;
  const auto pack = [&](std::int64_t p) {
    const int width = layout.width(p);
    const auto columns = static_cast<int>(std::min<std::int64_t>(width, layout.columns - p * layout.nr));
    T* to = dst + layout.offset(p) * kr;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t first = 0; first < numbers; first += kTogether) {
        const std::int64_t count = std::min(kTogether, numbers - first);
        const std::int64_t steps = steps_of(count, kr);
        if (columns < width || count < steps * kr) std::fill_n(to, steps * width * kr, T{});
        for (int c = 0; c < columns; ++c) {
          T* number = to + c * kr;
          if (kr == 1) {
            for (std::int64_t k = 0; k < count; ++k)
              number[k * width] = weight(p * layout.nr + c, tap, first + k);
            continue;
          }
          for (std::int64_t k = 0; k < count; ++k) {
            number[k / kr * width * kr + k % kr] = weight(p * layout.nr + c, tap, first + k);
          }
        }
        to += steps * width * kr;
      }
    }
  };
  run_team(threads, [&](const Worker& worker) {
    const Worker::Range panels = worker.share(layout.panels());
    for (std::int64_t p = panels.begin; p < panels.end; ++p) pack(p);
  });
}

// The work as the driver sees it, whatever the numbers are.
struct GemmWork {
  const GemmTileSizes* tiles = nullptr;
  GemmShape shape;
  std::int64_t row_bytes = 0;  // of A that a row adds to the working set
  bool copy_rows = false;      // see rows_collide(); with one tap only
};

// Turns elements of A into the steps that kernels read: as they lie, widened to f32, or filled with zeros
// to whole pairs.
class RowFormat {
 public:
  // dtype: of A and of the kernels' weights.
  RowFormat(DType dtype, Isa isa, const GemmTileSizes& kernels);
  bool as_it_lies(std::int64_t numbers) const { return widen_ == nullptr && numbers % kr_ == 0; }
  std::int64_t steps(std::int64_t numbers) const { return steps_of(numbers, kr_); }
  // Bytes of elements as they lie, and as kernels read them.
  std::int64_t bytes(std::int64_t numbers) const { return numbers * number_bytes_; }
  std::int64_t read_bytes(std::int64_t numbers) const { return numbers * (kStepBytes / kr_); }
  // To read_bytes() of them, and to whole steps.
  void convert(const void* src, std::int64_t numbers, void* dst) const;
  void fill_steps(const void* src, std::int64_t numbers, void* dst) const;

 private:
  ConvertKernel* widen_ = nullptr;
  int kr_;
  std::int64_t number_bytes_;
};

struct GemmCall : GemmWork {
  const GemmKernels& kernels() const { return static_cast<const GemmKernels&>(*tiles); }
  const RowFormat* format = nullptr;
  std::int64_t numbers = 0;            // of a row, where rows are copied
  const std::byte* weights = nullptr;  // panels
  const float* bias = nullptr;         // padded to whole panels, or null
  const void* residual = nullptr;      // or null
  std::int64_t residual_stride = 0;
  void* dst = nullptr;
  std::int64_t dst_stride = 0;
  float minimum = 0, maximum = 0;
  DType dst_dtype = DType::f32;  // of dst and residual: the weights' or f32
};

// One worker's part: tiles of rows × panels of columns.
struct GemmShare {
  Worker::Range rows;
  Worker::Range panels;
};

// Divides the work in two dimensions: first for balance, then for the fewest bytes read by all workers
// together.
GemmShare divide_gemm(const GemmWork& work, const Worker& worker);

// Rows whose distance is a multiple of 4 KiB share their few lines of L1, so that a tile of them evicts
// itself: they are copied next to each other first, a cache line apart from such a distance.
inline bool rows_collide(std::int64_t distance_bytes) { return distance_bytes % 4096 == 0; }

// The order in which one worker walks over its share: blocks of so many rows; within a block so many panels
// for each tile before the next tile.
struct GemmBlocking {
  std::int64_t rows = 0;
  std::int64_t panels = 1;
};
// True where the pointers to a whole block's rows are made at once, so that a kernel can take strips of
// tiles: with one tap, and with several short ones, as those of the first layer are.
bool keeps_pointers(const GemmShape& shape);
GemmBlocking block_gemm(const GemmWork& work, std::int64_t panels);

// A worker's scratch memory: pointers to the rows of one tile or block, and the copy of one block of rows.
std::size_t gemm_scratch_bytes(const GemmTileSizes& tiles, const GemmShape& shape, bool copy_rows);
// The part of it for pointers.
std::size_t gemm_pointer_bytes(const GemmTileSizes& tiles, const GemmShape& shape);

// Tiles of the same height below each other, which one call of a kernel computes. They are the tiles `tile`
// and so on of `tiles` that read the same panel: where weights come from memory, each one brings a part of
// the next panel to the L2.
struct TileStrip {
  std::int64_t row = 0;  // where the first one begins
  int height = 0;
  std::int64_t count = 0;
  std::int64_t tile = 0, tiles = 1;
};

// `rows` rows in tiles of nearly equal height rather than full ones and a small last one: the taller ones,
// then those one row less high, of which there may be none.
inline std::array<TileStrip, 2> strips_of(std::int64_t rows, int mr) {
  const std::int64_t tiles = (rows + mr - 1) / mr;
  const std::int64_t low = rows / tiles, tall = rows % tiles;
  return {TileStrip{0, static_cast<int>(low + 1), tall, 0, tiles},
          TileStrip{tall * (low + 1), static_cast<int>(low), tiles - tall, tall, tiles}};
}

// True where kernels bring the panel behind [begin, end) to the L2: weights come from memory, one panel
// after the other.
inline bool reads_ahead(const PanelLayout& layout, std::int64_t begin, std::int64_t end) {
  return end - begin == 1 && end < layout.panels() && layout.bytes() > cache_sizes().l2 / 2;
}

// Calls kernels for a strip over panels [begin, end).
void run_gemm_strip(const GemmCall& call, const void* const* pointers, const TileStrip& strip,
                    std::int64_t begin, std::int64_t end);
// One row of A as the kernels read it, `depth` steps long.
inline void copy_row(const GemmCall& call, const void* src, void* dst) {
  call.format->fill_steps(src, call.numbers, dst);
}

// fill(row, count, pointers): pointers[t * count + r] = tap t of row (row + r), `depth` steps each (where
// rows are copied, what copy_row() reads). Call is a GemmWork with a run_gemm_strip() and a copy_row() of its
// own.
template <class Call, class FillRows>
void run_gemm(const Call& call, const FillRows& fill, std::byte* worker_scratch, const Worker& worker) {
  auto** pointers = reinterpret_cast<const void**>(worker_scratch);
  std::byte* copies = worker_scratch + gemm_pointer_bytes(*call.tiles, call.shape);
  const std::int64_t copy_stride = call.shape.depth * kStepBytes + std::int64_t{kAlignment};
  const GemmShare share = divide_gemm(call, worker);
  const std::int64_t rows = share.rows.end - share.rows.begin;
  if (rows <= 0 || share.panels.end <= share.panels.begin) return;

  const GemmBlocking blocking = block_gemm(call, share.panels.end - share.panels.begin);
  const bool keep_pointers = keeps_pointers(call.shape);
  const std::int64_t blocks = (rows + blocking.rows - 1) / blocking.rows;
  for (std::int64_t block = 0; block < blocks; ++block) {
    // Blocks of nearly equal height rather than full ones and a small last one.
    const std::int64_t begin = share.rows.begin + rows * block / blocks;
    const std::int64_t height = share.rows.begin + rows * (block + 1) / blocks - begin;
    const std::array<TileStrip, 2> strips = strips_of(height, call.tiles->mr);
    if (call.shape.taps == 1) {
      fill(begin, static_cast<int>(height), pointers);
    } else if (keep_pointers) {
      for (const TileStrip& strip : strips) {
        for (std::int64_t t = 0; t < strip.count; ++t) {
          const std::int64_t row = strip.row + t * strip.height;
          fill(begin + row, strip.height, pointers + row * call.shape.taps);
        }
      }
    }
    for (std::int64_t r = 0; call.copy_rows && r < height; ++r) {
      std::byte* copy = copies + r * copy_stride;
      copy_row(call, pointers[r], copy);
      pointers[r] = copy;
    }
    for (std::int64_t panel = share.panels.begin; panel < share.panels.end; panel += blocking.panels) {
      const std::int64_t end = std::min(panel + blocking.panels, share.panels.end);
      for (TileStrip strip : strips) {
        const void** first = pointers + strip.row * call.shape.taps;
        strip.row += begin;
        if (strip.count > 0 && keep_pointers) run_gemm_strip(call, first, strip, panel, end);
        // Pointers to all taps are made for one tile at a time.
        for (std::int64_t left = keep_pointers ? 0 : std::exchange(strip.count, 1); left > 0; --left) {
          fill(strip.row, strip.height, pointers);
          run_gemm_strip(call, pointers, strip, panel, end);
          strip.row += strip.height;
          ++strip.tile;
        }
      }
    }
  }
}

}  // namespace godwit::ops
