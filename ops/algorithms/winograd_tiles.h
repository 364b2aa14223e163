// Winograd's convolution without its arithmetic: tiles of an image, their planes in scratch memory, and who
// does what. What the numbers are is the derived class's affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/gemm.h"
#include "ops/implementation.h"

namespace godwit::ops {

// Tiles of m × m results, each from (m + 2)² pixels, which become as many planes.
struct TileGrid {
  TileGrid(const ConvGeometry& geometry, std::int64_t outputs);
  std::int64_t m, edge, planes;
  std::int64_t high, wide, tiles;  // tiles over all images
};

class WinogradExecutable : public Executable {
 public:
  bool may_overwrite_residual() const override { return true; }
  std::string kernel() const override { return name_of(*tiles_.full); }
  Scratch scratch() const override;
  void run(const RunArgs& args, const Worker& worker) const override;

 protected:
  struct Numbers {
    std::int64_t depth;          // steps of 32 bits that a transformed pixel takes in a plane
    std::int64_t src_bytes;      // of one number of src
    std::int64_t dst_bytes;      // of one number of the result
    std::size_t residual_index;  // of the operand that is added, which has numbers like the result; 0: none
  };
  // border: what a pixel outside of the image looks like.
  WinogradExecutable(const ConvGeometry& geometry, std::int64_t m, const GemmTileSizes& tiles,
                     const Numbers& numbers, std::vector<std::byte> border);

  static constexpr std::size_t kMaxPlanes = 36;
  static constexpr std::size_t kMaxOutputs = 16;

  // One tile: edge · edge pixels to as many planes, `plane` bytes apart.
  virtual void transform_tile(const void* const* pixels, std::byte* dst, std::int64_t plane) const = 0;
  // A strip of one plane's rows by one panel of its weights: sums of 32 bits, (rows, width of the panel).
  // `streams`: the next panel's weights come from memory.
  virtual void multiply_rows(const void* const* rows, const TileStrip& strip, std::int64_t plane,
                             std::int64_t panel, std::byte* sums, bool streams) const = 0;
  // One tile's sums, in planes `plane` bytes apart, to m · m results of one panel (null where there is no
  // pixel) with their residuals (null where there are none).
  virtual void finish_tile(const std::byte* sums, std::int64_t plane, void* const* dst,
                           const void* const* residual, std::int64_t panel) const = 0;

  // Columns of a panel that there are.
  std::int64_t columns_of(std::int64_t panel) const {
    return std::min<std::int64_t>(layout_.width(panel), geometry_.oc - panel * layout_.nr);
  }

  ConvGeometry geometry_;
  TileGrid grid_;
  const GemmTileSizes& tiles_;
  Numbers numbers_;
  PanelLayout layout_;

 private:
  struct TileAt {
    std::int64_t n, h, w;  // image, first output row and column
  };
  TileAt at(std::int64_t tile) const;
  std::int64_t tile_bytes() const { return numbers_.depth * kStepBytes; }  // of a tile in one plane
  std::int64_t src_plane(std::int64_t tiles) const;
  // Sums of one panel in one plane, and of all the panels whose sums wait for each other in one plane.
  std::int64_t product_panel() const { return block_ * tiles_.nr * kStepBytes; }
  std::int64_t product_plane() const;
  // Tiles [first, last) into planes `plane` bytes apart, whose first row is tile `origin`.
  void transform(const RunArgs& args, std::byte* planes, std::int64_t plane, std::int64_t origin,
                 std::int64_t first, std::int64_t last) const;
  // One plane of tiles [0, count) by one panel.
  void multiply_plane(const std::byte* planes, std::int64_t plane, std::byte* sums, std::int64_t count,
                      std::int64_t panel) const;
  // Tiles [first, first + count), already in `planes`, by the given panels, into dst.
  void multiply(const RunArgs& args, const std::byte* planes, std::int64_t plane, std::byte* product,
                std::int64_t first, std::int64_t count, Worker::Range panels) const;
  void finish(const RunArgs& args, const std::byte* product, std::int64_t first, std::int64_t count,
              std::int64_t panel) const;

  std::vector<std::byte> border_;
  // Weights that no L2 holds are read once for a block of tiles, plane by plane, and all panels' sums are
  // kept until then; others panel by panel, whose sums stay in the L1.
  bool by_planes_ = false;
  std::int64_t block_ = 1;
};

// The reason why Winograd's algorithm cannot take a convolution of this geometry; empty when it can.
std::string reject_winograd(const ConvGeometry& geometry);

}  // namespace godwit::ops
