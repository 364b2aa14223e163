// DeformConv: convolution over one to three spatial dimensions whose taps are moved by computed offsets, read
// between elements by interpolation, and weighted by a mask. What lies outside of the operand is 0.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "ops/window.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

enum Input : std::size_t { kData, kWeights, kOffset, kBias, kMask };

std::int64_t positive(const NodeView& node, std::string_view attribute) {
  const std::int64_t value = node.attributes.integer(attribute, 1);
  if (value < 1) throw Error(fmt::format("attribute '{}' is {}, expected at least 1", attribute, value));
  return value;
}

// (N, offset_group · taps · `values`, spatial…) of the result.
void check_field(const NodeView& node, std::size_t i, std::string_view what, std::int64_t channels,
                 const Shape& dst) {
  const Shape& shape = node.shape(i);
  require_rank(node, i, dst.rank(), dst.rank());
  if (!shape.ranked()) return;
  require_dim(fmt::format("dimension 0 of input {} ({})", i, what), shape[0], dst[0]);
  require_dim(fmt::format("dimension 1 of input {} ({})", i, what), shape[1], channels);
  for (int axis = 2; axis < dst.rank(); ++axis)
    require_dim(fmt::format("dimension {} of input {} ({})", axis, i, what), shape[axis], dst[axis]);
}

std::vector<TensorDesc> infer_deform_conv(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_rank(node, kData, 3, 2 + kMaxSpatial);
  require_rank(node, kWeights, 3, 2 + kMaxSpatial);
  const Shape &src = node.shape(kData), &weights = node.shape(kWeights);
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (!src.ranked()) return {dst};
  require_rank(node, kWeights, src.rank(), src.rank());
  dst.shape = shape_of_rank(src.rank());
  dst.shape[0] = src[0];
  if (!weights.ranked()) return {dst};
  const std::int64_t group = positive(node, "group"), offset_group = positive(node, "offset_group");
  dst.shape[1] = weights[0];
  if (is_known(weights[0]) && weights[0] % group != 0)
    throw Error(
        fmt::format("{} cannot be split into {} groups", counted(weights[0], "output channel"), group));
  if (is_known(src[1])) {
    for (const std::int64_t parts : {group, offset_group}) {
      if (src[1] % parts != 0)
        throw Error(
            fmt::format("{} cannot be split into {} groups", counted(src[1], "input channel"), parts));
    }
    require_dim("the weights' number of input channels per group", weights[1], src[1] / group);
  }
  if (node.has_input(kBias)) {
    require_rank(node, kBias, 1, 1);
    if (node.shape(kBias).ranked()) require_dim("the length of the bias", node.shape(kBias)[0], weights[0]);
  }
  const auto kernel = weights.dims().subspan(2);
  if (!std::ranges::all_of(kernel, is_known)) return {dst};
  const Window window = window_of(node.attributes, src.dims().subspan(2), kernel);
  for (int i = 0; i < window.rank; ++i) dst.shape[i + 2] = window.output(i);
  const std::int64_t factors[] = {offset_group, product_of(kernel), window.rank};
  check_field(node, kOffset, "offset", product_of(factors), dst.shape);
  if (node.has_input(kMask))
    check_field(node, kMask, "mask", product_of(std::span(factors).first(2)), dst.shape);
  return {dst};
}

// The operand's value between elements of one channel.
template <class T>
double interpolated(const T* channel, const Window& window, const std::array<double, kMaxSpatial>& at) {
  std::array<std::int64_t, kMaxSpatial> low{};
  std::array<double, kMaxSpatial> part{};
  for (std::size_t i = 0; i < kMaxSpatial; ++i) {
    if (!(at[i] > -1 && at[i] < static_cast<double>(window.axes[i].input))) return 0;
    low[i] = static_cast<std::int64_t>(std::floor(at[i]));
    part[i] = at[i] - static_cast<double>(low[i]);
  }
  double sum = 0;
  for (unsigned corner = 0; corner < 1U << kMaxSpatial; ++corner) {
    double weight = 1;
    std::int64_t from = 0;
    bool inside = true;
    for (std::size_t i = 0; i < kMaxSpatial; ++i) {
      const bool high = (corner >> i & 1U) != 0;
      const std::int64_t element = low[i] + (high ? 1 : 0);
      weight *= high ? part[i] : 1 - part[i];
      inside = inside && window.axes[i].contains(element);
      from = from * window.axes[i].input + element;
    }
    if (inside && weight != 0) sum += weight * static_cast<double>(channel[from]);
  }
  return sum;
}

template <class T>
class Deformed {
 public:
  Deformed(const NodeView& node, std::span<const TensorView> src)
      : window_(window_of(node.attributes, src[kData].desc.shape.dims().subspan(2),
                          src[kWeights].desc.shape.dims().subspan(2))),
        channels_(src[kData].desc.shape[1]),
        group_(node.attributes.integer("group", 1)),
        offset_group_(node.attributes.integer("offset_group", 1)),
        data_(src[kData].as<const T>()),
        offset_(src[kOffset].as<const T>()),
        mask_(src.size() > kMask && src[kMask].present() ? src[kMask].as<const T>() : nullptr) {}

  const Window& window() const { return window_; }

  // The sum at place `o` of image `n`, of channels of group `g`, with weights (IC/group, taps).
  double convolve(std::int64_t n, std::int64_t g, std::int64_t o, const T* weights) const {
    const std::int64_t channels = channels_ / group_;
    double sum = 0;
    for (std::int64_t c = g * channels; c < (g + 1) * channels; ++c) {
      const T* channel = data_ + (n * channels_ + c) * window_.inputs();
      const std::int64_t field = n * offset_group_ + c / (channels_ / offset_group_);
      for (std::int64_t tap = 0; tap < window_.taps(); ++tap, ++weights) {
        const double value = interpolated(channel, window_, position(field, tap, o));
        const double mask =
            mask_ == nullptr
                ? 1
                : static_cast<double>(mask_[(field * window_.taps() + tap) * window_.outputs() + o]);
        sum += static_cast<double>(*weights) * mask * value;
      }
    }
    return sum;
  }

 private:
  std::array<double, kMaxSpatial> position(std::int64_t field, std::int64_t tap, std::int64_t o) const {
    const WindowPosition place = window_.position_of(o);
    const std::int64_t width = window_.w().kernel, height = window_.h().kernel;
    std::array<double, kMaxSpatial> at{
        static_cast<double>(window_.d().position(place.d, tap / width / height)),
        static_cast<double>(window_.h().position(place.h, tap / width % height)),
        static_cast<double>(window_.w().position(place.w, tap % width))};
    std::int64_t channel = (field * window_.taps() + tap) * window_.rank;
    for (auto axis = static_cast<std::size_t>(kMaxSpatial - window_.rank); axis < at.size();
         ++axis, ++channel)
      at[axis] += static_cast<double>(offset_[channel * window_.outputs() + o]);
    return at;
  }

  Window window_;
  std::int64_t channels_, group_, offset_group_;
  const T* data_;
  const T* offset_;
  const T* mask_;
};

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &weights = src[kWeights].desc.shape, &shape = dst[0].desc.shape;
  const std::int64_t group = node.attributes.integer("group", 1);
  const bool has_bias = src.size() > kBias && src[kBias].present();
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    const Deformed<T> deformed(node, src);
    const std::int64_t places = deformed.window().outputs();
    std::int64_t to = 0;
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      for (std::int64_t oc = 0; oc < shape[1]; ++oc) {
        const T* kernel = src[kWeights].as<const T>() + oc * weights[1] * deformed.window().taps();
        for (std::int64_t o = 0; o < places; ++o, ++to) {
          const double value = deformed.convolve(n, oc / (shape[1] / group), o, kernel);
          dst[0].as<T>()[to] = static_cast<T>(value + (has_bias ? real_at(src[kBias], oc) : 0));
        }
      }
    }
  });
}

Cost cost_deform_conv(const NodeView& node) {
  const Shape& weights = node.shape(kWeights);
  Cost cost;
  if (!weights.known()) return cost;
  cost.macs = output_elements(node);
  for (int axis = 1; axis < weights.rank(); ++axis) cost.macs = work_product({cost.macs, weights[axis]});
  cost.flops = work_product({2, cost.macs});
  return cost;
}

}  // namespace

const OpDef& op_deform_conv() {
  static const OpDef def{
      .name = "DeformConv",
      .sentence = "convolution whose taps are moved by computed offsets, 1-D to 3-D",
      .since_opset = 19,
      .min_inputs = 3,
      .max_inputs = 5,
      .attributes = {{"dilations", AttributeType::integers},
                     {"group", AttributeType::integer},
                     {"kernel_shape", AttributeType::integers},
                     {"offset_group", AttributeType::integer},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .infer = infer_deform_conv,
      .reference = reference,
      .cost = cost_deform_conv,
  };
  return def;
}

}  // namespace godwit::ops
