// Add, Sub, Mul and Div: values with broadcasting, integers, shapes, layouts, refusals, and every
// implementation against the reference. A file of its own holds what only one of them does.
#include <cstdint>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

struct Row {
  const char* op;
  std::vector<float> result;  // of {1, 2, 3, 4} (2, 2) and {10, 20} (2)
  std::vector<std::int32_t> a, b, integers;
};

// GoogleTest would print its bytes.
void PrintTo(const Row& row, std::ostream* out) { *out << row.op; }

class Arithmetic : public testing::TestWithParam<Row> {
 protected:
  OpRunner op() const { return OpRunner(GetParam().op); }
};

TEST_P(Arithmetic, BroadcastsARow) {
  OpRunner runner = op();
  runner.input(Tensor::of<float>({2, 2}, {1, 2, 3, 4})).input(Tensor::of<float>({2}, {10, 20}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), GetParam().result);
  EXPECT_EQ(runner.cost().flops, 4);
}

TEST_P(Arithmetic, ComputesIntegers) {
  const Row& row = GetParam();
  OpRunner runner = op();
  runner.input(Tensor::of<std::int32_t>({2}, {row.a[0], row.a[1]}));
  runner.input(Tensor::of<std::int32_t>({2}, {row.b[0], row.b[1]}));
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0]), row.integers);
}

TEST_P(Arithmetic, InfersShapes) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  EXPECT_EQ(op().input({kBatch, 3, 1, 5}).input({3, 4, 1}).shape(), Shape({kBatch, 3, 4, 5}));
  EXPECT_EQ(op().input(Shape{}).input(Shape{}).shape(), Shape{});
  EXPECT_EQ(op().input({0, 3}).input({3}).reference()[0].shape(), Shape({0, 3}));
  EXPECT_EQ(op().input({2, 3}).input(Shape::unranked()).shape(), Shape::unranked());
}

TEST_P(Arithmetic, FollowsALayoutThatOperandsShare) {
  using ops::LayoutRule;
  EXPECT_EQ(op().input({2, 3, 4, 5}).input({2, 3, 4, 5}).layout(), LayoutRule::follows);
  EXPECT_EQ(op().input({2, 3, 4, 5}).input({2, 3, 1, 1}).layout(), LayoutRule::follows);
  EXPECT_EQ(op().input({2, 3, 4}).input({1}).layout(), LayoutRule::follows);
  EXPECT_EQ(op().input({2, 3, 4, 5}).constant(random_tensor({3, 1, 1}, 1)).layout(), LayoutRule::follows);
  EXPECT_EQ(op().input({2, 3, 4, 5}).input({3, 1, 1}).layout(), LayoutRule::nchw_only);
  EXPECT_EQ(op().input({2, 3}).input({2, 3}).layout(), LayoutRule::nchw_only);
}

TEST_P(Arithmetic, RefusesOperandsThatDoNotFit) {
  EXPECT_EQ(error_of([&] {
              op().input({2, 3}).input({4, 3}).infer();
            }),
            "shapes 2x3 and 4x3: dimensions 2 and 4 do not broadcast");
  const TensorDesc truth{DType::boolean, {2}, {}}, wide{DType::f64, {2}, {}};
  EXPECT_EQ(error_of([&] { op().input(truth).input(truth).infer(); }),
            "input 0 is boolean, expected f32, f64, f16, bf16, s8, u8, s16, u16, s32, s64, u32 or u64");
  EXPECT_EQ(error_of([&] { op().input({2}).input(wide).infer(); }),
            "input 1 is f64, expected f32 as input 0");
  EXPECT_EQ(error_of([&] { op().input({2}).infer(); }), "has 1 input, expected 2");
}

// One operation rounds alike everywhere, so that results are the same to the last bit.
TEST_P(Arithmetic, EveryImplementationAgrees) {
  const std::vector<std::vector<Shape>> pairs = {
      {{2, 17, 3, 5}, {2, 17, 3, 5}}, {{2, 17, 3, 5}, {1, 17, 1, 1}},
      {{2, 17, 1, 1}, {2, 17, 3, 5}}, {{1, 33, 4, 4}, {1}},
      {{3, 1, 4}, {3, 7, 1}},         {{5, 7}, {7}},
      {{2, 3, 4, 5}, {4, 5}},         {{0, 3}, {3}},
      {{2, 1, 3, 1, 2}, {4, 1, 5, 1}}};
  for (const auto& pair : pairs) {
    const Tensor a = random_tensor(pair[0], 1), b = random_tensor(pair[1], 2);
    op().input(a).input(b).run_implementations(exact());
    op().input(a).constant(b).run_implementations(exact());
    op().constant(a).input(b).run_implementations(exact());
    const Tensor s = random_tensor<std::int8_t>(pair[0], 3, -128, 127),
                 t = random_tensor<std::int8_t>(pair[1], 4, -128, 127);
    op().input(s).input(t).run_implementations(exact());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ops, Arithmetic,
    testing::Values(Row{"Add", {11, 22, 13, 24}, {2147483647, 1}, {1, -2}, {-2147483647 - 1, -1}},
                    Row{"Sub", {-9, -18, -7, -16}, {-2147483647 - 1, 1}, {1, -2}, {2147483647, 3}},
                    Row{"Mul", {10, 40, 30, 80}, {65536, 3}, {65536, -2}, {0, -6}},
                    Row{"Div", {0.1F, 0.1F, 0.3F, 0.2F}, {7, -7}, {2, 2}, {3, -3}}),
    [](const auto& row) { return std::string(row.param.op); });

}  // namespace
}  // namespace godwit::support
