// Resampling in fixed point, equal to Pillow's to the last bit: an image's rows in, a window of the resized
// image out, no more than a few rows in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/cpu.h"
#include "runtime/image/filter.h"
#include "runtime/image/image.h"
#include "runtime/image/row_kernels.h"
#include "runtime/image/rows.h"
#include "runtime/threads.h"

namespace godwit::image {

// A rectangle of pixels; may reach beyond the image it is taken from.
struct Window {
  std::int64_t left = 0, top = 0;
  int width = 0, height = 0;
};

// One after the other: plan(), then run(). Memory is kept from image to image; one thread at a time.
class Resizer {
 public:
  // Takes the vector loops of at most this instruction set; results do not depend on it.
  explicit Resizer(Isa cap = best_isa()) : kernels_(row_kernels(cap)) {}

  // Prepares for the window of an image of src_width × src_height once resized to width × height.
  void plan(int src_width, int src_height, std::int64_t width, std::int64_t height, const Window& window,
            Filter filter);
  // The source pixels that this takes; empty where the window lies outside of the image.
  const Region& region() const { return region_; }
  // The part of the window that lies inside the resized image, in the window's own coordinates. Pixels of
  // the window outside of it are 0.
  const Region& inside() const { return inside_; }

  // Selects the region, reads it, and hands over each row of inside(), from the top: its index in the window
  // and its pixels, (inside().width(), 3).
  void run(Rows& rows, FunctionRef<void(int y, const std::uint8_t* row)> each);

 private:
  void pack_across();

  const RowKernels& kernels_;
  Region region_, inside_;
  Weights across_, down_;
  int pairs_ = 0;                          // of taps, of each pixel across
  int count_ = 0;                          // pixels across, padded
  int ring_rows_ = 1;                      // rows that one row of the result may need
  std::size_t row_bytes_ = 0;              // of a row across, padded
  std::vector<std::int32_t> first_;        // (count)
  std::vector<std::int32_t> values_;       // (count, pairs, 2)
  std::vector<std::int16_t> parts_;        // (count / 8, 4, pairs, 32)
  std::vector<std::uint8_t> source_;       // (region's columns, 4)
  std::vector<std::uint8_t> ring_;         // (ring_rows, row_bytes)
  std::vector<std::uint8_t> row_;          // (row_bytes)
  std::vector<const std::uint8_t*> taps_;  // rows in the ring
};

// The window of what `image` becomes when resized to width × height; pixels outside of that are 0. Only the
// rows and columns that the window needs are computed.
Image resize_window(const Image& image, std::int64_t width, std::int64_t height, const Window& window,
                    Filter filter = Filter::bilinear, Isa cap = best_isa());

}  // namespace godwit::image
