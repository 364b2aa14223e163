// Writing quantised graphs in tests: QuantizeLinear and DequantizeLinear in pairs, weights and biases in
// integers.
#pragma once

#include <string>
#include <vector>

#include "tests/engine/helpers.h"
#include "tests/support/random.h"

namespace godwit::engine {

// A graph in the making, with the pairs of nodes that quantised models have.
class QdqBuilder : public GraphBuilder {
 public:
  template <class T>
  ValueId zero(const std::string& name, int value) {
    return constant(name, Tensor::of<T>({}, {static_cast<T>(value)}));
  }
  template <class T = std::uint8_t>
  ValueId quantize(const std::string& name, ValueId x, float scale, int zero_point) {
    return node("QuantizeLinear", name + ".q",
                {x, number(name + ".scale", scale), zero<T>(name + ".zero", zero_point)});
  }
  template <class T = std::uint8_t>
  ValueId dequantize(const std::string& name, ValueId q, float scale, int zero_point) {
    return node("DequantizeLinear", name + ".dq",
                {q, number(name + ".dqscale", scale), zero<T>(name + ".dqzero", zero_point)});
  }
  template <class T = std::uint8_t>
  ValueId both(const std::string& name, ValueId x, float scale, int zero_point) {
    return dequantize<T>(name, quantize<T>(name, x, scale, zero_point), scale, zero_point);
  }
  // s8 weights with a scale for each channel, 1/8 and 1/4 in turns.
  ValueId weights(const std::string& name, const Shape& shape, int axis = 0) {
    std::vector<float> scales;
    for (std::int64_t c = 0; c < shape[axis]; ++c) scales.push_back(c % 2 == 0 ? 0.125F : 0.25F);
    const ValueId numbers = constant(name + ".s8", support::random_tensor<std::int8_t>(shape, 7, -7, 7));
    const ValueId scale = constant(name + ".scales", Tensor::of<float>({shape[axis]}, scales));
    return node("DequantizeLinear", name, {numbers, scale}, {{"axis", std::int64_t{axis}}});
  }
  // s32 in steps of the sums of a src of scale 1/2.
  ValueId bias(const std::string& name, std::int64_t channels) {
    std::vector<float> scales;
    for (std::int64_t c = 0; c < channels; ++c) scales.push_back(c % 2 == 0 ? 0.0625F : 0.125F);
    const ValueId numbers =
        constant(name + ".s32", support::random_tensor<std::int32_t>({channels}, 8, -90, 90));
    return node("DequantizeLinear", name,
                {numbers, constant(name + ".scales", Tensor::of<float>({channels}, scales))},
                {{"axis", std::int64_t{0}}});
  }
};

}  // namespace godwit::engine
