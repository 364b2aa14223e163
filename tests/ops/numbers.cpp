// Operators of numbers of any type: Abs and Sign of integers, Pow, Mod, PRelu, Shrink, Max, Min, Sum, Mean.
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <string>
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
using Floats = std::vector<float>;
using Bytes = std::vector<std::int8_t>;

template <class T>
std::vector<T> result(const OpRunner& runner) {
  return values_of<T>(runner.reference()[0]);
}
template <class T>
OpRunner two(const char* op, const Tensor& a, std::initializer_list<T> b) {
  OpRunner runner(op);
  runner.input(a).input(Tensor::of<T>({static_cast<std::int64_t>(b.size())}, b));
  return runner;
}

TEST(AbsOp, LeavesTheSmallestInteger) {
  OpRunner runner("Abs");
  runner.input(Tensor::of<std::int8_t>({3}, {-128, -5, 7})).run_implementations(exact());
  EXPECT_EQ(result<std::int8_t>(runner), (Bytes{-128, 5, 7}));
  for (const DType dtype : {DType::u8, DType::s16, DType::u16, DType::u32, DType::s64, DType::u64})
    EXPECT_EQ(value_at(OpRunner("Abs").input(counting({3}, dtype)).reference()[0], 2), 2);
}

TEST(SignOp, TakesIntegers) {
  EXPECT_EQ(result<std::int8_t>(OpRunner("Sign").input(Tensor::of<std::int8_t>({3}, {-128, 0, 7}))),
            (Bytes{-1, 0, 1}));
  EXPECT_EQ(value_at(OpRunner("Sign").input(counting({3}, DType::u16)).reference()[0], 2), 1);
}

TEST(PowOp, RaisesToExponentsOfAnyType) {
  const Tensor base = Tensor::of<float>({4}, {2, 3, -2, kInf});
  EXPECT_EQ(result<float>(two<float>("Pow", base, {3, 0.5F, 2, 0})), (Floats{8, 1.7320508075688772F, 4, 1}));
  EXPECT_EQ(result<float>(two<std::int64_t>("Pow", base, {-1, 2, 3, 1})), (Floats{0.5F, 9, -8, kInf}));
  EXPECT_TRUE(std::isnan(result<float>(two<float>("Pow", base, {0.5F}))[2]));
  const Tensor whole = Tensor::of<std::int32_t>({3}, {3, -2, 65536});
  EXPECT_EQ(result<std::int32_t>(two<std::int32_t>("Pow", whole, {4, 3, 2})),
            (std::vector<std::int32_t>{81, -8, 0}));
  EXPECT_EQ(result<std::int32_t>(two<float>("Pow", whole, {0.5F, 2, 1})),
            (std::vector<std::int32_t>{1, 4, 65536}));
  const Tensor large = Tensor::of<std::int64_t>({1}, {3037000499});
  EXPECT_EQ(result<std::int64_t>(two<std::int64_t>("Pow", large, {2}))[0], 9223372030926249001);
}

TEST(PowOp, BroadcastsAndRefuses) {
  EXPECT_EQ(OpRunner("Pow").input({kBatch, 3, 1}).input(Shape{2}).shape(), Shape({kBatch, 3, 2}));
  OpRunner runner("Pow");
  runner.input(random_tensor({2, 3, 4}, 1, 0.5, 2)).constant(Tensor::of<float>({}, {2}));
  runner.run_implementations(roundings(2));
  const TensorDesc truth{DType::boolean, {2}, {}};
  EXPECT_NE(error_of([&] { OpRunner("Pow").input({2}).input(truth).infer(); }), "");
}

TEST(ModOp, HasTheSignOfTheDivisorOrOfTheDividend) {
  const Tensor a = Tensor::of<std::int32_t>({6}, {-7, 7, -7, 7, 5, std::numeric_limits<std::int32_t>::min()});
  OpRunner runner = two<std::int32_t>("Mod", a, {3, 3, -3, -3, 0, -1});
  EXPECT_EQ(result<std::int32_t>(runner), (std::vector<std::int32_t>{2, 1, -1, -2, 0, 0}));
  runner.attribute("fmod", 1);
  EXPECT_EQ(result<std::int32_t>(runner), (std::vector<std::int32_t>{-1, 1, -1, 1, 0, 0}));
  runner.run_implementations(exact());
  OpRunner real = two<float>("Mod", Tensor::of<float>({3}, {-4.3F, 7.5F, kInf}), {2, -2, 2});
  EXPECT_EQ(error_of([&] { real.infer(); }), "attribute 'fmod' is 0, expected 1 for floats");
  real.attribute("fmod", 1);
  const Floats rest = result<float>(real);
  EXPECT_EQ(rest[0], static_cast<float>(std::fmod(static_cast<double>(-4.3F), 2.0)));
  EXPECT_EQ(rest[1], 1.5F);
  EXPECT_TRUE(std::isnan(rest[2]));
}

TEST(PReluOp, HasSlopesThatBroadcastToItsOperand) {
  OpRunner runner("PRelu");
  runner.input(Tensor::of<float>({2, 2}, {-1, 2, -3, kNan})).constant(Tensor::of<float>({2}, {0.5F, 2}));
  const Floats values = result<float>(runner);
  EXPECT_EQ(values[0], -0.5F);
  EXPECT_EQ(values[1], 2);
  EXPECT_EQ(values[2], -1.5F);
  EXPECT_TRUE(std::isnan(values[3]));
  EXPECT_EQ(error_of([] {
              OpRunner("PRelu").input({2}).input({2, 2}).infer();
            }),
            "slope of shape 2x2 does not broadcast to 2");
  for (const auto& [x, slope] : std::vector<std::pair<Shape, Shape>>{
           {{2, 17, 3, 5}, {17, 1, 1}}, {{2, 5, 3, 3}, {1}}, {{2, 33, 4}, {1, 33, 1}}, {{3, 7}, {7}}}) {
    OpRunner both("PRelu");
    both.input(random_tensor(x, 1)).constant(random_tensor(slope, 2)).run_implementations(roundings(2));
  }
}

TEST(ShrinkOp, CutsTheMiddleOut) {
  OpRunner runner("Shrink");
  runner.input(Tensor::of<float>({5}, {-2, -1, 0, 1.5F, kInf})).attribute("lambd", 1.0F);
  EXPECT_EQ(result<float>(runner), (Floats{-2, 0, 0, 1.5F, kInf}));
  runner.attribute("bias", 1.0F).run_implementations(exact());
  EXPECT_EQ(result<float>(runner), (Floats{-1, 0, 0, 0.5F, kInf}));
  OpRunner whole("Shrink");
  whole.input(Tensor::of<std::int8_t>({3}, {-128, 1, 5})).attribute("lambd", 1.0F).attribute("bias", 1.5F);
  EXPECT_EQ(result<std::int8_t>(whole), (Bytes{-126, 0, 3}));
}

struct Row {
  const char* op;
  Floats result;  // of {1, 8}, {4} and {3, -2}
  double of_integers;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.op; }
class Variadic : public testing::TestWithParam<Row> {
 protected:
  OpRunner op() const { return OpRunner(GetParam().op); }
};

TEST_P(Variadic, FoldsAllOperands) {
  OpRunner runner = op();
  runner.input(Tensor::of<float>({2}, {1, 8})).input(Tensor::of<float>({1}, {4}));
  runner.input(Tensor::of<float>({2}, {3, -2})).run_implementations(exact());
  const Tensor dst = runner.reference()[0];
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(value_at(dst, i), static_cast<double>(GetParam().result[i]));
  EXPECT_EQ(result<float>(op().input(Tensor::of<float>({1}, {7}))), Floats{7});
}

TEST_P(Variadic, HandsNaNOn) {
  OpRunner runner = op();
  runner.input(Tensor::of<float>({3}, {1, kNan, 1})).input(Tensor::of<float>({3}, {2, 2, kNan}));
  const Floats values = result<float>(runner);
  EXPECT_FALSE(std::isnan(values[0]));
  EXPECT_TRUE(std::isnan(values[1]));
  EXPECT_TRUE(std::isnan(values[2]));
  runner.run_implementations(exact());
}

TEST_P(Variadic, BroadcastsAndRefuses) {
  EXPECT_EQ(op().input({kBatch, 1}).input(Shape{3}).input(Shape{}).shape(), Shape({kBatch, 3}));
  EXPECT_EQ(error_of([&] { op().input({2}).input({3}).infer(); }),
            "shapes 2 and 3: dimensions 2 and 3 do not broadcast");
  EXPECT_EQ(error_of([&] { op().input({2}).input(integers({1})).infer(); }),
            "input 1 is s64, expected f32 as input 0");
  op().input(random_tensor({2, 3, 4, 5}, 1)).input(random_tensor({3, 1, 1}, 2)).run_implementations(exact());
  op().input(random_tensor({2, 3, 4, 5}, 1))
      .input(random_tensor({2, 3, 4, 5}, 2))
      .run_implementations(exact());
}

INSTANTIATE_TEST_SUITE_P(Ops, Variadic,
                         testing::Values(Row{"Max", {4, 8}, 5}, Row{"Min", {1, -2}, 2},
                                         Row{"Sum", {8, 10}, 0}, Row{"Mean", {8 / 3.0F, 10 / 3.0F}, 0}),
                         [](const auto& row) { return std::string(row.param.op); });

TEST(MaxOp, TakesEveryNumber) {
  for (const DType dtype : {DType::s8, DType::u8, DType::s16, DType::u16, DType::s32, DType::u32, DType::s64,
                            DType::u64, DType::f16, DType::bf16, DType::f64}) {
    OpRunner runner("Max");
    runner.input(counting({4}, dtype)).input(counting({1}, dtype));
    EXPECT_EQ(value_at(runner.reference()[0], 3), 3);
    EXPECT_EQ(
        value_at(OpRunner("Min").input(counting({4}, dtype)).input(counting({1}, dtype)).reference()[0], 3),
        0);
  }
}

}  // namespace
}  // namespace godwit::support
