// Functions of one element (Relu, Sigmoid, Exp, Neg …): values, shapes, types, refusals, and every
// implementation against the reference. A file of its own holds what only one of them does.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Row {
  const char* name;
  const char* op;
  std::vector<std::pair<const char*, float>> attributes;
  std::vector<float> src, dst;  // exact
  Bound bound;                  // for |x| <= reach
  float reach = 9;
  DType refused = DType::s32;
  const char* types = "f32, f64, f16 or bf16";
};

// GoogleTest would print its bytes.
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

// Bounds on elements that do not exceed `size` in any step, of `n` roundings.
Bound absolute(std::int64_t n, double size) {
  return [=](const Element&) { return gamma(n) * size; };
}

std::vector<Row> rows() {
  return {
      // No arithmetic, so no rounding.
      {"Relu", "Relu", {}, {-1.5F, 0, 2.5F, kInf, -kInf}, {0, 0, 2.5F, kInf, 0}, exact(), kInf},
      // 1 / (1 + e^-1) = 0.73105857863000487925…
      // The smaller of 1 and e^-x is the part that rounds: an argument off by one rounding moves exp by |x|
      // u, at most
      // 9 u. Reduction to the range of a polynomial and the polynomial take 2 u each, a sum and a quotient 1
      // u each, and
      // the reference 1 u: 16 u.
      {"Sigmoid",
       "Sigmoid",
       {},
       {0, 1, -1, kInf, -kInf, -800},
       {0.5F, 0.731058578630004879F, 0.268941421369995121F, 1, 0, 0},
       roundings(16),
       kInf},
      // Two exponentials of 12 roundings, their product, and the reference.
      // e = 2.71828182845904523536…, 1 / e = 0.36787944117144232160…
      {"Exp",
       "Exp",
       {},
       {0, 1, -1, 100, -kInf},
       {1, 2.71828182845904523F, 0.367879441171442321F, kInf, 0},
       roundings(26),
       kInf},
      {"Neg",
       "Neg",
       {},
       {0, 1.5F, -2, kInf},
       {0, -1.5F, 2, -kInf},
       exact(),
       kInf,
       DType::u8,
       "f32, f64, f16, bf16, s8, s16, s32 or s64"},
      // One product, and the rounding of the reference.
      {"LeakyRelu", "LeakyRelu", {}, {-2, 0, 3, -kInf}, {-2 * 0.01F, 0, 3, -kInf}, roundings(2), kInf},
      {"LeakyReluByAQuarter",
       "LeakyRelu",
       {{"alpha", 0.25F}},
       {-2, 0, 3, -kInf},
       {-0.5F, 0, 3, -kInf},
       roundings(2),
       kInf},
      // The line rounds a product and a sum, each at most |alpha x| + |beta| < 2.5 (or 5.125), and the
      // reference once
      // more. Cutting it off at 0 and 1 moves no two values apart.
      {"HardSigmoid", "HardSigmoid", {}, {0, kInf, -kInf}, {0.5F, 1, 0}, absolute(3, 2.5), kInf},
      {"HardSigmoidByAHalf",
       "HardSigmoid",
       {{"alpha", 0.5F}, {"beta", 0.625F}},
       {-1, 0, 1, kInf, -kInf},
       {0.125F, 0.625F, 1, 1, 0},
       absolute(3, 5.125),
       kInf},
      // The line x / 6 + 1/2 rounds 1/6, a product and a sum, each at most 2. The result is it times x,
      // rounded once
      // more, and once by the reference.
      {"HardSwish",
       "HardSwish",
       {},
       {-4, -1.5F, 0, 1.5F, kInf, -kInf},
       {0, -0.375F, 0, 1.125F, kInf, 0},
       absolute(5, 2 * 9),
       kInf},
  };
}

class Activation : public testing::TestWithParam<Row> {
 protected:
  OpRunner op() const {
    OpRunner runner(GetParam().op);
    for (const auto& [name, value] : GetParam().attributes) runner.attribute(name, value);
    return runner;
  }
  Tensor row_of(const std::vector<float>& values) const {
    Tensor tensor(TensorDesc{DType::f32, {static_cast<std::int64_t>(values.size())}, Layout::nchw});
    std::ranges::copy(values, tensor.mutable_values<float>().begin());
    return tensor;
  }
};

TEST_P(Activation, IsTheFunction) {
  EXPECT_EQ(values_of<float>(op().input(row_of(GetParam().src)).reference()[0]), GetParam().dst);
  EXPECT_TRUE(std::isnan(value_at(op().input(row_of({kNan})).reference()[0], 0)));
  std::vector<float> within = GetParam().src;
  std::erase_if(within, [](float x) { return std::abs(x) > GetParam().reach; });
  op().input(row_of(within)).run_implementations(GetParam().bound);
  op().input(row_of({kNan})).run_implementations(GetParam().bound);
}

TEST_P(Activation, PassesOnShapesAndTypes) {
  const Shape symbolic{kAnyDim - 1, 3, kAnyDim, 5};
  EXPECT_EQ(op().input(symbolic).shape(), symbolic);
  EXPECT_EQ(op().input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(op().input(TensorDesc{DType::f64, {2}, {}}).infer()[0].to_string(), "f64 2");
  EXPECT_EQ(op().input(counting({2}, DType::f64)).reference()[0].dtype(), DType::f64);
  EXPECT_EQ(op().input(random_tensor({0, 4}, 1)).reference()[0].shape(), Shape({0, 4}));
}

TEST_P(Activation, RefusesOtherTypesAndAttributes) {
  const TensorDesc other{GetParam().refused, {2}, {}};
  EXPECT_EQ(error_of([&] { op().input(other).infer(); }),
            fmt::format("input 0 is {}, expected {}", name_of(other.dtype), GetParam().types));
  EXPECT_EQ(error_of([&] { op().input({2}).attribute("slope", 1.0F).infer(); }),
            "attribute 'slope' is not known for this operator");
  EXPECT_EQ(error_of([&] { op().input({2}).input({2}).infer(); }), "has 2 inputs, expected 1");
}

TEST_P(Activation, EveryImplementationAgrees) {
  for (const Shape& shape :
       {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{1, 64, 4, 5}, Shape{2, 17, 9}}) {
    op().input(random_tensor(shape, 7, -9, 9)).run_implementations(GetParam().bound);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Activation, testing::ValuesIn(rows()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(HardSigmoidOp, HasASlopeOfAFifthByDefault) {
  OpRunner runner("HardSigmoid");
  runner.input(Tensor::of<float>({1}, {-1}));
  EXPECT_NEAR(value_at(runner.reference()[0], 0), 0.3F, 2 * unit_roundoff<float>);
}

}  // namespace
}  // namespace godwit::support
