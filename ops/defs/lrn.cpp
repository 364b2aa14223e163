// LRN: each element over a power of the mean of squares in the channels around it.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "ops/elementwise.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_lrn(const NodeView& node) {
  require_rank(node, 0, 2);
  const std::int64_t size = node.attributes.integer("size", 0);
  if (size < 1) throw Error(fmt::format("attribute 'size' is {}, expected at least 1", size));
  return infer_unary(node);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t channels = shape[1], plane = shape.product(2, shape.rank());
  const std::int64_t size = std::min(node.attributes.integer("size", 1), 2 * channels + 1);
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 1e-4F));
  const auto beta = static_cast<double>(node.attributes.real("beta", 0.75F));
  const auto bias = static_cast<double>(node.attributes.real("bias", 1));
  const auto whole = static_cast<double>(node.attributes.integer("size", 1));
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t begin = std::max<std::int64_t>(0, c - (size - 1) / 2);
        const std::int64_t end = std::min(channels, c + size / 2 + 1);
        for (std::int64_t p = 0; p < plane; ++p) {
          const auto at = [&](std::int64_t channel) { return (n * channels + channel) * plane + p; };
          double sum = 0;
          for (std::int64_t k = begin; k < end; ++k) {
            const auto value = static_cast<double>(src[0].as<const T>()[at(k)]);
            sum += value * value;
          }
          const double scale = std::pow(bias + alpha / whole * sum, beta);
          dst[0].as<T>()[at(c)] = static_cast<T>(static_cast<double>(src[0].as<const T>()[at(c)]) / scale);
        }
      }
    }
  });
}

Cost cost_lrn(const NodeView& node) {
  const std::int64_t size = std::clamp<std::int64_t>(node.attributes.integer("size", 1), 1, 1 << 20);
  return {.macs = 0, .flops = work_product({2 * size + 12, output_elements(node)})};
}

}  // namespace

const OpDef& op_lrn() {
  static const OpDef def{
      .name = "LRN",
      .sentence = "each element over the squares in the channels around it",
      .since_opset = 1,
      .attributes = {{"alpha", AttributeType::real},
                     {"beta", AttributeType::real},
                     {"bias", AttributeType::real},
                     {"size", AttributeType::integer, true}},
      .kind = OpKind::normalization,
      .infer = infer_lrn,
      .reference = reference,
      .extents = same_extents,
      .cost = cost_lrn,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
