// Brings weights to s8 without zero point and biases to steps of the sums.
#include "engine/passes/quantization.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/node_properties.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"
#include "ops/quantization.h"

namespace godwit::engine::passes {
namespace {

Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor result({DType::s8, {columns, rows}, Layout::nchw});
  const auto src = matrix.values<std::int8_t>();
  const auto dst = result.mutable_values<std::int8_t>();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      dst[static_cast<std::size_t>(c * rows + r)] = src[static_cast<std::size_t>(r * columns + c)];
    }
  }
  return result;
}

double at(const Tensor& values, std::int64_t channel) {
  const auto numbers = values.values<float>();
  return static_cast<double>(numbers[numbers.size() == 1 ? 0 : static_cast<std::size_t>(channel)]);
}

// Real biases as whole steps of the sums; empty where one is out of bounds.
Tensor whole_bias(const std::vector<double>& real, double src_scale, const Tensor& scale) {
  Tensor result({DType::s32, {static_cast<std::int64_t>(real.size())}, Layout::nchw});
  const auto dst = result.mutable_values<std::int32_t>();
  for (std::size_t c = 0; c < real.size(); ++c) {
    const double steps = std::nearbyint(real[c] / (src_scale * at(scale, static_cast<std::int64_t>(c))));
    if (!(std::abs(steps) <= kLargestBias)) return {};
    dst[c] = static_cast<std::int32_t>(steps);
  }
  return result;
}

// True where a node dequantises constant s32 numbers without a zero point.
bool is_whole_bias(const Node& node, const Tensor* steps, const Tensor* scale, const Tensor* zero_point) {
  if (node.op != &ops::op_dequantize_linear() || steps == nullptr || scale == nullptr) return false;
  if (steps->dtype() != DType::s32) return false;
  if (zero_point == nullptr) return !has_operand(node, 2);
  return std::ranges::all_of(zero_point->values<std::int32_t>(), [](std::int32_t zero) { return zero == 0; });
}

}  // namespace

Tensor symmetric_weights(const Tensor& weights, const Tensor* zero_point) {
  std::vector<std::int32_t> zeros{0};
  if (zero_point != nullptr) {
    zeros.clear();
    if (zero_point->dtype() == DType::u8) {
      for (const std::uint8_t zero : zero_point->values<std::uint8_t>()) zeros.push_back(zero);
    } else {
      for (const std::int8_t zero : zero_point->values<std::int8_t>()) zeros.push_back(zero);
    }
  }
  const std::int32_t wanted = weights.dtype() == DType::u8 ? 128 : 0;
  if (!std::ranges::all_of(zeros, [&](std::int32_t zero) { return zero == wanted; })) return {};
  if (weights.dtype() == DType::s8) return weights;
  Tensor result({DType::s8, weights.shape(), Layout::nchw});
  const auto src = weights.values<std::uint8_t>();
  const auto dst = result.mutable_values<std::int8_t>();
  for (std::size_t i = 0; i < src.size(); ++i) dst[i] = static_cast<std::int8_t>(src[i] - 128);
  return result;
}

std::optional<Linear> linear_of(const Graph& graph, const Node& node) {
  const bool quantizes = node.op == &ops::op_quantize_linear();
  if (!quantizes && node.op != &ops::op_dequantize_linear()) return std::nullopt;
  const Tensor* scale = f32_constant_of(graph, node, 1);
  const Tensor* zero = constant_of(graph, node, 2);
  if (scale == nullptr || scale->dtype() != DType::f32 || scale->shape().elements() != 1 ||
      (has_operand(node, 2) && zero == nullptr))
    return std::nullopt;
  const DType dtype = graph.value(quantizes ? node.outputs[0] : node.inputs[0]).desc.dtype;
  if (dtype != DType::u8 && dtype != DType::s8) return std::nullopt;
  Linear linear{scale->values<float>()[0], 0, dtype};
  if (zero != nullptr) {
    linear.zero_point = dtype == DType::u8 ? std::int32_t{zero->values<std::uint8_t>()[0]}
                                           : std::int32_t{zero->values<std::int8_t>()[0]};
  }
  return linear;
}

std::optional<QuantizedProduct> quantized_product(const Graph& graph, const Node& node, const Node& weights,
                                                  const Node* bias, float src_scale, std::string& reason) {
  const auto refuse = [&](const char* why) {
    reason = why;
    return std::nullopt;
  };
  const std::optional<ops::Product> form = product_of(graph, node);
  if (form && (form->transposes_src || form->alpha != 1 || form->beta != 1))
    return refuse("it scales or transposes");
  const Tensor* numbers = constant_of(graph, weights, 0);
  const Tensor* scale = f32_constant_of(graph, weights, 1);
  const Tensor* zero = constant_of(graph, weights, 2);
  if (numbers == nullptr || scale == nullptr) return refuse("its weights or their scale are not constant");
  if (has_operand(weights, 2) && zero == nullptr) {
    return refuse("the zero point of its weights is not constant");
  }
  if (numbers->dtype() != DType::s8 && numbers->dtype() != DType::u8)
    return refuse("its weights are not 8-bit");
  if (!form) return refuse("its weights are no matrix");

  if (scale->dtype() != DType::f32 || scale->shape().rank() > 1)
    return refuse("its weights have scales of blocks, or not in f32");

  const Shape& shape = numbers->shape();
  const int axis = form->channel_axis;
  const std::int64_t channels = shape[axis];
  if (channels == 0 || shape.elements() == 0) return refuse("it has no weights");
  if (scale->shape().elements() != 1) {
    std::int64_t along = ops::QuantizationAttributes(weights.attributes).axis;
    if (along < 0) along += shape.rank();
    if (along != axis) return refuse("its weights have no scale for each result channel");
  }
  if (shape.elements() / channels > kMostProducts) return refuse("its sums may not fit into 32 bits");

  QuantizedProduct product;
  product.scale = *scale;
  product.weights = symmetric_weights(*numbers, zero);
  if (product.weights.empty()) return refuse("its weights have a zero point");
  if (shape.rank() == 2 && axis == 0) product.weights = transposed(product.weights);

  const Tensor* real = constant_of(graph, node, node.op->bias);
  if (bias == nullptr && real == nullptr) {
    if (has_operand(node, node.op->bias)) return refuse("its bias is not constant");
    return product;
  }
  std::vector<double> values(static_cast<std::size_t>(channels));
  if (bias != nullptr) {
    const Tensor* steps = constant_of(graph, *bias, 0);
    const Tensor* bias_scale = f32_constant_of(graph, *bias, 1);
    if (!is_whole_bias(*bias, steps, bias_scale, constant_of(graph, *bias, 2))) {
      return refuse("its bias is not made of constant s32 numbers");
    }
    if (steps->shape().elements() != channels) return refuse("its bias differs from row to row");
    for (std::int64_t c = 0; c < channels; ++c) {
      values[static_cast<std::size_t>(c)] =
          static_cast<double>(steps->values<std::int32_t>()[static_cast<std::size_t>(c)]) *
          at(*bias_scale, c);
    }
  } else {
    if (real->dtype() != DType::f32 ||
        (real->shape().elements() != channels && real->shape().elements() != 1)) {
      return refuse("its bias differs from row to row");
    }
    for (std::int64_t c = 0; c < channels; ++c) values[static_cast<std::size_t>(c)] = at(*real, c);
  }
  product.bias = whole_bias(values, static_cast<double>(src_scale), product.scale);
  if (product.bias.empty()) return refuse("its bias is out of bounds in steps of the sums");
  return product;
}

}  // namespace godwit::engine::passes
