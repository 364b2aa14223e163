// Window geometry as ONNX defines it (Conv-22, MaxPool-22, AveragePool-22).
#include "ops/window.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string>

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

// Fills `axes`, one for each spatial dimension; allocates nothing but for an error.
void resolve(const Attributes& attributes, std::span<const std::int64_t> spatial,
             std::span<const std::int64_t> kernel, bool ceil_mode, std::span<WindowAxis> axes) {
  const std::size_t rank = axes.size();
  std::array<std::int64_t, kMaxRank> strides, dilations;
  std::array<std::int64_t, std::size_t{2} * kMaxRank> pads;
  attributes.read_integers("strides", {strides.data(), rank}, 1, 1);
  attributes.read_integers("dilations", {dilations.data(), rank}, 1, 1);
  attributes.read_integers("pads", {pads.data(), 2 * rank}, 0, 0);
  const std::string auto_pad = attributes.string("auto_pad", "NOTSET");
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  if (!same && auto_pad != "NOTSET" && auto_pad != "VALID") {
    throw Error(fmt::format("attribute 'auto_pad' is '{}', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER",
                            auto_pad));
  }
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
      // A window of stride 1 that loses at the edges what the padding adds keeps even an unknown size.
      const bool keeps = same || axis.pad_begin + axis.pad_end + 1 == axis.extent();
      axis.output = keeps && axis.stride == 1 ? axis.input : kAnyDim;
    } else if (same) {
      resolve_same(axis, auto_pad == "SAME_UPPER");
    } else {
      resolve_output(axis, ceil_mode);
    }
  }
}

void require_rank(std::span<const std::int64_t> spatial, std::span<const std::int64_t> kernel) {
  if (spatial.empty() || spatial.size() > kMaxRank || kernel.size() != spatial.size()) {
    throw Error(fmt::format("a kernel with {} spatial dimensions on an input with {}", kernel.size(),
                            spatial.size()));
  }
}

}  // namespace

std::vector<WindowAxis> window_axes(const Attributes& attributes, std::span<const std::int64_t> spatial,
                                    std::span<const std::int64_t> kernel, bool ceil_mode) {
  require_rank(spatial, kernel);
  std::vector<WindowAxis> axes(spatial.size());
  resolve(attributes, spatial, kernel, ceil_mode, axes);
  return axes;
}

Window2d window_2d(const Attributes& attributes, std::span<const std::int64_t> spatial,
                   std::span<const std::int64_t> kernel, bool ceil_mode) {
  require_rank(spatial, kernel);
  if (spatial.size() > 2)
    throw Error(fmt::format("{} spatial dimensions; 1 and 2 are supported", spatial.size()));
  std::array<WindowAxis, 2> axes;
  resolve(attributes, spatial, kernel, ceil_mode, std::span(axes).last(spatial.size()));
  return {axes[0], axes[1]};
}

}  // namespace godwit::ops
