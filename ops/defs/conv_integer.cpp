// ConvInteger: convolution of 8-bit numbers with 32-bit results.
#include <functional>

#include "ops/integer_products.h"
#include "ops/movement.h"
#include "ops/quantization.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_conv(const NodeView& node) {
  require_bytes(node, 0);
  require_bytes(node, 1);
  const Shape shape = integer_conv_shape(node, 0, 1);
  require_numbers(node, 2, 1);
  require_numbers(node, 3, shape.ranked() ? shape[1] : kAnyDim);
  if (node.has_input(2)) require_dtype(node, 2, node.input(0).dtype);
  if (node.has_input(3)) require_dtype(node, 3, node.input(1).dtype);
  return {{DType::s32, shape, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto zero = [&](std::size_t i) { return i < src.size() ? src[i] : TensorView{}; };
  const auto store = [&](std::int64_t i, std::int64_t, std::int32_t sum) {
    dst[0].as<std::int32_t>()[i] = sum;
  };
  integer_conv(node, {src[0], zero(2), src[1], zero(3)}, std::ref(store));
}

Cost cost_conv(const NodeView& node) { return integer_conv_cost(node, 0, 1); }

}  // namespace

const OpDef& op_conv_integer() {
  static const OpDef def{
      .name = "ConvInteger",
      .sentence = "convolution of 8-bit numbers with 32-bit results",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 4,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"dilations", AttributeType::integers},
                     {"group", AttributeType::integer},
                     {"kernel_shape", AttributeType::integers},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::integer,
      .weights = 1,
      .infer = infer_conv,
      .reference = reference,
      .cost = cost_conv,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
