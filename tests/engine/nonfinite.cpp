// Numbers that are not finite are counted, and traced to the layer that makes them as the plan runs it.
#include "engine/nonfinite.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Nonfinite, IsCountedInEveryFloatType) {
  const Nonfinite numbers = count_nonfinite(Tensor::of<float>({6}, {1, kNan, kInf, -kInf, 0, kNan}).view());
  EXPECT_EQ(numbers.nan, 2U);
  EXPECT_EQ(numbers.infinite, 2U);
  EXPECT_EQ(numbers.to_string(), "4 of 6 elements are not finite (2 NaN, 2 infinite)");
  EXPECT_EQ(count_nonfinite(Tensor::of<double>({2}, {1e300, static_cast<double>(kNan)}).view()).count(), 1U);
  EXPECT_EQ(count_nonfinite(Tensor::of<Float16>({2}, {Float16(kInf), Float16(1.0F)}).view()).to_string(),
            "1 of 2 elements is not finite (1 infinite)");
  EXPECT_EQ(count_nonfinite(Tensor::of<BFloat16>({1}, {BFloat16(kNan)}).view()).nan, 1U);
  EXPECT_FALSE(count_nonfinite(Tensor::of<std::int64_t>({2}, {1, 2}).view()).any());
  EXPECT_FALSE(count_nonfinite(Tensor(TensorDesc{DType::f32, {0}, Layout::nchw}).view()).any());
}

// A convolution whose sums are `size` times 4 * 9 at most, then another and a Relu: 16 bits store the first.
Graph network(float size) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 4, 6, 6});
  const auto conv = [&](const std::string& name, ValueId src, float weight) {
    Tensor weights(TensorDesc{DType::f32, {4, 4, 3, 3}, Layout::nchw});
    for (float& value : weights.mutable_values<float>()) value = weight;
    return b.node("Conv", name, {src, b.constant(name + ".w", weights)}, {{"pads", ints({1, 1, 1, 1})}});
  };
  const ValueId first = b.node("Relu", "relu1", {conv("conv1", x, 1)});
  const ValueId second = b.node("Relu", "relu2", {conv("conv2", first, size)});
  b.output(b.node("GlobalAveragePool", "mean", {conv("conv3", second, 1)}));
  return b.build();
}

Tensor ones() {
  Tensor image(TensorDesc{DType::f32, {1, 4, 6, 6}, Layout::nchw});
  for (float& value : image.mutable_values<float>()) value = 1;
  return image;
}

std::string found_in(const Graph& graph, const CompileOptions& options, const Tensor& image) {
  const auto plan = compile(graph, options);
  const auto found = first_nonfinite(graph, options, *plan, std::span(&image, 1));
  return found ? found->to_string() : "";
}

TEST(Nonfinite, ComesFromTheFirstLayerThatMakesIt) {
  CompileOptions f32, f16;
  f16.precision = Precision::f16;
  EXPECT_EQ(found_in(network(1), f16, ones()), "") << "conv2 makes 1296, conv3 46656";
  EXPECT_EQ(found_in(network(1000), f32, ones()), "");
  EXPECT_TRUE(found_in(network(1000), f16, ones()).starts_with("conv2 + relu2 (Conv), where "))
      << found_in(network(1000), f16, ones());
  EXPECT_TRUE(
      found_in(network(kInf), f32, ones()).starts_with("conv2 + relu2 (Conv), where 144 of 144 elements"))
      << found_in(network(kInf), f32, ones());
}

TEST(Nonfinite, MayBeInTheInput) {
  Tensor image = ones();
  image.mutable_values<float>()[5] = kNan;
  EXPECT_EQ(found_in(network(1), {}, image), "input 'x', where 1 of 144 elements is not finite (1 NaN)");
  const auto plan = compile(network(1));
  const auto found = first_nonfinite(network(1), {}, *plan, std::span(&image, 1));
  EXPECT_EQ(explain_nonfinite(found, Precision::f32),
            "input 'x', where 1 of 144 elements is not finite (1 NaN) has them already");
}

TEST(Nonfinite, IsExplainedWithAdviceForThePrecision) {
  EXPECT_NE(explain_nonfinite({}, Precision::f16).find("--precision bf16 or f32"), std::string::npos);
  EXPECT_NE(explain_nonfinite({}, Precision::int8).find("--precision f32"), std::string::npos);
  EXPECT_NE(explain_nonfinite({}, Precision::f32).find("the model itself"), std::string::npos);
}

}  // namespace
}  // namespace godwit::engine
