// Walks over a convolution's output pixels and notes where the input pixels of each lie.
#include "ops/algorithms/conv_rows.h"

namespace godwit::ops {
namespace {

// Output pixels in row order without dividing for each of them.
struct PixelWalk {
  std::int64_t n, oh, ow;
  PixelWalk(std::int64_t row, const ConvGeometry& g)
      : n(row / (g.h.output * g.w.output)), oh(row / g.w.output % g.h.output), ow(row % g.w.output) {}
  void next(const ConvGeometry& g) {
    if (++ow < g.w.output) return;
    ow = 0;
    if (++oh < g.h.output) return;
    oh = 0;
    ++n;
  }
};

}  // namespace

void fill_taps(const ConvGeometry& g, const Pixels& src, std::int64_t row, int count, const void** pointers) {
  const auto* data = static_cast<const std::byte*>(src.data);
  PixelWalk pixel(row, g);
  for (int r = 0; r < count; ++r, pixel.next(g)) {
    const std::int64_t image = pixel.n * g.h.input - src.first_line;
    const std::int64_t top = pixel.oh * g.h.stride - g.h.pad_begin;
    const std::int64_t left = pixel.ow * g.w.stride - g.w.pad_begin;
    const void** slot = pointers + r;
    for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
      const std::int64_t ih = top + kh * g.h.dilation;
      const bool row_inside = ih >= 0 && ih < g.h.input;
      for (std::int64_t kw = 0; kw < g.w.kernel; ++kw, slot += count) {
        const std::int64_t iw = left + kw * g.w.dilation;
        const bool inside = row_inside && iw >= 0 && iw < g.w.input;
        *slot = inside ? data + ((image + ih) * g.w.input + iw) * src.pixel_bytes : src.border;
      }
    }
  }
}

void fill_block(const ConvGeometry& g, const Pixels& src, std::int64_t line, std::int64_t ow,
                std::int64_t columns, const void** pointers) {
  const auto* data = static_cast<const std::byte*>(src.data);
  const std::int64_t image = line / g.h.output * g.h.input - src.first_line;
  const std::int64_t top = line % g.h.output * g.h.stride - g.h.pad_begin;
  const std::int64_t left = ow * g.w.stride - g.w.pad_begin;
  for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
    const std::int64_t ih = top + kh * g.h.dilation;
    const bool row_inside = ih >= 0 && ih < g.h.input;
    if (row_inside && left >= 0 && left + (columns - 1) * g.w.dilation < g.w.input) {
      const auto* pixel = data + ((image + ih) * g.w.input + left) * src.pixel_bytes;
      for (std::int64_t j = 0; j < columns; ++j) *pointers++ = pixel + j * g.w.dilation * src.pixel_bytes;
      continue;
    }
    for (std::int64_t j = 0; j < columns; ++j) {
      const std::int64_t iw = left + j * g.w.dilation;
      const bool inside = row_inside && iw >= 0 && iw < g.w.input;
      *pointers++ = inside ? data + ((image + ih) * g.w.input + iw) * src.pixel_bytes : src.border;
    }
  }
}

PaddedImage::PaddedImage(const ConvGeometry& g)
    : height((g.h.output - 1) * g.h.stride + g.h.extent()),
      width((g.w.output - 1) * g.w.stride + g.w.extent()) {}

void fill_kernel_rows(const ConvGeometry& g, const PaddedImage& image, const Pixels& src, std::int64_t row,
                      int count, const void** pointers) {
  const auto* padded = static_cast<const std::byte*>(src.data);
  PixelWalk pixel(row, g);
  for (int r = 0; r < count; ++r, pixel.next(g)) {
    const std::int64_t top = pixel.n * image.height + pixel.oh * g.h.stride;
    for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
      const std::int64_t first = (top + kh * g.h.dilation) * image.width + pixel.ow * g.w.stride;
      pointers[kh * count + r] = padded + first * src.pixel_bytes;
    }
  }
}

}  // namespace godwit::ops
