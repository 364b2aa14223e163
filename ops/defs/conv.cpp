// Conv: convolution over one to three spatial dimensions, in groups, strided, dilated and padded.
#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/known_ops.h"
#include "ops/movement.h"
#include "ops/window.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// Kernel sizes from the weights (OC, IC/group, spatial...) and attribute kernel_shape, which must agree.
PerAxis kernel_of(const Shape& weights, const WindowAttributes& window) {
  PerAxis kernel = window.kernel;
  for (int i = 0; i < window.rank; ++i) {
    std::int64_t& asked = kernel[static_cast<std::size_t>(i)];
    const std::int64_t size = weights.ranked() ? weights[i + 2] : kAnyDim;
    if (!may_be_same_dim(size, asked)) {
      throw Error(fmt::format("attribute 'kernel_shape' has {}, the weights {} have {}", asked,
                              weights.to_string(), size));
    }
    if (is_known(size)) asked = size;
  }
  return kernel;
}

void check_channels(const NodeView& node, std::int64_t group) {
  if (group < 1) throw Error(fmt::format("attribute 'group' is {}, expected at least 1", group));
  const Shape& src = node.shape(0);
  const Shape& weights = node.shape(1);
  if (!weights.ranked()) return;
  if (is_known(weights[0]) && weights[0] % group != 0) {
    throw Error(
        fmt::format("{} cannot be split into {} groups", counted(weights[0], "output channel"), group));
  }
  if (src.ranked() && is_known(src[1])) {
    if (src[1] % group != 0) {
      throw Error(fmt::format("{} cannot be split into {} groups", counted(src[1], "input channel"), group));
    }
    require_dim("the weights' number of input channels per group", weights[1], src[1] / group);
  }
  if (has_own_input(node, 2) && node.shape(2).ranked()) {
    require_dim("the length of the bias", node.shape(2)[0], weights[0]);
  }
}

std::vector<TensorDesc> infer_conv(const NodeView& node) {
  require_product_dtypes(node);
  require_rank(node, 0, 3, 2 + kMaxSpatial);
  require_rank(node, 1, 3, 2 + kMaxSpatial);
  if (has_own_input(node, 2)) require_rank(node, 2, 1, 1);
  const Shape& src = node.shape(0);
  const Shape& weights = node.shape(1);
  if (src.ranked()) require_rank(node, 1, src.rank(), src.rank());
  check_channels(node, node.attributes.integer("group", 1));
  TensorDesc dst{product_dtype(node), Shape::unranked(), Layout::nchw};
  if (!src.ranked()) return {dst};

  const auto spatial = src.dims().subspan(2);
  const WindowAttributes attributes = window_attributes(node.attributes, spatial.size());
  const PerAxis sizes = kernel_of(weights, attributes);
  const auto kernel = std::span(sizes).first(spatial.size());
  dst.shape = Shape{src[0], weights.ranked() ? weights[0] : kAnyDim};
  for (std::size_t i = 0; i < spatial.size(); ++i) dst.shape.append(kAnyDim);
  if (std::ranges::all_of(kernel, is_known)) {
    const Window window = window_of(attributes, spatial, kernel);
    for (int i = 0; i < attributes.rank; ++i) dst.shape[i + 2] = window.output(i);
  }
  require_residual(node, dst);
  return {dst};
}

// The sum over one group's channels and the taps inside the input. src points to the group's first channel
// (IC/group, spatial…), weights to one output channel's (IC/group, kernel…).
template <class T>
double convolve(const Window& window, std::int64_t channels, const T* src, const T* weights,
                const WindowPosition& at) {
  double sum = 0;
  for (std::int64_t c = 0; c < channels; ++c, src += window.inputs(), weights += window.taps()) {
    for_each_tap(window, at, [&](std::int64_t i, std::int64_t tap) {
      sum += static_cast<double>(src[i]) * static_cast<double>(weights[tap]);
    });
  }
  return sum;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Shape& weights = src[1].desc.shape;
  const Window window = window_of(node.attributes, shape.dims().subspan(2), weights.dims().subspan(2));
  const std::int64_t group = node.attributes.integer("group", 1);
  const std::int64_t channels = weights[1], out_channels = weights[0];
  const bool has_bias = has_own_input(node, 2);
  visit_float(src[0].desc.dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      for (std::int64_t oc = 0; oc < out_channels; ++oc) {
        const std::int64_t first = n * shape[1] + oc / (out_channels / group) * channels;
        const T* from = src[0].as<const T>() + first * window.inputs();
        const T* kernel = src[1].as<const T>() + oc * channels * window.taps();
        for (std::int64_t o = 0; o < window.outputs(); ++o, ++i) {
          double value = convolve(window, channels, from, kernel, window.position_of(o));
          if (has_bias) value += real_at(src[2], oc);
          set_real(dst[0], i, finish(node, src, i, value));
        }
      }
    }
  });
}

Cost cost_conv(const NodeView& node) {
  const Shape& weights = node.shape(1);
  const std::int64_t elements = output_elements(node);
  Cost cost;
  if (!weights.known()) return cost;
  cost.macs = elements;
  for (int axis = 1; axis < weights.rank(); ++axis) cost.macs = work_product({cost.macs, weights[axis]});
  const std::int64_t bias = has_own_input(node, 2) ? elements : 0;
  cost.flops = work_sum({work_product({2, cost.macs}), bias, epilogue_flops(node)});
  return cost;
}

std::optional<Product> product(const NodeView& node) {
  if (node.shape(1).rank() < 3) return std::nullopt;
  return Product{.channel_axis = 0};
}

}  // namespace

const OpDef& op_conv() {
  static const OpDef def{
      .name = "Conv",
      .sentence = "convolution, 1-D to 3-D, with groups and an optional bias",
      .since_opset = 1,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"dilations", AttributeType::integers},
                     {"group", AttributeType::integer},
                     {"kernel_shape", AttributeType::integers},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::product,
      .product = product,
      .weights = 1,
      .bias = 2,
      .padding = WindowPadding::zero,
      .quantized = &op_quantized_conv(),
      .infer = infer_conv,
      .reference = reference,
      .cost = cost_conv,
      .layout = channels_last,
      .fuses_clamp = true,
      .fuses_residual = true,
      .fuses_dst_f32 = true,
      .takes_16_bits = true,
      .skips_zeros = true,
      .batch_separable = always,
      .implementations = {&conv_depthwise, &conv_grouped, &conv_gemm_rows, &conv_winograd4, &conv_winograd2,
                          &conv_taps, &conv_gemm},
  };
  return def;
}

}  // namespace godwit::ops
