// AveragePool: the mean of the elements under each window.
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
double sum_under(const Window& window, const T* src, const WindowPosition& at) {
  double sum = 0;
  for_each_tap(window, at, [&](std::int64_t i, std::int64_t) { sum += static_cast<double>(src[i]); });
  return sum;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Window window = pool_window(node);
  const bool padded = node.attributes.flag("count_include_pad", false);
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
      const T* from = src[0].as<const T>() + channel * window.inputs();
      for (std::int64_t o = 0; o < window.outputs(); ++o, ++i) {
        const WindowPosition at = window.position_of(o);
        // A window without a tap that counts gives 0.
        const std::int64_t count = std::max<std::int64_t>(count_taps(window, at, padded), 1);
        dst[0].as<T>()[i] = static_cast<T>(sum_under(window, from, at) / static_cast<double>(count));
      }
    }
  });
}

}  // namespace

const OpDef& op_average_pool() {
  static const OpDef def{
      .name = "AveragePool",
      .sentence = "the mean of the elements under each window, 1-D to 3-D",
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
