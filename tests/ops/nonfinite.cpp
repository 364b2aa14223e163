// NaN and infinities in every place of a vector and behind whole ones: each implementation on each ISA makes
// of them what the reference makes.
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
// Four vectors of the widest ISA, and part of one.
constexpr std::int64_t kChannels = 67;

struct Case {
  const char* name;
  Shape src;
  OpRunner (*make)(const Tensor& src);
  std::int64_t length = 1;  // of the sums
};
void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }

OpRunner pool(const char* name, const Tensor& src) {
  OpRunner runner(name);
  runner.input(src).attribute("kernel_shape", {3, 3}).attribute("strides", {2, 2});
  runner.attribute("pads", {1, 1, 1, 1});
  return runner;
}

OpRunner conv(const Tensor& src, const Shape& weights, int group) {
  OpRunner runner("Conv");
  runner.input(src).constant(random_tensor(weights, 3)).attribute("group", group);
  if (weights[2] > 1) runner.attribute("strides", {2, 2}).attribute("pads", {1, 1, 1, 1});
  return runner.clamp(-0.5F, 0.5F);
}

std::vector<Case> cases() {
  const Shape image{1, kChannels, 3, 3}, row{2, kChannels};
  return {
      {"Relu", row, [](const Tensor& src) { return OpRunner("Relu").input(src); }},
      {"Clip", row,
       [](const Tensor& src) {
         return OpRunner("Clip")
             .input(src)
             .constant(Tensor::of<float>({}, {-0.5F}))
             .constant(Tensor::of<float>({}, {0.5F}));
       }},
      {"LeakyRelu", row, [](const Tensor& src) { return OpRunner("LeakyRelu").input(src); }},
      {"LeakyReluBySlopeZero", row,
       [](const Tensor& src) { return OpRunner("LeakyRelu").input(src).attribute("alpha", 0.0F); }},
      {"LeakyReluBySlopeInfinite", row,
       [](const Tensor& src) { return OpRunner("LeakyRelu").input(src).attribute("alpha", kInf); }},
      {"HardSigmoid", row, [](const Tensor& src) { return OpRunner("HardSigmoid").input(src); }, 2},
      {"HardSwish", row, [](const Tensor& src) { return OpRunner("HardSwish").input(src); }, 4},
      {"Sigmoid", row, [](const Tensor& src) { return OpRunner("Sigmoid").input(src); }, 16},
      {"Softmax", row, [](const Tensor& src) { return OpRunner("Softmax").input(src); }, 2 * kChannels},
      {"AddClamped", row,
       [](const Tensor& src) {
         return OpRunner("Add").input(src).input(random_tensor(src.shape(), 4)).clamp(-0.5F, 0.5F);
       }},
      {"MaxPool", image, [](const Tensor& src) { return pool("MaxPool", src); }},
      {"AveragePool", image, [](const Tensor& src) { return pool("AveragePool", src); }, 10},
      {"GlobalAveragePool", image, [](const Tensor& src) { return OpRunner("GlobalAveragePool").input(src); },
       10},
      {"BatchNormalizationClamped", image,
       [](const Tensor& src) {
         OpRunner runner("BatchNormalization");
         runner.input(src);
         for (const int seed : {5, 6, 7}) runner.constant(random_tensor({kChannels}, seed));
         return runner.constant(random_tensor({kChannels}, 8, 1, 2)).clamp(-0.5F, 0.5F);
       },
       8},
      {"ConvOfOnePixel", image,
       [](const Tensor& src) {
         return conv(src, {5, kChannels, 1, 1}, 1);
       },
       kChannels},
      {"ConvBySteps", image,
       [](const Tensor& src) {
         return conv(src, {5, kChannels, 3, 3}, 1);
       },
       9 * kChannels},
      {"ConvDepthwise", image,
       [](const Tensor& src) {
         return conv(src, {kChannels, 1, 3, 3}, kChannels);
       },
       9},
      {"ConvBehindARelu", image,
       [](const Tensor& src) {
         return conv(src, {5, kChannels, 1, 1}, 1).sparse_input();
       },
       kChannels},
      {"GemmClamped", row,
       [](const Tensor& src) {
         return OpRunner("Gemm").input(src).constant(random_tensor({kChannels, 5}, 3)).clamp(-0.5F, 0.5F);
       },
       kChannels},
      {"QuantizeLinear", row,
       [](const Tensor& src) {
         return OpRunner("QuantizeLinear")
             .input(src)
             .constant(Tensor::of<float>({}, {0.01F}))
             .constant(Tensor::of<std::uint8_t>({}, {3}));
       }},
  };
}

class Nonfinite : public testing::TestWithParam<Case> {};

// Sums of |x| <= 1 by weights within 1; what an infinity takes part in is exact.
TEST_P(Nonfinite, IsWhatTheReferenceMakesOfIt) {
  const Case& row = GetParam();
  const std::int64_t inner = row.src.elements() / row.src[0] / kChannels;
  const Bound bound = [&](const Element&) {
    return gamma(row.length + 4) * static_cast<double>(row.length + 1);
  };
  for (const std::int64_t channel : {0, 3, 4, 7, 15, 16, 31, 63, 64, 66}) {
    Tensor src = random_tensor(row.src, 2);
    const auto values = src.mutable_values<float>();
    // Another one in each of three neighbouring channels, at another pixel each.
    std::int64_t place = channel;
    for (const float special : {kNan, kInf, -kInf}) {
      values[static_cast<std::size_t>((place % kChannels) * inner + place % inner)] = special;
      ++place;
    }
    row.make(src).run_implementations(bound);
    for (const DType dtype : {DType::f16, DType::bf16}) {
      if (!row.make(src).op().takes_16_bits) continue;
      row.make(src).stored_as(dtype).run_implementations(rounded_to(dtype, bound));
    }
  }
}

// All of one kind: the largest of nothing but -inf is -inf, of nothing but NaN is NaN.
TEST_P(Nonfinite, IsSoWhereThereIsNothingElse) {
  const Case& row = GetParam();
  for (const float special :
       {kNan, kInf, -kInf, std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()}) {
    if (std::isfinite(special) && row.length > 4) continue;  // sums overflow in f32 and not in f64
    Tensor src(TensorDesc{DType::f32, row.src, Layout::nchw});
    for (float& value : src.mutable_values<float>()) value = special;
    row.make(src).run_implementations(roundings(row.length + 4));
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Nonfinite, testing::ValuesIn(cases()),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace godwit::support
