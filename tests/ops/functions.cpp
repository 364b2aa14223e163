// Functions of one real number that have no kernel of their own or more to say than activations.cpp asks:
// values, extremes, every float type, refusals, and every implementation against the reference.
#include <algorithm>
#include <cmath>
#include <cstdint>
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
  std::vector<float> src, dst;  // exact, rounded once from 17 digits
  std::vector<std::pair<const char*, float>> attributes = {};
  Bound bound = exact();  // of implementations, for |x| <= 3
};

// GoogleTest would print its bytes.
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

// x / 2 times 1 + the error function, which is 13 roundings from exact; |x| <= 3.
Bound gelu_bound() {
  return [](const Element&) { return gamma(15) * 3; };
}

// Kernels are as exact as tests/ops/kernels/elementwise.cpp says, the reference rounds once more. The
// exponent of a sigmoid in base 2 rounds by up to 5 of its units for |x| <= 3.
std::vector<Row> rows() {
  return {
      {"Acos", "Acos", {1, 0.5F, -1, 2}, {0, 1.0471975511965979F, 3.141592653589793F, kNan}},
      {"Acosh", "Acosh", {1, 2, 0, kInf}, {0, 1.3169578969248166F, kNan, kInf}},
      {"Asin", "Asin", {0, 0.5F, -1, 2}, {0, 0.5235987755982989F, -1.5707963267948966F, kNan}},
      {"Asinh", "Asinh", {0, 1, -2, -kInf}, {0, 0.881373587019543F, -1.4436354751788103F, -kInf}},
      {"Atan", "Atan", {0, 1, -2, kInf}, {0, 0.7853981633974483F, -1.1071487177940904F, 1.5707963267948966F}},
      {"Atanh", "Atanh", {0, 0.5F, -0.25F, 1}, {0, 0.5493061443340548F, -0.25541281188299536F, kInf}},
      {"Ceil", "Ceil", {-1.5F, 1.25F, 3, -kInf}, {-1, 2, 3, -kInf}},
      {"Cos", "Cos", {0, 1, -2, kInf}, {1, 0.5403023058681398F, -0.4161468365471424F, kNan}},
      {"Cosh", "Cosh", {0, 1, -2, -kInf}, {1, 1.5430806348152437F, 3.7621956910836314F, kInf}},
      {"Erf",
       "Erf",
       {0, 0.5F, -1, kInf},
       {0, 0.5204998778130465F, -0.8427007929497149F, 1},
       {},
       roundings(13)},
      {"Floor", "Floor", {-1.5F, 1.25F, 3, kInf}, {-2, 1, 3, kInf}},
      {"Log", "Log", {1, 2, 0, -1, kInf}, {0, 0.6931471805599453F, -kInf, kNan, kInf}, {}, roundings(17)},
      {"Reciprocal", "Reciprocal", {4, -0.5F, 0, -kInf}, {0.25F, -2, kInf, 0}, {}, roundings(2)},
      {"Round", "Round", {0.5F, 1.5F, 2.5F, -2.5F, -0.75F, kInf}, {0, 2, 2, -2, -1, kInf}},
      {"Sign", "Sign", {-3, 0, 0.25F, kInf}, {-1, 0, 1, 1}},
      {"Sin", "Sin", {0, 1, -2, kInf}, {0, 0.8414709848078965F, -0.9092974268256817F, kNan}},
      {"Sinh", "Sinh", {0, 1, -2, -kInf}, {0, 1.1752011936438014F, -3.626860407847019F, -kInf}},
      {"Softplus",
       "Softplus",
       {0, 1, -2, 1000, -kInf},
       {0.6931471805599453F, 1.3132616875182228F, 0.1269280110429725F, 1000, 0},
       {},
       roundings(29)},
      {"Softsign", "Softsign", {0, 1, -3, kInf, -kInf}, {0, 0.5F, -0.75F, 1, -1}},
      {"Sqrt", "Sqrt", {4, 2, 0, -1, kInf}, {2, 1.4142135623730951F, 0, kNan, kInf}, {}, roundings(2)},
      {"Tan", "Tan", {0, 1, -2, kInf}, {0, 1.5574077246549023F, 2.185039863261519F, kNan}},
      {"Tanh",
       "Tanh",
       {0, 1, -0.5F, -kInf},
       {0, 0.7615941559557649F, -0.46211715726000974F, -1},
       {},
       roundings(13)},
      {"Elu", "Elu", {1.5F, 0, -1, -kInf}, {1.5F, 0, -0.6321205588285577F, -1}, {}, roundings(11)},
      {"EluByTwo", "Elu", {1.5F, -1, -kInf}, {1.5F, -1.2642411176571153F, -2}, {{"alpha", 2}}, roundings(11)},
      {"Selu",
       "Selu",
       {1, 0, -1, kInf},
       {1.0507010221481323F, 0, -1.1113307412864784F, kInf},
       {},
       roundings(12)},
      {"Celu",
       "Celu",
       {1.5F, 0, -1, -kInf},
       {1.5F, 0, -0.7869386805747332F, -2},
       {{"alpha", 2}},
       roundings(12)},
      {"Mish",
       "Mish",
       {0, 1, -2, kInf, -kInf},
       {0, 0.8650983882673103F, -0.2525014826957089F, kInf, 0},
       {},
       roundings(58)},
      {"Swish",
       "Swish",
       {0, 1, -2, kInf, -kInf},
       {0, 0.7310585786300049F, -0.2384058440442351F, kInf, 0},
       {},
       roundings(24)},
      {"SwishByAHalf",
       "Swish",
       {0, 1, -2},
       {0, 0.6224593312018546F, -0.5378828427399902F},
       {{"alpha", 0.5F}},
       roundings(24)},
      {"Gelu",
       "Gelu",
       {0, 1, -2, kInf, -kInf},
       {0, 0.8413447460685429F, -0.04550026389635844F, kInf, 0},
       {},
       gelu_bound()},
      {"ThresholdedRelu", "ThresholdedRelu", {1, 1.5F, -2, kInf}, {0, 1.5F, 0, kInf}},
      {"ThresholdedReluAtTwo", "ThresholdedRelu", {1, 1.5F, 2.5F}, {0, 0, 2.5F}, {{"alpha", 2}}},
      {"Abs", "Abs", {-1.5F, 0, 2, -kInf}, {1.5F, 0, 2, kInf}},
  };
}

class Function : public testing::TestWithParam<Row> {
 protected:
  OpRunner op() const {
    OpRunner runner(GetParam().op);
    for (const auto& [name, value] : GetParam().attributes) runner.attribute(name, value);
    return runner;
  }
  static Tensor row_of(const std::vector<float>& values) {
    return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
  }
};

TEST_P(Function, IsTheFunction) {
  OpRunner runner = op();
  runner.input(row_of(GetParam().src));
  expect_close(runner.reference()[0], row_of(GetParam().dst), exact());
  EXPECT_TRUE(std::isnan(value_at(op().input(row_of({kNan})).reference()[0], 0)));
}

TEST_P(Function, TakesEveryFloatAndShape) {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    if (std::string(GetParam().op) == "Celu" && dtype != DType::f32) continue;
    const Tensor dst = op().input(counting({2, 3}, dtype)).reference()[0];
    EXPECT_EQ(dst.dtype(), dtype);
    EXPECT_EQ(dst.shape(), Shape({2, 3}));
  }
  EXPECT_EQ(op().input({kBatch, 3, kAnyDim}).shape(), Shape({kBatch, 3, kAnyDim}));
  EXPECT_EQ(op().input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(op().input(random_tensor({0, 4}, 1)).reference()[0].shape(), Shape({0, 4}));
  EXPECT_NE(error_of([&] { op().input(TensorDesc{DType::boolean, {2}, {}}).infer(); }), "");
  EXPECT_EQ(error_of([&] { op().input({2}).attribute("slope", 1.0F).infer(); }),
            "attribute 'slope' is not known for this operator");
}

TEST_P(Function, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{2, 17, 9}})
    op().input(random_tensor(shape, 7, -3, 3)).run_implementations(GetParam().bound);
}

INSTANTIATE_TEST_SUITE_P(Ops, Function, testing::ValuesIn(rows()),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace godwit::support
