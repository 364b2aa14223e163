// GlobalLpPool: the p-norm of each channel over all spatial dimensions.
#include <cmath>

#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/pooling.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_global_lp_pool(const NodeView& node) {
  (void)norm_order(node.attributes);
  return infer_global_pool(node);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t plane = shape.product(2, shape.rank());
  const double p = norm_order(node.attributes);
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    const T* from = src[0].as<const T>();
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel, from += plane) {
      double sum = 0;
      for (std::int64_t i = 0; i < plane; ++i) sum += std::pow(std::abs(static_cast<double>(from[i])), p);
      dst[0].as<T>()[channel] = static_cast<T>(std::pow(sum, 1 / p));
    }
  });
}

Cost cost_global_lp_pool(const NodeView& node) {
  return {.macs = 0, .flops = node.shape(0).known() ? node.shape(0).elements() : 0};
}

}  // namespace

const OpDef& op_global_lp_pool() {
  static const OpDef def{
      .name = "GlobalLpPool",
      .sentence = "the p-norm of each channel",
      .since_opset = 2,
      .attributes = {{"p", AttributeType::integer}},
      .kind = OpKind::pooling,
      .infer = infer_global_lp_pool,
      .reference = reference,
      .cost = cost_global_lp_pool,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
