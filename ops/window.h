// Sliding windows: the geometry that convolution and pooling share, from ONNX's attributes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/attributes.h"

namespace godwit::ops {

// One spatial axis. Tap t of output o reads input o * stride + t * dilation - pad_begin, if that is inside.
struct WindowAxis {
  std::int64_t input = 1;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;
  std::int64_t output = 1;

  std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
};

// Resolves strides, dilations, pads and auto_pad (NOTSET, VALID, SAME_UPPER, SAME_LOWER) for the given
// spatial sizes; a size that is not known gives an output that is not known. ceil_mode rounds outputs up, but
// never so far that a window would start in the padding behind the input. Throws Error when a window is
// larger than the padded input, when an attribute has the wrong number of values, or a value is out of range.
std::vector<WindowAxis> window_axes(const Attributes& attributes, std::span<const std::int64_t> spatial,
                                    std::span<const std::int64_t> kernel, bool ceil_mode = false);

// The window of a 2-D op; a 1-D op (N, C, W) counts as height 1. window_2d allocates nothing, so that
// references may call it while they run.
struct Window2d {
  WindowAxis h, w;
};
Window2d window_2d(const Attributes& attributes, std::span<const std::int64_t> spatial,
                   std::span<const std::int64_t> kernel, bool ceil_mode = false);

}  // namespace godwit::ops
