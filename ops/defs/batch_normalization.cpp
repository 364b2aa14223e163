// BatchNormalization: each channel scaled and shifted by statistics gathered in training; the inference form
// only. Scale and bias share a type of their own, and so do mean and variance.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array<std::string_view, 5> kOperands = {"X", "scale", "B", "mean", "var"};

// A tensor of one dimension is N values of a single channel.
std::int64_t channels_of(const Shape& shape) { return shape.rank() < 2 ? 1 : shape[1]; }

void require_types(const NodeView& node) {
  NodeView data = node;
  data.inputs = node.inputs.first(1);
  require_one_dtype(data, kFloatTypes);
  for (std::size_t i = 1; i < kOperands.size(); ++i) {
    const std::size_t first = i < 3 ? 1 : 3;
    const DType dtype = node.input(i).dtype, expected = node.input(first).dtype;
    const bool real = std::ranges::find(kFloatTypes, dtype) != kFloatTypes.end();
    if (real && dtype == expected) continue;
    throw Error(fmt::format(
        "input {} is {}, expected {}", i, name_of(dtype),
        real ? fmt::format("{} as input {}", name_of(expected), first) : "f32, f64, f16 or bf16"));
  }
}

std::vector<TensorDesc> infer_batch_normalization(const NodeView& node) {
  require_types(node);
  if (node.attributes.flag("training_mode", false)) {
    throw Error("attribute 'training_mode' is 1; only inference (0) is supported");
  }
  require_rank(node, 0, 1);
  for (std::size_t i = 1; i < kOperands.size(); ++i) {
    require_rank(node, i, 1, 1);
    if (!node.shape(0).ranked() || !node.shape(i).ranked()) continue;
    require_dim(fmt::format("the length of '{}'", kOperands[i]), node.shape(i)[0],
                channels_of(node.shape(0)));
  }
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t channels = channels_of(shape);
  const std::int64_t plane = shape.rank() < 2 ? 1 : shape.product(2, shape.rank());
  const auto epsilon = static_cast<double>(node.attributes.real("epsilon", 1e-5F));
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    const auto parameter = [&](std::size_t i, std::int64_t c) { return real_at(src[i], c); };
    std::int64_t i = 0;
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const double factor = parameter(1, c) / std::sqrt(parameter(4, c) + epsilon);
        for (std::int64_t p = 0; p < plane; ++p, ++i) {
          const double value = (static_cast<double>(src[0].as<const T>()[i]) - parameter(3, c)) * factor;
          dst[0].as<T>()[i] = static_cast<T>(clamp(node.epilogue, value + parameter(2, c)));
        }
      }
    }
  });
}

}  // namespace

const OpDef& op_batch_normalization() {
  static const OpDef def{
      .name = "BatchNormalization",
      .sentence = "each channel scaled and shifted by fixed statistics",
      .since_opset = 9,
      .min_inputs = 5,
      .max_inputs = 5,
      .attributes = {{"epsilon", AttributeType::real},
                     {"momentum", AttributeType::real},
                     {"training_mode", AttributeType::integer}},
      .kind = OpKind::normalization,
      .infer = infer_batch_normalization,
      .reference = reference,
      .cost = cost_per_element<2>,
      .layout = channels_last,
      .fuses_clamp = true,
      .batch_separable = always,
      .implementations = {&batch_normalization_nhwc},
  };
  return def;
}

}  // namespace godwit::ops
