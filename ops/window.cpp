// Window geometry as ONNX defines it (Conv-22, MaxPool-22, AveragePool-22).
#include "ops/window.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "runtime/counted.h"
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

void resolve_output(WindowAxis& axis, bool ceil_mode, bool may_be_empty) {
  const std::int64_t room = axis.input + axis.pad_begin + axis.pad_end - axis.extent();
  if (room < 0 && may_be_empty && -room <= axis.stride) {
    axis.output = 0;
    return;
  }
  if (room < 0) {
    throw Error(fmt::format("a window of {} (dilation {}) does not fit into {} padded by {} and {}",
                            axis.kernel, axis.dilation, axis.input, axis.pad_begin, axis.pad_end));
  }
  axis.output = (ceil_mode ? ceil_div(room, axis.stride) : room / axis.stride) + 1;
  if (ceil_mode && (axis.output - 1) * axis.stride >= axis.input + axis.pad_begin) --axis.output;
}

void check_sizes(std::int64_t kernel, std::int64_t input) {
  if (kernel < 1 || kernel > kLargest) throw Error(fmt::format("a kernel of size {}", kernel));
  if (input > kLargest) throw Error(fmt::format("a spatial dimension of {} is too large", input));
}

void resolve(WindowAxis& axis, const WindowAttributes& attributes) {
  const AutoPad auto_pad = attributes.auto_pad;
  check_sizes(axis.kernel, axis.input);
  const bool same = auto_pad == AutoPad::same_upper || auto_pad == AutoPad::same_lower;
  if (!is_known(axis.input)) {
    // A window of stride 1 that loses at the edges what the padding adds keeps even an unknown size.
    const bool keeps = same || axis.pad_begin + axis.pad_end + 1 == axis.extent();
    axis.output = keeps && axis.stride == 1 ? axis.input : kAnyDim;
  } else if (same) {
    resolve_same(axis, auto_pad == AutoPad::same_upper);
  } else {
    resolve_output(axis, attributes.ceil_mode, attributes.may_be_empty);
  }
}

AutoPad auto_pad_of(const Attributes& attributes) {
  const std::string text = attributes.string("auto_pad", "NOTSET");
  if (text == "NOTSET") return AutoPad::notset;
  if (text == "VALID") return AutoPad::valid;
  if (text == "SAME_UPPER") return AutoPad::same_upper;
  if (text == "SAME_LOWER") return AutoPad::same_lower;
  throw Error(
      fmt::format("attribute 'auto_pad' is '{}', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER", text));
}

void require_kernel_rank(std::size_t kernel, std::size_t rank) {
  if (kernel == rank) return;
  throw Error(fmt::format("a kernel with {} spatial dimensions on an input with {}", kernel, rank));
}

}  // namespace

WindowAttributes window_attributes(const Attributes& attributes, std::size_t rank) {
  if (rank < 1 || rank > kMaxSpatial)
    throw Error(fmt::format("{} spatial dimensions; 1 to {} are supported", rank, kMaxSpatial));
  WindowAttributes window{.rank = static_cast<int>(rank)};
  const std::span<const std::int64_t> kernel = attributes.integers("kernel_shape");
  window.kernel.fill(kAnyDim);
  if (!kernel.empty()) require_kernel_rank(kernel.size(), rank);
  std::ranges::copy(kernel, window.kernel.begin());
  attributes.read_integers("strides", {window.strides.data(), rank}, 1, 1);
  attributes.read_integers("dilations", {window.dilations.data(), rank}, 1, 1);
  std::array<std::int64_t, std::size_t{2} * kMaxSpatial> pads{};
  attributes.read_integers("pads", {pads.data(), 2 * rank}, 0, 0);
  std::copy_n(pads.begin(), rank, window.pads_begin.begin());
  std::copy_n(pads.begin() + window.rank, rank, window.pads_end.begin());
  window.auto_pad = auto_pad_of(attributes);
  window.group = attributes.integer("group", 1);
  window.ceil_mode = attributes.flag("ceil_mode", false);
  window.count_include_pad = attributes.flag("count_include_pad", false);
  return window;
}

void set_pads(Attributes& attributes, const WindowAttributes& window) {
  std::vector<std::int64_t> pads(window.pads_begin.begin(), window.pads_begin.begin() + window.rank);
  pads.insert(pads.end(), window.pads_end.begin(), window.pads_end.begin() + window.rank);
  attributes.erase("auto_pad");
  attributes.set("pads", std::move(pads));
}

Window window_of(const WindowAttributes& attributes, std::span<const std::int64_t> spatial,
                 std::span<const std::int64_t> kernel) {
  require_kernel_rank(kernel.size(), spatial.size());
  Window window{.rank = attributes.rank, .axes = {}};
  const std::span<WindowAxis> axes = std::span(window.axes).last(spatial.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const bool padded = attributes.auto_pad == AutoPad::notset;
    axes[i] = {.input = spatial[i],
               .kernel = kernel[i],
               .stride = attributes.strides[i],
               .dilation = attributes.dilations[i],
               .pad_begin = padded ? attributes.pads_begin[i] : 0,
               .pad_end = padded ? attributes.pads_end[i] : 0};
    resolve(axes[i], attributes);
  }
  return window;
}

Window window_of(const Attributes& attributes, std::span<const std::int64_t> spatial,
                 std::span<const std::int64_t> kernel) {
  return window_of(window_attributes(attributes, spatial.size()), spatial, kernel);
}

Window transposed_window_of(const Attributes& node, std::span<const std::int64_t> spatial,
                            std::span<const std::int64_t> kernel) {
  const WindowAttributes attributes = window_attributes(node, spatial.size());
  require_kernel_rank(kernel.size(), spatial.size());
  PerAxis output_padding{};
  node.read_integers("output_padding", {output_padding.data(), spatial.size()}, 0, 0);
  std::span<const std::int64_t> sizes = node.integers("output_shape");
  if (sizes.size() == spatial.size() + 2)
    sizes = sizes.subspan(2);  // with batch and channels, as some write it
  if (!sizes.empty() && sizes.size() != spatial.size()) {
    throw Error(fmt::format("attribute 'output_shape' has {}, expected {}", counted(sizes.size(), "value"),
                            spatial.size()));
  }
  const bool same = attributes.auto_pad == AutoPad::same_upper || attributes.auto_pad == AutoPad::same_lower;
  Window window{.rank = attributes.rank, .axes = {}};
  const std::span<WindowAxis> axes = std::span(window.axes).last(spatial.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    WindowAxis& axis = axes[i];
    axis = {.kernel = kernel[i], .stride = attributes.strides[i], .dilation = attributes.dilations[i]};
    check_sizes(axis.kernel, spatial[i]);
    axis.output = spatial[i];
    if (output_padding[i] > kLargest)
      throw Error(fmt::format("attribute 'output_padding' has {}, which is too large", output_padding[i]));
    if (attributes.auto_pad == AutoPad::notset) {
      axis.pad_begin = attributes.pads_begin[i];
      axis.pad_end = attributes.pads_end[i];
    }
    if (!is_known(axis.output)) {
      axis.input = sizes.empty() ? kAnyDim : sizes[i];
      continue;
    }
    // The part that the windows cover, and the elements left out on both sides.
    const std::int64_t covered =
        axis.output == 0 ? 0 : (axis.output - 1) * axis.stride + axis.extent() + output_padding[i];
    if (sizes.empty() && !same) {
      axis.input = covered - axis.pad_begin - axis.pad_end;
    } else {
      axis.input = sizes.empty() ? axis.output * axis.stride : sizes[i];
      const std::int64_t total = covered - axis.input;
      const std::int64_t smaller = std::max<std::int64_t>(total, 0) / 2;
      axis.pad_begin =
          attributes.auto_pad == AutoPad::same_upper ? smaller : std::max<std::int64_t>(total, 0) - smaller;
      axis.pad_end = total - axis.pad_begin;
    }
    if (axis.input < 0 || axis.input > kLargest)
      throw Error(fmt::format("the size of the result would be {}, which is out of range", axis.input));
  }
  return window;
}

}  // namespace godwit::ops
