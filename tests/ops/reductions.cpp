// Reductions by axes other than ReduceMean and ReduceSum, ArgMax and ArgMin, CumSum and CumProd: values,
// types, NaN, groups of nothing, refusals.
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <ostream>
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
using Places = std::vector<std::int64_t>;

struct Row {
  const char* op;
  Floats result;       // of {{1, -2}, {3, 4}, {0.5, 8}} over axis 0
  double of_integers;  // of {2, 3, 3}
  double of_nothing;   // f32
  bool takes_bytes = false;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.op; }

class Reductions : public testing::TestWithParam<Row> {
 protected:
  static OpRunner over(const Tensor& src, std::initializer_list<std::int64_t> axes, int keep = 1) {
    OpRunner runner(GetParam().op);
    runner.input(src).constant(integers(axes)).attribute("keepdims", keep);
    return runner;
  }
};

TEST_P(Reductions, ReduceAxes) {
  const Tensor src = Tensor::of<float>({3, 2}, {1, -2, 3, 4, 0.5F, 8});
  const OpRunner runner = over(src, {0}, 0);
  EXPECT_EQ(runner.shape(), Shape{2});
  const Tensor dst = runner.reference()[0];
  for (std::size_t i = 0; i < 2; ++i) {
    const auto expected = static_cast<double>(GetParam().result[i]);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value_at(dst, i)));
    } else {
      EXPECT_EQ(value_at(dst, i), expected);
    }
  }
  EXPECT_EQ(over(src, {-2}).shape(), Shape({1, 2}));
  EXPECT_EQ(over(src, {}, 0).shape(), Shape{});
  EXPECT_EQ(over(src, {0}).attribute("noop_with_empty_axes", 1).shape(), Shape({1, 2}));
  EXPECT_TRUE(over(src, {}).attribute("noop_with_empty_axes", 1).is_view());
  EXPECT_EQ(error_of([&] { over(src, {2}).infer(); }), "axis 2 is out of range, expected -2 to 1");
}

TEST_P(Reductions, TakeIntegers) {
  for (const DType dtype : {DType::s32, DType::u32, DType::s64, DType::u64}) {
    const Tensor all = counting({4}, dtype);  // 0 1 2 3
    const Tensor dst = over(all, {0}).reference()[0];
    EXPECT_EQ(dst.dtype(), dtype);
  }
  const Tensor src = Tensor::of<std::int32_t>({3}, {2, 3, 3});
  EXPECT_EQ(value_at(over(src, {0}).reference()[0], 0), GetParam().of_integers);
  const TensorDesc bytes{DType::u8, {3}, {}};
  OpRunner runner(GetParam().op);
  runner.input(bytes);
  EXPECT_EQ(error_of([&] { runner.infer(); }),
            GetParam().takes_bytes ? "" : "input 0 is u8, expected a float or an integer of 32 or 64 bits");
}

TEST_P(Reductions, ReduceNothing) {
  EXPECT_EQ(value_at(over(random_tensor({2, 0}, 1), {1}).reference()[0], 1), GetParam().of_nothing);
  EXPECT_EQ(over(random_tensor({0, 2}, 1), {1}).reference()[0].shape(), Shape({0, 1}));
}

TEST_P(Reductions, HandNaNOn) {
  for (const std::initializer_list<float> values : {std::initializer_list<float>{kNan, 1, 2}, {1, kNan, 2}})
    EXPECT_TRUE(std::isnan(value_at(over(Tensor::of<float>({3}, values), {0}).reference()[0], 0)));
}

INSTANTIATE_TEST_SUITE_P(
    Ops, Reductions,
    testing::Values(Row{"ReduceMax", {3, 8}, 3, -std::numeric_limits<double>::infinity(), true},
                    Row{"ReduceMin", {0.5F, -2}, 2, std::numeric_limits<double>::infinity(), true},
                    Row{"ReduceProd", {1.5F, -64}, 18, 1}, Row{"ReduceL1", {4.5F, 14}, 8, 0},
                    Row{"ReduceL2", {3.2015621187164243F, 9.16515138991168F}, 4, 0},
                    Row{"ReduceSumSquare", {10.25F, 84}, 22, 0},
                    Row{"ReduceLogSum",
                        {1.5040773967762742F, 2.302585092994046F},
                        2,
                        -std::numeric_limits<double>::infinity()},
                    Row{"ReduceLogSumExp",
                        {3.196734096919617F, 8.018194510281095F},
                        3,
                        -std::numeric_limits<double>::infinity()}),
    [](const auto& row) { return std::string(row.param.op); });

TEST(ReduceMaxOp, TakesTruthAndBytes) {
  OpRunner runner("ReduceMax");
  runner.input(Tensor::of<bool>({2, 2}, {false, true, false, false})).constant(integers({1}));
  EXPECT_EQ(values_of<bool>(runner.reference()[0]), (std::vector<bool>{true, false}));
  OpRunner bytes("ReduceMin");
  bytes.input(Tensor::of<std::int8_t>({3}, {-5, -128, 7}));
  EXPECT_EQ(value_at(bytes.reference()[0], 0), -128);
  OpRunner nothing("ReduceMax");
  nothing.input(Tensor::of<std::int8_t>({0}, {}));
  EXPECT_EQ(value_at(nothing.reference()[0], 0), -128);
}

TEST(ReduceLogSumExpOp, NeverOverflows) {
  const auto of = [](std::initializer_list<float> values) {
    return value_at(OpRunner("ReduceLogSumExp").input(Tensor::of<float>({2}, values)).reference()[0], 0);
  };
  EXPECT_EQ(of({1000, -1000}), 1000);
  EXPECT_EQ(of({-kInf, -kInf}), -static_cast<double>(kInf));
  EXPECT_EQ(of({kInf, 0}), static_cast<double>(kInf));
}

TEST(ReduceProdOp, WrapsAround) {
  OpRunner runner("ReduceProd");
  runner.input(Tensor::of<std::int32_t>({2}, {65536, 65536}));
  EXPECT_EQ(value_at(runner.reference()[0], 0), 0);
}

Places places(const char* op, const Tensor& src, int axis, int last = 0, int keep = 1) {
  OpRunner runner(op);
  runner.input(src).attribute("axis", axis).attribute("select_last_index", last).attribute("keepdims", keep);
  return values_of<std::int64_t>(runner.reference()[0]);
}

TEST(ArgMaxOp, FindsTheFirstOrTheLast) {
  const Tensor src = Tensor::of<float>({2, 3}, {2, 5, 5, 7, 7, 1});
  EXPECT_EQ(places("ArgMax", src, 1), (Places{1, 0}));
  EXPECT_EQ(places("ArgMax", src, -1, 1), (Places{2, 1}));
  EXPECT_EQ(places("ArgMax", src, 0), (Places{1, 1, 0}));
  EXPECT_EQ(places("ArgMin", src, 1), (Places{0, 2}));
  EXPECT_EQ(places("ArgMin", Tensor::of<std::int8_t>({3}, {4, -4, -4}), 0, 1), (Places{2}));
  const Tensor with_nan = Tensor::of<float>({4}, {1, kNan, 9, kNan});
  EXPECT_EQ(places("ArgMax", with_nan, 0), (Places{1}));
  EXPECT_EQ(places("ArgMin", with_nan, 0), (Places{1}));
  EXPECT_EQ(places("ArgMax", with_nan, 0, 1), (Places{3}));
}

TEST(ArgMaxOp, InfersAndRefuses) {
  EXPECT_EQ(OpRunner("ArgMax").input({kBatch, 3, 4}).attribute("axis", 1).infer()[0],
            (TensorDesc{DType::s64, {kBatch, 1, 4}}));
  EXPECT_EQ(OpRunner("ArgMax").input({kBatch, 3}).attribute("axis", 1).attribute("keepdims", 0).shape(),
            Shape{kBatch});
  EXPECT_EQ(OpRunner("ArgMax").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(error_of([] { OpRunner("ArgMin").input({2}).attribute("axis", 1).infer(); }),
            "axis 1 is out of range, expected -1 to 0");
  EXPECT_EQ(error_of([] {
              OpRunner("ArgMin").input({2, 0}).attribute("axis", 1).infer();
            }),
            "the axis has no elements, so that none is the largest or smallest");
  for (const DType dtype : kAllTypes) {
    if (dtype == DType::boolean || is_narrow(dtype)) continue;
    EXPECT_EQ(places("ArgMax", counting({5}, dtype), 0), (Places{4}));
  }
}

OpRunner cumulative(const char* op, const Tensor& src, std::int64_t axis, int exclusive = 0,
                    int reverse = 0) {
  OpRunner runner(op);
  runner.input(src).constant(Tensor::of<std::int64_t>({}, {axis}));
  runner.attribute("exclusive", exclusive).attribute("reverse", reverse);
  return runner;
}

TEST(CumSumOp, SumsFromEitherEnd) {
  const Tensor src = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto sums = [&](std::int64_t axis, int exclusive, int reverse) {
    return values_of<float>(cumulative("CumSum", src, axis, exclusive, reverse).reference()[0]);
  };
  EXPECT_EQ(sums(1, 0, 0), (Floats{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(sums(0, 0, 0), (Floats{1, 2, 3, 5, 7, 9}));
  EXPECT_EQ(sums(-1, 1, 0), (Floats{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(sums(1, 0, 1), (Floats{6, 5, 3, 15, 11, 6}));
  EXPECT_EQ(sums(1, 1, 1), (Floats{5, 3, 0, 11, 6, 0}));
  const Tensor whole = Tensor::of<std::int32_t>({3}, {2147483647, 1, 1});
  EXPECT_EQ(value_at(cumulative("CumSum", whole, 0).reference()[0], 1), -2147483648.0);
}

TEST(CumProdOp, Multiplies) {
  const Tensor src = Tensor::of<std::int64_t>({4}, {2, 3, 4, 5});
  EXPECT_EQ(values_of<std::int64_t>(cumulative("CumProd", src, 0).reference()[0]), (Places{2, 6, 24, 120}));
  EXPECT_EQ(values_of<std::int64_t>(cumulative("CumProd", src, 0, 1, 1).reference()[0]),
            (Places{60, 20, 5, 1}));
}

TEST(CumSumOp, RefusesAxesThatAreNone) {
  EXPECT_EQ(error_of([] { cumulative("CumSum", random_tensor({2}, 1), 1).infer(); }),
            "axis 1 is out of range, expected -1 to 0");
  EXPECT_EQ(error_of([] {
              OpRunner("CumSum").input({2}).constant(integers({0, 1})).infer();
            }),
            "input 1 (axis) has 2 elements, expected 1");
  EXPECT_EQ(OpRunner("CumSum").input({kBatch, 3}).input(TensorDesc{DType::s64, {}}).shape(),
            Shape({kBatch, 3}));
}

}  // namespace
}  // namespace godwit::support
