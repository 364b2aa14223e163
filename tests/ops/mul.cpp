// Mul: values with broadcasting, integers, shapes, refusals, and every implementation against the reference.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

TEST(MulOp, BroadcastsARow) {
  OpRunner runner("Mul");
  runner.input(Tensor::of<float>({2, 2}, {1, 2, 3, 4})).input(Tensor::of<float>({2}, {10, 20}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{10, 40, 30, 80}));
  EXPECT_EQ(runner.cost().flops, 4);
}

TEST(MulOp, ComputesIntegers) {
  OpRunner runner("Mul");
  runner.input(Tensor::of<std::int32_t>({2}, {65536, 3})).input(Tensor::of<std::int32_t>({2}, {65536, -2}));
  EXPECT_EQ(values_of<std::int32_t>(runner.reference()[0]), (std::vector<std::int32_t>{0, -6}));
}

TEST(MulOp, InfersShapes) {
  constexpr std::int64_t kBatch = kAnyDim - 1;
  EXPECT_EQ(OpRunner("Mul").input({kBatch, 3, 1, 5}).input({3, 4, 1}).shape(), Shape({kBatch, 3, 4, 5}));
  EXPECT_EQ(OpRunner("Mul").input(Shape{}).input(Shape{}).shape(), Shape{});
  EXPECT_EQ(OpRunner("Mul").input({0, 3}).input({3}).reference()[0].shape(), Shape({0, 3}));
  EXPECT_EQ(OpRunner("Mul").input({2, 3}).input(Shape::unranked()).shape(), Shape::unranked());
}

TEST(MulOp, RefusesWhatDoesNotFit) {
  EXPECT_EQ(error_of([] {
              OpRunner("Mul").input({2, 3}).input({4, 3}).infer();
            }),
            "shapes 2x3 and 4x3: dimensions 2 and 4 do not broadcast");
  const TensorDesc half{DType::boolean, {2}, {}}, wide{DType::f64, {2}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("Mul").input(half).input(half).infer(); }),
            "input 0 is boolean, expected f32, f64, f16, bf16, s8, u8, s32, s64, u32 or u64");
  EXPECT_EQ(error_of([&] { OpRunner("Mul").input({2}).input(wide).infer(); }),
            "input 1 is f64, expected f32 as input 0");
  EXPECT_EQ(error_of([] { OpRunner("Mul").input({2}).infer(); }), "has 1 inputs, expected 2");
}

// One operation rounds alike everywhere, so that results are the same to the last bit.
TEST(MulOp, EveryImplementationAgrees) {
  const std::vector<std::vector<Shape>> pairs = {
      {{2, 17, 3, 5}, {2, 17, 3, 5}}, {{2, 17, 3, 5}, {1, 17, 1, 1}},
      {{2, 17, 1, 1}, {2, 17, 3, 5}}, {{1, 33, 4, 4}, {1}},
      {{3, 1, 4}, {3, 7, 1}},         {{5, 7}, {7}},
      {{2, 3, 4, 5}, {4, 5}},         {{0, 3}, {3}},
      {{2, 1, 3, 1, 2}, {4, 1, 5, 1}}};
  for (const auto& pair : pairs) {
    const Tensor a = random_tensor(pair[0], 1), b = random_tensor(pair[1], 2);
    OpRunner("Mul").input(a).input(b).run_implementations(exact());
    OpRunner("Mul").input(a).constant(b).run_implementations(exact());
    OpRunner("Mul").constant(a).input(b).run_implementations(exact());
    const Tensor s = random_tensor<std::int8_t>(pair[0], 3, -128, 127),
                 t = random_tensor<std::int8_t>(pair[1], 4, -128, 127);
    OpRunner("Mul").input(s).input(t).run_implementations(exact());
  }
}

}  // namespace
}  // namespace godwit::support
