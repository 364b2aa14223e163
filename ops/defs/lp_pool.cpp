// LpPool: the p-norm of the elements under each window.
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/pooling.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_lp_pool(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  (void)norm_order(node.attributes);
  return {{node.input(0).dtype, infer_pool_shape(node), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Window window = pool_window(node);
  const double p = norm_order(node.attributes);
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    std::int64_t to = 0;
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
      const T* from = src[0].as<const T>() + channel * window.inputs();
      for (std::int64_t o = 0; o < window.outputs(); ++o, ++to) {
        double sum = 0;
        for_each_tap(window, window.position_of(o), [&](std::int64_t i, std::int64_t) {
          sum += std::pow(std::abs(static_cast<double>(from[i])), p);
        });
        dst[0].as<T>()[to] = static_cast<T>(std::pow(sum, 1 / p));
      }
    }
  });
}

}  // namespace

const OpDef& op_lp_pool() {
  static const OpDef def{
      .name = "LpPool",
      .sentence = "the p-norm of the elements under each window, 1-D to 3-D",
      .since_opset = 2,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"ceil_mode", AttributeType::integer},
                     {"dilations", AttributeType::integers},
                     {"kernel_shape", AttributeType::integers, true},
                     {"p", AttributeType::integer},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::pooling,
      .infer = infer_lp_pool,
      .reference = reference,
      .cost = cost_of_pool,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
