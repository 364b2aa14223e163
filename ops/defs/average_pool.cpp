// AveragePool: the mean of the numbers under each window.
#include <algorithm>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/known_ops.h"
#include "ops/movement.h"
#include "ops/pooling.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_average_pool(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  (void)node.attributes.flag("count_include_pad", false);
  return {{node.input(0).dtype, infer_pool_shape(node), Layout::nchw}};
}

template <class T>
double sum_under(const Window2d& window, const T* src, std::int64_t oh, std::int64_t ow) {
  const WindowAxis &h = window.h, &w = window.w;
  double sum = 0;
  for (std::int64_t kh = 0; kh < h.kernel; ++kh) {
    const std::int64_t ih = oh * h.stride + kh * h.dilation - h.pad_begin;
    if (ih < 0 || ih >= h.input) continue;
    for (std::int64_t kw = 0; kw < w.kernel; ++kw) {
      const std::int64_t iw = ow * w.stride + kw * w.dilation - w.pad_begin;
      if (iw >= 0 && iw < w.input) sum += static_cast<double>(src[ih * w.input + iw]);
    }
  }
  return sum;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Window2d window = pool_window(node);
  const bool padded = node.attributes.flag("count_include_pad", false);
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
      const T* from = src[0].as<const T>() + channel * window.h.input * window.w.input;
      for (std::int64_t oh = 0; oh < window.h.output; ++oh) {
        for (std::int64_t ow = 0; ow < window.w.output; ++ow, ++i) {
          // A window without a tap that counts gives 0.
          const std::int64_t count = count_taps(window.h, oh, padded) * count_taps(window.w, ow, padded);
          const double divisor = static_cast<double>(std::max<std::int64_t>(count, 1));
          dst[0].as<T>()[i] = static_cast<T>(sum_under(window, from, oh, ow) / divisor);
        }
      }
    }
  });
}

}  // namespace

const OpDef& op_average_pool() {
  static const OpDef def{
      .name = "AveragePool",
      .sentence = "the mean of the numbers under each window, 1-D and 2-D",
      .since_opset = 10,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"ceil_mode", AttributeType::integer},
                     {"count_include_pad", AttributeType::integer},
                     {"dilations", AttributeType::integers},
                     {"kernel_shape", AttributeType::integers, true},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::pooling,
      .quantized = &op_quantized_average_pool(),
      .infer = infer_average_pool,
      .reference = reference,
      .cost = cost_of_pool,
      .layout = channels_last,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&average_pool_nhwc},
  };
  return def;
}

}  // namespace godwit::ops
