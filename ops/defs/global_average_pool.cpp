// GlobalAveragePool: the mean of each channel over all spatial dimensions; of none at all it is NaN, as in
// NumPy.
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/known_ops.h"
#include "ops/movement.h"
#include "ops/pooling.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t plane = shape.product(2, shape.rank());
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    const T* from = src[0].as<const T>();
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel, from += plane) {
      double sum = 0;
      for (std::int64_t i = 0; i < plane; ++i) sum += static_cast<double>(from[i]);
      dst[0].as<T>()[channel] = static_cast<T>(sum / static_cast<double>(plane));
    }
  });
}

Cost cost_global_average_pool(const NodeView& node) {
  return {.macs = 0, .flops = node.shape(0).known() ? node.shape(0).elements() : 0};
}

}  // namespace

const OpDef& op_global_average_pool() {
  static const OpDef def{
      .name = "GlobalAveragePool",
      .sentence = "the mean of each channel",
      .since_opset = 1,
      .kind = OpKind::pooling,
      .quantized = &op_quantized_average_pool(),
      .infer = infer_global_pool,
      .reference = reference,
      .cost = cost_global_average_pool,
      .layout = channels_last,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&global_average_pool_nhwc},
  };
  return def;
}

}  // namespace godwit::ops
