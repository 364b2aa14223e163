// Div: values with broadcasting, integers, shapes, refusals, and every implementation against the reference.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

TEST(DivOp, BroadcastsARow) {
  OpRunner runner("Div");
  runner.input(Tensor::of<float>({2, 2}, {1, 2, 3, 4})).input(Tensor::of<float>({2}, {10, 20}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{0.1F, 0.1F, 0.3F, 0.2F}));
  EXPECT_EQ(runner.cost().flops, 4);
}

TEST(DivOp, ComputesIntegers) {
  OpRunner runner("Div");
  runner.input(Tensor::of<std::int32_t>({2}, {7, -7})).input(Tensor::of<std::int32_t>({2}, {2, 2}));
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0]), (std::vector<std::int32_t>{3, -3}));
}

TEST(DivOp, IntegersNeverTrap) {
  constexpr auto kLowest = std::numeric_limits<std::int32_t>::min();
  OpRunner words("Div");
  words.input(Tensor::of<std::int32_t>({4}, {5, kLowest, kLowest, 0}))
      .input(Tensor::of<std::int32_t>({4}, {0, -1, 0, 0}));
  EXPECT_EQ(values_of<std::int32_t>(words.reference()[0]), (std::vector<std::int32_t>{0, kLowest, 0, 0}));
  OpRunner bytes("Div");
  bytes.input(Tensor::of<std::int8_t>({2}, {-128, 9})).input(Tensor::of<std::int8_t>({2}, {-1, -1}));
  EXPECT_EQ(values_of<std::int8_t>(bytes.reference()[0]), (std::vector<std::int8_t>{-128, -9}));
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  OpRunner longs("Div");
  longs.input(Tensor::of<std::uint64_t>({2}, {kMost, 1})).input(Tensor::of<std::uint64_t>({2}, {2, 0}));
  EXPECT_EQ(values_of<std::uint64_t>(longs.reference()[0]), (std::vector<std::uint64_t>{kMost / 2, 0}));
}

TEST(DivOp, FloatsFollowIeee) {
  OpRunner runner("Div");
  runner.input(Tensor::of<float>({3}, {1, -1, 0})).input(Tensor::of<float>({3}, {0, 0, 0}));
  const auto values = values_of<float>(runner.reference()[0]);
  EXPECT_EQ(values[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[1], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(values[2]));
}

TEST(DivOp, InfersShapes) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  EXPECT_EQ(OpRunner("Div").input({kBatch, 3, 1, 5}).input({3, 4, 1}).shape(), Shape({kBatch, 3, 4, 5}));
  EXPECT_EQ(OpRunner("Div").input(Shape{}).input(Shape{}).shape(), Shape{});
  EXPECT_EQ(OpRunner("Div").input({0, 3}).input({3}).reference()[0].shape(), Shape({0, 3}));
  EXPECT_EQ(OpRunner("Div").input({2, 3}).input(Shape::unranked()).shape(), Shape::unranked());
}

TEST(DivOp, RefusesWhatDoesNotFit) {
  EXPECT_EQ(error_of([] {
              OpRunner("Div").input({2, 3}).input({4, 3}).infer();
            }),
            "shapes 2x3 and 4x3: dimensions 2 and 4 do not broadcast");
  const TensorDesc half{DType::boolean, {2}, {}}, wide{DType::f64, {2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("Div").input(half).input(half).infer(); }),
            "input 0 is boolean, expected f32, f64, f16, bf16, s8, u8, s32, s64, u32 or u64");
  EXPECT_EQ(error_of([&] { OpRunner("Div").input({2}).input(wide).infer(); }),
            "input 1 is f64, expected f32 as input 0");
  EXPECT_EQ(error_of([] { OpRunner("Div").input({2}).infer(); }), "has 1 inputs, expected 2");
}

// One operation rounds alike everywhere, so that results are the same to the last bit.
TEST(DivOp, EveryImplementationAgrees) {
  const std::vector<std::vector<Shape>> pairs = {
      {{2, 17, 3, 5}, {2, 17, 3, 5}}, {{2, 17, 3, 5}, {1, 17, 1, 1}},
      {{2, 17, 1, 1}, {2, 17, 3, 5}}, {{1, 33, 4, 4}, {1}},
      {{3, 1, 4}, {3, 7, 1}},         {{5, 7}, {7}},
      {{2, 3, 4, 5}, {4, 5}},         {{0, 3}, {3}},
      {{2, 1, 3, 1, 2}, {4, 1, 5, 1}}};
  for (const auto& pair : pairs) {
    const Tensor a = random_tensor(pair[0], 1), b = random_tensor(pair[1], 2);
    OpRunner("Div").input(a).input(b).run_implementations(exact());
    OpRunner("Div").input(a).constant(b).run_implementations(exact());
    OpRunner("Div").constant(a).input(b).run_implementations(exact());
    const Tensor s = random_tensor<std::int8_t>(pair[0], 3, -128, 127),
                 t = random_tensor<std::int8_t>(pair[1], 4, -128, 127);
    OpRunner("Div").input(s).input(t).run_implementations(exact());
  }
}

}  // namespace
}  // namespace godwit::support
