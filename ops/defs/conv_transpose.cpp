// ConvTranspose: the transpose of a convolution over one to three spatial dimensions: each element of the
// operand adds its multiple of the kernel to the result, steps of `strides` apart.
#include <algorithm>
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/window.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

void check_channels(const NodeView& node, std::int64_t group) {
  if (group < 1) throw Error(fmt::format("attribute 'group' is {}, expected at least 1", group));
  const Shape &src = node.shape(0), &weights = node.shape(1);
  if (!weights.ranked()) return;
  if (src.ranked()) require_dim("the weights' number of input channels", weights[0], src[1]);
  if (is_known(weights[0]) && weights[0] % group != 0)
    throw Error(
        fmt::format("{} cannot be split into {} groups", counted(weights[0], "input channel"), group));
  if (has_own_input(node, 2) && node.shape(2).ranked() && is_known(weights[1])) {
    const std::int64_t factors[] = {weights[1], group};
    require_dim("the length of the bias", node.shape(2)[0], product_of(factors));
  }
}

void check_kernel(const NodeView& node, int rank) {
  const std::span<const std::int64_t> asked = node.attributes.integers("kernel_shape");
  if (asked.empty() || !node.shape(1).ranked()) return;
  if (asked.size() != static_cast<std::size_t>(rank))
    throw Error(
        fmt::format("attribute 'kernel_shape' has {}, expected {}", counted(asked.size(), "value"), rank));
  for (int i = 0; i < rank; ++i) {
    if (!may_be_same_dim(node.shape(1)[i + 2], asked[static_cast<std::size_t>(i)])) {
      throw Error(fmt::format("attribute 'kernel_shape' has {}, the weights {} have {}",
                              asked[static_cast<std::size_t>(i)], node.shape(1).to_string(),
                              node.shape(1)[i + 2]));
    }
  }
}

std::vector<TensorDesc> infer_conv_transpose(const NodeView& node) {
  require_product_dtypes(node);
  require_rank(node, 0, 3, 2 + kMaxSpatial);
  require_rank(node, 1, 3, 2 + kMaxSpatial);
  if (has_own_input(node, 2)) require_rank(node, 2, 1, 1);
  const Shape &src = node.shape(0), &weights = node.shape(1);
  if (src.ranked()) require_rank(node, 1, src.rank(), src.rank());
  const std::int64_t group = node.attributes.integer("group", 1);
  check_channels(node, group);
  TensorDesc dst{product_dtype(node), Shape::unranked(), Layout::nchw};
  if (!src.ranked()) return {dst};
  check_kernel(node, src.rank() - 2);
  dst.shape = shape_of_rank(src.rank());
  dst.shape[0] = src[0];
  if (!weights.ranked()) return {dst};
  const std::int64_t factors[] = {weights[1], group};
  dst.shape[1] = product_of(factors);
  const auto kernel = weights.dims().subspan(2);
  if (std::ranges::all_of(kernel, is_known)) {
    const Window window = transposed_window_of(node.attributes, src.dims().subspan(2), kernel);
    for (int i = 0; i < window.rank; ++i)
      dst.shape[i + 2] = window.spatial()[static_cast<std::size_t>(i)].input;
  }
  require_residual(node, dst);
  return {dst};
}

// src points to the group's first channel (IC/group, spatial…), weights to its kernels (IC/group, OC/group,
// kernel…) for one output channel, `stride` elements from one input channel to the next.
template <class T>
double gather(const Window& window, std::int64_t channels, const T* src, const T* weights,
              std::int64_t stride, const WindowPosition& at) {
  double sum = 0;
  for (std::int64_t c = 0; c < channels; ++c, src += window.outputs(), weights += stride) {
    for_each_window_on(window, at, [&](std::int64_t o, std::int64_t tap) {
      sum += static_cast<double>(src[o]) * static_cast<double>(weights[tap]);
    });
  }
  return sum;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &shape = src[0].desc.shape, &weights = src[1].desc.shape;
  const Window window =
      transposed_window_of(node.attributes, shape.dims().subspan(2), weights.dims().subspan(2));
  const std::int64_t group = node.attributes.integer("group", 1);
  const std::int64_t channels = shape[1] / group, out_channels = weights[1];  // of one group
  const bool has_bias = has_own_input(node, 2);
  visit_float(src[0].desc.dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      for (std::int64_t oc = 0; oc < group * out_channels; ++oc) {
        const std::int64_t first = oc / out_channels * channels;
        const T* from = src[0].as<const T>() + (n * shape[1] + first) * window.outputs();
        const T* kernel = src[1].as<const T>() + (first * out_channels + oc % out_channels) * window.taps();
        for (std::int64_t o = 0; o < window.inputs(); ++o, ++i) {
          double value = gather(window, channels, from, kernel, out_channels * window.taps(),
                                window.input_position_of(o));
          if (has_bias) value += real_at(src[2], oc);
          set_real(dst[0], i, finish(node, src, i, value));
        }
      }
    }
  });
}

// Each element of the operand meets each element of its kernels.
Cost cost_conv_transpose(const NodeView& node) {
  const Shape &src = node.shape(0), &weights = node.shape(1);
  Cost cost;
  if (!src.known() || !weights.known()) return cost;
  cost.macs = src.elements();
  for (int axis = 1; axis < weights.rank(); ++axis) cost.macs = work_product({cost.macs, weights[axis]});
  const std::int64_t bias = has_own_input(node, 2) ? output_elements(node) : 0;
  cost.flops = work_sum({work_product({2, cost.macs}), bias, epilogue_flops(node)});
  return cost;
}

// In groups no single axis of the weights counts the result's channels.
std::optional<Product> product(const NodeView& node) {
  if (node.shape(1).rank() < 3 || node.attributes.integer("group", 1) != 1) return std::nullopt;
  return Product{.channel_axis = 1};
}

}  // namespace

const OpDef& op_conv_transpose() {
  static const OpDef def{
      .name = "ConvTranspose",
      .sentence = "transposed convolution, 1-D to 3-D, with groups and an optional bias",
      .since_opset = 1,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"dilations", AttributeType::integers},
                     {"group", AttributeType::integer},
                     {"kernel_shape", AttributeType::integers},
                     {"output_padding", AttributeType::integers},
                     {"output_shape", AttributeType::integers},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::product,
      .product = product,
      .weights = 1,
      .bias = 2,
      .infer = infer_conv_transpose,
      .reference = reference,
      .cost = cost_conv_transpose,
      .layout = channels_last,
      .fuses_clamp = true,
      .fuses_residual = true,
      .fuses_dst_f32 = true,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&conv_transpose_gemm},
  };
  return def;
}

}  // namespace godwit::ops
