// Walks over Winograd's tiles: each worker its own, or all workers the same few tiles with a part of the
// weights.
#include "ops/algorithms/winograd_tiles.h"

#include <algorithm>

#include "runtime/memory.h"

namespace godwit::ops {
namespace {

// One cache line between planes: without it, planes whose size is a multiple of 4 KiB would share their L1
// sets.
constexpr auto kPlanePad = std::int64_t{kAlignment};

// Tiles that workers transform together before each of them multiplies its share of the panels.
constexpr std::int64_t kSharedTiles = 64;

// Tiles that read weights from memory once: more of them would save little and take more memory for sums.
constexpr std::int64_t kStreamedTiles = 32;

}  // namespace

TileGrid::TileGrid(const ConvGeometry& g, std::int64_t outputs)
    : m(outputs),
      edge(m + 2),
      planes(edge * edge),
      high((g.h.output + m - 1) / m),
      wide((g.w.output + m - 1) / m),
      tiles(g.batch * high * wide) {}

WinogradExecutable::WinogradExecutable(const ConvGeometry& geometry, std::int64_t m,
                                       const GemmTileSizes& tiles, const Numbers& numbers,
                                       std::vector<std::byte> border)
    : geometry_(geometry),
      grid_(geometry, m),
      tiles_(tiles),
      numbers_(numbers),
      layout_{geometry.oc, grid_.planes * numbers.depth, tiles.nr, tiles.step_bytes},
      border_(std::move(border)) {
  // Transformed input of one block stays in half the L2; a little more rather than a second, small block.
  block_ = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(cache_sizes().l2 / 2) / (grid_.planes * tile_bytes()), tiles.mr,
      kSharedTiles);
  by_planes_ = layout_.bytes() > 4 * cache_sizes().l2;
  if (by_planes_) block_ = std::max(block_, std::min(kStreamedTiles, grid_.tiles));
  const std::int64_t image = grid_.high * grid_.wide;
  if (image <= block_ * 3 / 2 && image <= kSharedTiles) block_ = std::max(block_, image);
}

std::int64_t WinogradExecutable::src_plane(std::int64_t tiles) const {
  return tiles * tile_bytes() + kPlanePad;
}
std::int64_t WinogradExecutable::product_plane() const {
  return product_panel() * (by_planes_ ? layout_.panels() : 1) + kPlanePad;
}

Scratch WinogradExecutable::scratch() const {
  const std::int64_t mine = grid_.planes * (src_plane(block_) + product_plane());
  return {.shared = static_cast<std::size_t>(grid_.planes * src_plane(kSharedTiles)),
          .per_worker = static_cast<std::size_t>(mine)};
}

void WinogradExecutable::run(const RunArgs& args, const Worker& worker) const {
  std::byte* mine = args.worker_scratch;
  std::byte* product = mine + grid_.planes * src_plane(block_);
  // Weights that come from memory had better be read in parts, one for each worker.
  const bool divides_weights = by_planes_ && grid_.tiles <= block_ && layout_.panels() >= worker.count;
  if (grid_.tiles >= tiles_.mr * worker.count && (!divides_weights || worker.count == 1)) {
    // Enough tiles for everybody: each worker transforms and multiplies its own.
    const Worker::Range share = worker.share(grid_.tiles);
    const std::int64_t count = share.end - share.begin;
    const std::int64_t blocks = (count + block_ - 1) / block_;
    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::int64_t first = share.begin + count * b / blocks;
      const std::int64_t last = share.begin + count * (b + 1) / blocks;
      transform(args, mine, src_plane(block_), first, first, last);
      multiply(args, mine, src_plane(block_), product, first, last - first, {0, layout_.panels()});
    }
    return;
  }
  // Few tiles: together transform them, then each worker multiplies all of them by its part of the weights.
  std::byte* shared = args.shared_scratch;
  for (std::int64_t first = 0; first < grid_.tiles; first += block_) {
    const std::int64_t count = std::min(block_, grid_.tiles - first);
    const Worker::Range part = worker.share(count);
    transform(args, shared, src_plane(kSharedTiles), first, first + part.begin, first + part.end);
    worker.barrier();
    multiply(args, shared, src_plane(kSharedTiles), product, first, count, worker.share(layout_.panels()));
    if (first + block_ < grid_.tiles) worker.barrier();
  }
}

WinogradExecutable::TileAt WinogradExecutable::at(std::int64_t tile) const {
  const std::int64_t image = grid_.high * grid_.wide;
  return {tile / image, tile % image / grid_.wide * grid_.m, tile % grid_.wide * grid_.m};
}

void WinogradExecutable::transform(const RunArgs& args, std::byte* planes, std::int64_t plane,
                                   std::int64_t origin, std::int64_t first, std::int64_t last) const {
  const ConvGeometry& g = geometry_;
  const std::int64_t pixel_bytes = g.ic * numbers_.src_bytes;
  const void* pixels[kMaxPlanes];
  for (std::int64_t t = first; t < last; ++t) {
    const TileAt tile = at(t);
    const auto* image =
        static_cast<const std::byte*>(args.src[0]) + tile.n * g.h.input * g.w.input * pixel_bytes;
    for (std::int64_t i = 0; i < grid_.edge; ++i) {
      const std::int64_t ih = tile.h - g.h.pad_begin + i;
      for (std::int64_t j = 0; j < grid_.edge; ++j) {
        const std::int64_t iw = tile.w - g.w.pad_begin + j;
        const bool inside = ih >= 0 && ih < g.h.input && iw >= 0 && iw < g.w.input;
        pixels[i * grid_.edge + j] = inside ? image + (ih * g.w.input + iw) * pixel_bytes : border_.data();
      }
    }
    transform_tile(pixels, planes + (t - origin) * tile_bytes(), plane);
  }
}

void WinogradExecutable::multiply(const RunArgs& args, const std::byte* planes, std::int64_t plane_bytes,
                                  std::byte* product, std::int64_t first, std::int64_t count,
                                  Worker::Range panels) const {
  const auto multiply_one = [&](std::int64_t plane, std::int64_t panel) {
    const std::int64_t place = by_planes_ ? panel : 0;
    multiply_plane(planes + plane * plane_bytes, plane,
                   product + plane * product_plane() + place * product_panel(), count, panel);
  };
  if (by_planes_) {
    for (std::int64_t plane = 0; plane < grid_.planes; ++plane) {
      for (std::int64_t p = panels.begin; p < panels.end; ++p) multiply_one(plane, p);
    }
  }
  for (std::int64_t p = panels.begin; p < panels.end; ++p) {
    for (std::int64_t plane = 0; !by_planes_ && plane < grid_.planes; ++plane) multiply_one(plane, p);
    finish(args, product + (by_planes_ ? p * product_panel() : 0), first, count, p);
  }
}

void WinogradExecutable::multiply_plane(const std::byte* planes, std::int64_t plane, std::byte* sums,
                                        std::int64_t count, std::int64_t panel) const {
  const int width = layout_.width(panel);
  const void* rows[kSharedTiles];
  for (std::int64_t t = 0; t < count; ++t) rows[t] = planes + t * tile_bytes();
  for (const TileStrip& strip : strips_of(count, tiles_.mr)) {
    if (strip.count == 0) continue;
    multiply_rows(rows + strip.row, strip, plane, panel, sums + strip.row * width * kStepBytes, by_planes_);
  }
}

void WinogradExecutable::finish(const RunArgs& args, const std::byte* product, std::int64_t first,
                                std::int64_t count, std::int64_t panel) const {
  const ConvGeometry& g = geometry_;
  const std::int64_t column = panel * layout_.nr;
  auto* to = static_cast<std::byte*>(args.dst[0]);
  const auto* from = numbers_.residual_index == 0
                         ? nullptr
                         : static_cast<const std::byte*>(args.src[numbers_.residual_index]);
  void* dst[kMaxOutputs];
  const void* added[kMaxOutputs];
  for (std::int64_t t = 0; t < count; ++t) {
    const TileAt tile = at(first + t);
    for (std::int64_t i = 0; i < grid_.m; ++i) {
      for (std::int64_t j = 0; j < grid_.m; ++j) {
        const bool inside = tile.h + i < g.h.output && tile.w + j < g.w.output;
        const std::int64_t pixel = (tile.n * g.h.output + tile.h + i) * g.w.output + tile.w + j;
        const std::int64_t offset = (pixel * g.oc + column) * numbers_.dst_bytes;
        dst[i * grid_.m + j] = inside ? to + offset : nullptr;
        added[i * grid_.m + j] = inside && from != nullptr ? from + offset : nullptr;
      }
    }
    finish_tile(product + t * layout_.width(panel) * kStepBytes, product_plane(), dst,
                from != nullptr ? added : nullptr, panel);
  }
}

std::string reject_winograd(const ConvGeometry& g) {
  if (g.group != 1) return "needs a single group";
  if (g.h.kernel != 3 || g.w.kernel != 3) return "needs a 3×3 kernel";
  if (g.h.stride != 1 || g.w.stride != 1 || g.h.dilation != 1 || g.w.dilation != 1) {
    return "needs stride and dilation 1";
  }
  return {};
}

}  // namespace godwit::ops
