// MaxPool: the largest number under each window, and where it was. A NaN under the window is the result.
#include <limits>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/pooling.h"

namespace godwit::ops {
namespace {

constexpr std::array kPoolTypes{DType::f32, DType::f64, DType::f16, DType::bf16, DType::s8, DType::u8};

std::vector<TensorDesc> infer_max_pool(const NodeView& node) {
  require_one_dtype(node, kPoolTypes);
  (void)node.attributes.flag("storage_order", false);
  const Shape shape = infer_pool_shape(node);
  std::vector<TensorDesc> outputs{{node.input(0).dtype, shape, Layout::nchw}};
  if (node.output_count > 1) outputs.push_back({DType::s64, shape, Layout::nchw});
  return outputs;
}

template <class Number>
struct Largest {
  using T = Computed<Number>;
  T value = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                 : std::numeric_limits<T>::lowest();
  std::int64_t h = -1, w = -1;  // -1: no tap lay inside the input
};

// The first of the largest numbers of one channel (H, W) under the window of (oh, ow).
template <class T>
Largest<T> largest(const Window2d& window, const T* src, std::int64_t oh, std::int64_t ow) {
  const WindowAxis &h = window.h, &w = window.w;
  Largest<T> best;
  for (std::int64_t kh = 0; kh < h.kernel; ++kh) {
    const std::int64_t ih = oh * h.stride + kh * h.dilation - h.pad_begin;
    if (ih < 0 || ih >= h.input) continue;
    for (std::int64_t kw = 0; kw < w.kernel; ++kw) {
      const std::int64_t iw = ow * w.stride + kw * w.dilation - w.pad_begin;
      if (iw < 0 || iw >= w.input) continue;
      const auto value = static_cast<Computed<T>>(src[ih * w.input + iw]);
      const bool is_nan = value != value;
      if (best.h < 0 || value > best.value || is_nan) best = {value, ih, iw};
      if (is_nan) return best;
    }
  }
  return best;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Window2d window = pool_window(node);
  const bool column_major = node.attributes.flag("storage_order", false);
  const std::int64_t plane = window.h.input * window.w.input;
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
      for (std::int64_t oh = 0; oh < window.h.output; ++oh) {
        for (std::int64_t ow = 0; ow < window.w.output; ++ow, ++i) {
          const Largest<T> best = largest(window, src[0].as<const T>() + channel * plane, oh, ow);
          dst[0].as<T>()[i] = static_cast<T>(best.value);
          if (dst.size() < 2) continue;
          const std::int64_t position =
              column_major ? best.w * window.h.input + best.h : best.h * window.w.input + best.w;
          dst[1].as<std::int64_t>()[i] = best.h < 0 ? -1 : channel * plane + position;
        }
      }
    }
  });
}

bool moves(const NodeView& node, std::size_t) { return node.output_count == 1; }  // positions are no elements

}  // namespace

const OpDef& op_max_pool() {
  static const OpDef def{
      .name = "MaxPool",
      .sentence = "the largest number under each window, 1-D and 2-D",
      .since_opset = 12,
      .max_outputs = 2,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"ceil_mode", AttributeType::integer},
                     {"dilations", AttributeType::integers},
                     {"kernel_shape", AttributeType::integers, true},
                     {"pads", AttributeType::integers},
                     {"storage_order", AttributeType::integer},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::pooling,
      .moves = moves,
      .padding = WindowPadding::lowest,
      .infer = infer_max_pool,
      .reference = reference,
      .cost = cost_of_pool,
      .layout = channels_last,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&max_pool_nhwc, &max_pool_bytes},
  };
  return def;
}

}  // namespace godwit::ops
