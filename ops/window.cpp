// Window geometry as ONNX defines it (Conv-22, MaxPool-22, AveragePool-22).
#include "ops/window.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 31;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

void resolve_same(WindowAxis& axis, bool upper) {
  axis.output = ceil_div(axis.input, axis.stride);
  const std::int64_t total =
      std::max<std::int64_t>((axis.output - 1) * axis.stride + axis.extent() - axis.input, 0);
  axis.pad_begin = upper ? total / 2 : total - total / 2;
  axis.pad_end = total - axis.pad_begin;
}

void resolve_output(WindowAxis& axis, bool ceil_mode) {
  const std::int64_t room = axis.input + axis.pad_begin + axis.pad_end - axis.extent();
  if (room < 0) {
    throw Error(fmt::format("a window of {} (dilation {}) does not fit into {} padded by {} and {}",
                            axis.kernel, axis.dilation, axis.input, axis.pad_begin, axis.pad_end));
  }
  axis.output = (ceil_mode ? ceil_div(room, axis.stride) : room / axis.stride) + 1;
  if (ceil_mode && (axis.output - 1) * axis.stride >= axis.input + axis.pad_begin) --axis.output;
}

}  // namespace

std::vector<WindowAxis> window_axes(const Attributes& attributes, std::span<const std::int64_t> spatial,
                                    std::span<const std::int64_t> kernel, bool ceil_mode) {
  const std::size_t rank = spatial.size();
  if (rank == 0 || kernel.size() != rank) {
    throw Error(fmt::format("a kernel with {} spatial dimensions on an input with {}", kernel.size(), rank));
  }
  const auto strides = attributes.integers("strides", rank, 1, 1);
  const auto dilations = attributes.integers("dilations", rank, 1, 1);
  const auto pads = attributes.integers("pads", 2 * rank, 0, 0);
  const std::string auto_pad = attributes.string("auto_pad", "NOTSET");
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  if (!same && auto_pad != "NOTSET" && auto_pad != "VALID") {
    throw Error(fmt::format("attribute 'auto_pad' is '{}', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER",
                            auto_pad));
  }

  std::vector<WindowAxis> axes(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    WindowAxis& axis = axes[i];
    axis.input = spatial[i];
    axis.kernel = kernel[i];
    axis.stride = strides[i];
    axis.dilation = dilations[i];
    if (axis.kernel < 1 || axis.kernel > kLargest)
      throw Error(fmt::format("a kernel of size {}", axis.kernel));
    if (axis.input > kLargest) throw Error(fmt::format("a spatial dimension of {} is too large", axis.input));
    if (auto_pad == "NOTSET") {
      axis.pad_begin = pads[i];
      axis.pad_end = pads[rank + i];
    }
    if (!is_known(axis.input)) {
      // A 'same' window of stride 1 keeps even an unknown size.
      axis.output = same && axis.stride == 1 ? axis.input : kAnyDim;
    } else if (same) {
      resolve_same(axis, auto_pad == "SAME_UPPER");
    } else {
      resolve_output(axis, ceil_mode);
    }
  }
  return axes;
}

Window2d window_2d(const Attributes& attributes, std::span<const std::int64_t> spatial,
                   std::span<const std::int64_t> kernel, bool ceil_mode) {
  const auto axes = window_axes(attributes, spatial, kernel, ceil_mode);
  if (axes.size() == 1) return {WindowAxis{}, axes[0]};
  if (axes.size() == 2) return {axes[0], axes[1]};
  throw Error(fmt::format("{} spatial dimensions; 1 and 2 are supported", axes.size()));
}

}  // namespace godwit::ops
