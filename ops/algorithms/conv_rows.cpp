// Walks over a convolution's output pixels and notes where the input pixels of each lie.
#include "ops/algorithms/conv_rows.h"

#include <algorithm>

#include "runtime/cpu.h"

namespace godwit::ops {
namespace {

// Output pixels in row order without dividing for each of them.
struct PixelWalk {
  std::int64_t n, oh, ow;
  PixelWalk(std::int64_t row, const ConvGeometry& g)
      : n(row / (g.h.output * g.w.output)), oh(row / g.w.output % g.h.output), ow(row % g.w.output) {}
  void next(const ConvGeometry& g) {
    if (++ow == g.w.output) next_line(g);
  }
  void next_line(const ConvGeometry& g) {
    ow = 0;
    if (++oh < g.h.output) return;
    oh = 0;
    ++n;
  }
};

// True where a kernel of one tap never reads a pad.
bool reads_inside(const WindowAxis& axis) {
  const std::int64_t last = (axis.output - 1) * axis.stride - axis.pad_begin;
  return axis.pad_begin <= 0 && last < axis.input;
}

}  // namespace

namespace {

// The same for volumes. Lines are counted through (N, D, H).
void fill_volume_taps(const ConvGeometry& g, const Pixels& src, std::int64_t row, int count,
                      const void** pointers) {
  const auto* data = static_cast<const std::byte*>(src.data);
  const std::int64_t line_bytes = g.w.input * src.pixel_bytes;
  std::int64_t ow = row % g.w.output, line = row / g.w.output;
  for (int r = 0; r < count; ++r) {
    const std::int64_t oh = line % g.h.output, od = line / g.h.output % g.d.output;
    const std::int64_t image = line / g.h.output / g.d.output * g.d.input;
    const std::int64_t left = ow * g.w.stride - g.w.pad_begin;
    const void** slot = pointers + r;
    for (std::int64_t kd = 0; kd < g.d.kernel; ++kd) {
      const std::int64_t id = g.d.position(od, kd);
      for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
        const std::int64_t ih = g.h.position(oh, kh);
        const bool inside = g.d.contains(id) && g.h.contains(ih);
        const std::byte* from = data + ((image + id) * g.h.input + ih) * line_bytes;
        for (std::int64_t kw = 0; kw < g.w.kernel; ++kw, slot += count) {
          const std::int64_t iw = left + kw * g.w.dilation;
          *slot = inside && g.w.contains(iw) ? from + iw * src.pixel_bytes : src.border;
        }
      }
    }
    if (++ow == g.w.output) {
      ow = 0;
      ++line;
    }
  }
}

}  // namespace

void fill_taps(const ConvGeometry& g, const Pixels& src, std::int64_t row, int count, const void** pointers) {
  if (g.is_volume()) return fill_volume_taps(g, src, row, count, pointers);
  const auto* data = static_cast<const std::byte*>(src.data);
  PixelWalk pixel(row, g);
  if (g.taps() == 1 && reads_inside(g.h) && reads_inside(g.w)) {
    const std::int64_t step = g.w.stride * src.pixel_bytes;
    for (int r = 0; r < count;) {
      const std::int64_t line = pixel.n * g.h.input - src.first_line + pixel.oh * g.h.stride - g.h.pad_begin;
      const auto* next = data + (line * g.w.input + pixel.ow * g.w.stride - g.w.pad_begin) * src.pixel_bytes;
      const std::int64_t here = std::min<std::int64_t>(count - r, g.w.output - pixel.ow);
      for (std::int64_t i = 0; i < here; ++i, next += step) pointers[r + i] = next;
      r += static_cast<int>(here);
      pixel.next_line(g);
    }
    return;
  }
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

namespace {

// Largest copy: lines that windows share are copied again for each one, and the L2 has more to hold.
std::int64_t most_bytes() { return static_cast<std::int64_t>(cache_sizes().l2 / 8); }

}  // namespace

PaddedImage::PaddedImage(const ConvGeometry& g, std::int64_t pixel_bytes)
    : pixel_bytes_(pixel_bytes),
      width_((g.w.output - 1) * g.w.stride + g.w.extent()),
      height_((g.h.output - 1) * g.h.stride + g.h.extent()),
      input_(g.h.input),
      output_(g.h.output),
      stride_(g.h.stride),
      pad_(g.h.pad_begin),
      extent_(g.h.extent()) {
  const std::int64_t fit = most_bytes() / std::max<std::int64_t>(line_bytes(), 1);
  lines_ = std::clamp<std::int64_t>((fit - extent_) / stride_ + 1, 1, std::max<std::int64_t>(output_, 1));
  // From one image to the next, which happens once at most, windows lie side by side.
  const std::int64_t apart = g.batch > 1 ? std::max<std::int64_t>(extent_ - stride_, 0) : 0;
  copied_ = (lines_ - 1) * stride_ + apart + extent_;
}

void PaddedImage::fill_rows(const ConvGeometry& g, const std::byte* copy, std::int64_t first,
                            std::int64_t row, int count, const void** pointers) const {
  PixelWalk pixel(row, g);
  for (int r = 0; r < count; ++r, pixel.next(g)) {
    const std::int64_t top = pixel.n * height_ + pixel.oh * stride_ - first;
    for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
      const std::int64_t line = (top + kh * g.h.dilation) * width_;
      pointers[kh * count + r] = copy + (line + pixel.ow * g.w.stride) * pixel_bytes_;
    }
  }
}

}  // namespace godwit::ops
