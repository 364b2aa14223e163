// GlobalMaxPool: the largest element of each channel over all spatial dimensions, or a NaN among them; of
// none at all it is minus infinity.
#include <limits>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
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
      double largest = -std::numeric_limits<double>::infinity();
      for (std::int64_t i = 0; i < plane && largest == largest; ++i) {
        const auto value = static_cast<double>(from[i]);
        if (value > largest || value != value) largest = value;
      }
      dst[0].as<T>()[channel] = static_cast<T>(largest);
    }
  });
}

Cost cost_global_max_pool(const NodeView& node) {
  return {.macs = 0, .flops = node.shape(0).known() ? node.shape(0).elements() : 0};
}

}  // namespace

const OpDef& op_global_max_pool() {
  static const OpDef def{
      .name = "GlobalMaxPool",
      .sentence = "the largest element of each channel",
      .kind = OpKind::pooling,
      .infer = infer_global_pool,
      .reference = reference,
      .cost = cost_global_max_pool,
      .layout = channels_last,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&global_max_pool_nhwc},
  };
  return def;
}

}  // namespace godwit::ops
