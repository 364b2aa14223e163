// Sliding windows: the geometry that convolution and pooling share, from ONNX's attributes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/attributes.h"

namespace godwit::ops {

// Most axes that a window slides over: depth, height, width.
inline constexpr int kMaxSpatial = 3;
// One value for each spatial axis, outermost first; the first `rank` of them count.
using PerAxis = std::array<std::int64_t, kMaxSpatial>;

// One spatial axis. Tap t of output o reads input position(o, t), if contains() holds for that.
struct WindowAxis {
  std::int64_t input = 1;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;
  std::int64_t output = 1;

  std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
  std::int64_t position(std::int64_t o, std::int64_t t) const {
    return o * stride + t * dilation - pad_begin;
  }
  bool contains(std::int64_t i) const { return i >= 0 && i < input; }
};

enum class AutoPad : std::uint8_t { notset, valid, same_upper, same_lower };

// The attributes of Conv, the pools and their like, with ONNX's defaults where a node leaves them out.
struct WindowAttributes {
  int rank = 0;
  PerAxis kernel{};  // kernel_shape; kAnyDim where that is left out
  PerAxis strides{}, dilations{};
  PerAxis pads_begin{}, pads_end{};  // attribute `pads`, which counts under AutoPad::notset only
  AutoPad auto_pad = AutoPad::notset;
  std::int64_t group = 1;
  bool ceil_mode = false, count_include_pad = false;
  bool may_be_empty = false;  // a window one step too large for its axis makes 0 places, as pooling has it
};
// Throws Error unless there are 1 to kMaxSpatial axes, and where an attribute has another number of values or
// one out of range.
WindowAttributes window_attributes(const Attributes& attributes, std::size_t rank);
// Gives a node the pads of `window` in place of its own and of auto_pad.
void set_pads(Attributes& attributes, const WindowAttributes& window);

// A place where a window stands: an element of one channel of the result.
struct WindowPosition {
  std::int64_t d = 0, h = 0, w = 0;
};

// A window over 1 to kMaxSpatial axes. Missing outer axes have size 1, so that every window is one over
// D, H and W.
struct Window {
  int rank = 0;
  std::array<WindowAxis, kMaxSpatial> axes{};

  const WindowAxis& d() const { return axes[0]; }
  const WindowAxis& h() const { return axes[1]; }
  const WindowAxis& w() const { return axes[2]; }
  // The axes that the node has.
  std::span<const WindowAxis> spatial() const { return std::span(axes).last(static_cast<std::size_t>(rank)); }
  // Output size along the node's axis `i`, outermost first.
  std::int64_t output(int i) const { return axes[static_cast<std::size_t>(kMaxSpatial - rank + i)].output; }
  // Elements of one channel of the operand and of the result, and of one channel of the kernel.
  std::int64_t inputs() const { return d().input * h().input * w().input; }
  std::int64_t outputs() const { return d().output * h().output * w().output; }
  std::int64_t taps() const { return d().kernel * h().kernel * w().kernel; }
  // Place of a channel's output element `o` in row-major order, and of its input element `i`.
  WindowPosition position_of(std::int64_t o) const {
    return {o / w().output / h().output, o / w().output % h().output, o % w().output};
  }
  WindowPosition input_position_of(std::int64_t i) const {
    return {i / w().input / h().input, i / w().input % h().input, i % w().input};
  }
};

// The window for these sizes; a size that is not known gives an output that is not known. ceil_mode rounds
// outputs up, but never so far that a window would start in the padding behind the input. Allocates nothing,
// so that references may call it while they run. Throws Error where a window is larger than the padded input
// or a size is out of range.
Window window_of(const WindowAttributes& attributes, std::span<const std::int64_t> spatial,
                 std::span<const std::int64_t> kernel);
Window window_of(const Attributes& attributes, std::span<const std::int64_t> spatial,
                 std::span<const std::int64_t> kernel);

// The window of a transposed convolution, which goes from its result to its operand: `input` is a size of the
// result, `output` one of the operand. Of attributes output_padding, output_shape, pads and auto_pad, a given
// output_shape decides the pads. Throws Error as window_of() does.
Window transposed_window_of(const Attributes& attributes, std::span<const std::int64_t> spatial,
                            std::span<const std::int64_t> kernel);

// Calls visit(i, tap) for each tap that lies inside the input, in row-major order: element i of the
// operand's channel and element `tap` of the kernel's.
template <class Visit>
void for_each_tap(const Window& window, const WindowPosition& at, const Visit& visit) {
  const WindowAxis &d = window.d(), &h = window.h(), &w = window.w();
  for (std::int64_t kd = 0; kd < d.kernel; ++kd) {
    const std::int64_t id = d.position(at.d, kd);
    if (!d.contains(id)) continue;
    for (std::int64_t kh = 0; kh < h.kernel; ++kh) {
      const std::int64_t ih = h.position(at.h, kh);
      if (!h.contains(ih)) continue;
      const std::int64_t line = (id * h.input + ih) * w.input;
      const std::int64_t tap = (kd * h.kernel + kh) * w.kernel;
      for (std::int64_t kw = 0; kw < w.kernel; ++kw) {
        const std::int64_t iw = w.position(at.w, kw);
        if (w.contains(iw)) visit(line + iw, tap + kw);
      }
    }
  }
}

// The other way round: calls visit(o, tap) for each place `o` where a window stands whose tap `tap` lies on
// the input element at `at`, in row-major order of taps.
template <class Visit>
void for_each_window_on(const Window& window, const WindowPosition& at, const Visit& visit) {
  // The window's place along an axis; -1: none.
  const auto place = [](const WindowAxis& axis, std::int64_t i, std::int64_t tap) {
    const std::int64_t begin = i + axis.pad_begin - tap * axis.dilation;
    const std::int64_t o = begin / axis.stride;
    return begin >= 0 && begin % axis.stride == 0 && o < axis.output ? o : -1;
  };
  const WindowAxis &d = window.d(), &h = window.h(), &w = window.w();
  for (std::int64_t kd = 0; kd < d.kernel; ++kd) {
    const std::int64_t od = place(d, at.d, kd);
    for (std::int64_t kh = 0; od >= 0 && kh < h.kernel; ++kh) {
      const std::int64_t oh = place(h, at.h, kh);
      for (std::int64_t kw = 0; oh >= 0 && kw < w.kernel; ++kw) {
        const std::int64_t ow = place(w, at.w, kw);
        if (ow >= 0) visit((od * h.output + oh) * w.output + ow, (kd * h.kernel + kh) * w.kernel + kw);
      }
    }
  }
}

}  // namespace godwit::ops
