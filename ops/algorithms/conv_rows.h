// Rows of A when a convolution is a GEMM: pointers to the pixels under each tap, whatever the element type
// is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/algorithms/conv_geometry.h"
#include "ops/implementation.h"

namespace godwit::ops {

// An nhwc tensor as bytes.
struct Pixels {
  const void* data = nullptr;    // (N, D, H, W) pixels
  std::int64_t pixel_bytes = 0;  // from one to the next
  const void* border = nullptr;  // what a pixel outside of the image looks like
  std::int64_t first_line = 0;   // of (N, H), that data begins with
};

// pointers[t * count + r] = the pixel under tap t of output pixel row + r, t over (kd, kh, kw).
void fill_taps(const ConvGeometry& geometry, const Pixels& src, std::int64_t row, int count,
               const void** pointers);

// pointers: (kh, columns), the pixels from output column ow's first tap on along output row `line` of all
// images; neighbours are a dilation apart.
void fill_block(const ConvGeometry& geometry, const Pixels& src, std::int64_t line, std::int64_t ow,
                std::int64_t columns, const void** pointers);

// An image with its borders in memory, so that a whole row of the kernel is one run of pixels. Its lines are
// (N, height) counted through; a copy holds some of them.
class PaddedImage {
 public:
  PaddedImage(const ConvGeometry& geometry, std::int64_t pixel_bytes);

  std::int64_t line_bytes() const { return width_ * pixel_bytes_; }
  // Lines of the result that are computed from one copy, at most, and room for it.
  std::int64_t lines() const { return lines_; }
  std::size_t copy_bytes() const { return static_cast<std::size_t>(copied_ * line_bytes()); }
  // Pixels of a line of src, behind w's pads; the last ones may lie under no window.
  std::int64_t pixels_copied(const WindowAxis& w) const {
    return std::max<std::int64_t>(std::min(w.input, width_ - w.pad_begin), 0);
  }
  // Calls line(src_line, to) for the lines under these lines of the result, which begin at `to`, one
  // line_bytes() behind the other: src_line of (N, H) belongs there with pads around, or, where it is -1,
  // pads only. Returns the first of them.
  template <class Line>
  std::int64_t copy(Worker::Range lines, std::byte* to, const Line& line) const {
    const std::int64_t first = line_at(lines.begin);
    const std::int64_t last = line_at(lines.end - 1) + extent_;
    for (std::int64_t at = first; at < last; ++at, to += line_bytes()) {
      const std::int64_t ih = at % height_ - pad_;
      line(ih < 0 || ih >= input_ ? -1 : at / height_ * input_ + ih, to);
    }
    return first;
  }
  // pointers[t * count + r] = the first pixel of kernel row t of output pixel row + r, in a copy that begins
  // with line `first`.
  void fill_rows(const ConvGeometry& geometry, const std::byte* copy, std::int64_t first, std::int64_t row,
                 int count, const void** pointers) const;

 private:
  std::int64_t line_at(std::int64_t line) const {
    return line / output_ * height_ + line % output_ * stride_;
  }

  std::int64_t pixel_bytes_, width_, height_;
  std::int64_t input_, output_, stride_, pad_, extent_;  // of lines
  std::int64_t lines_ = 1, copied_ = 0;
};

// A worker's lines of the result, computed alone, or all of them together with the others, where there are
// fewer lines than workers.
struct LineShare {
  RowPart part;
  Worker worker;
};
inline LineShare share_lines(RowPart all, const Worker& worker) {
  if (all.lines.end < worker.count) return {all, worker};
  all.lines = worker.share(all.lines.end);
  return {all, Worker{}};
}

// multiply(lines, fill) for these lines, some at a time, of which `copy` holds what lies under them;
// copy_line as PaddedImage::copy() calls it, fill(row, count, pointers) as run_gemm() does.
template <class CopyLine, class Multiply>
void multiply_rows(const ConvGeometry& geometry, const PaddedImage& image, const RowPart& part,
                   std::byte* copy, const CopyLine& copy_line, const Multiply& multiply) {
  RowPart here = part;
  for (std::int64_t line = part.lines.begin; line < part.lines.end; line = here.lines.end) {
    here.lines = {line, std::min(line + image.lines(), part.lines.end)};
    const std::int64_t first = image.copy(here.lines, copy, copy_line);
    multiply(here, [&](std::int64_t row, int count, const void** pointers) {
      image.fill_rows(geometry, copy, first, line * geometry.w.output + row, count, pointers);
    });
  }
}

}  // namespace godwit::ops
