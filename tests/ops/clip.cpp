// Clip: values, optional bounds, shapes, refusals, and every implementation against the reference.
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

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor number(float value) { return Tensor::of<float>({}, {value}); }

TEST(ClipOp, HoldsBetweenBounds) {
  const Tensor src = Tensor::of<float>({4}, {-3, -1, 1, 3});
  EXPECT_EQ(
      values_of<float>(OpRunner("Clip").input(src).constant(number(-2)).constant(number(2)).reference()[0]),
      (std::vector<float>{-2, -1, 1, 2}));
  EXPECT_EQ(values_of<float>(OpRunner("Clip").input(src).omitted().constant(number(0)).reference()[0]),
            (std::vector<float>{-3, -1, 0, 0}));
  EXPECT_EQ(values_of<float>(OpRunner("Clip").input(src).input(number(0)).reference()[0]),
            (std::vector<float>{0, 0, 1, 3}));
  EXPECT_EQ(values_of<float>(OpRunner("Clip").input(src).reference()[0]), (std::vector<float>{-3, -1, 1, 3}));
}

TEST(ClipOp, TheMaximumWinsAndNanPasses) {
  const auto values = values_of<float>(OpRunner("Clip")
                                           .input(Tensor::of<float>({2}, {0, kNan}))
                                           .constant(number(5))
                                           .constant(number(1))
                                           .reference()[0]);
  EXPECT_EQ(values[0], 1);
  EXPECT_TRUE(std::isnan(values[1]));
}

TEST(ClipOp, ClipsIntegers) {
  OpRunner runner("Clip");
  runner.input(Tensor::of<std::int8_t>({3}, {-100, 0, 100})).constant(Tensor::of<std::int8_t>({}, {-10}));
  EXPECT_EQ(values_of<std::int8_t>(runner.reference()[0]), (std::vector<std::int8_t>{-10, 0, 100}));
}

TEST(ClipOp, InfersAndRefuses) {
  EXPECT_EQ(OpRunner("Clip").input({kAnyDim - 1, 4}).shape(), Shape({kAnyDim - 1, 4}));
  EXPECT_EQ(OpRunner("Clip").input(Shape::unranked()).shape(), Shape::unranked());
  EXPECT_EQ(OpRunner("Clip").input(random_tensor({3, 0}, 1)).reference()[0].shape(), Shape({3, 0}));
  EXPECT_EQ(error_of([] { OpRunner("Clip").input({4}).input({2}).infer(); }),
            "input 1 has shape 2, expected one number");
  EXPECT_EQ(error_of([] {
              OpRunner("Clip").input({4}).omitted().input(TensorDesc{DType::s32, {}, {}}).infer();
            }),
            "input 2 is s32, expected f32 as input 0");
  EXPECT_EQ(error_of([] {
              OpRunner("Clip").input(TensorDesc{DType::boolean, {4}, {}}).infer();
            }),
            "input 0 is boolean, expected f32, f64, f16, bf16, s8, u8, s16, u16, s32, s64, u32 or u64");
}

TEST(ClipOp, EveryImplementationAgrees) {
  for (const Shape& shape : {Shape{1}, Shape{0}, Shape{7, 3}, Shape{2, 5, 3, 3}, Shape{2, 17, 9}}) {
    const Tensor src = random_tensor(shape, 7, -9, 9);
    OpRunner("Clip").input(src).constant(number(0)).constant(number(6)).run_implementations(exact());
    OpRunner("Clip").input(src).omitted().constant(number(1)).run_implementations(exact());
    OpRunner("Clip").input(src).input(number(-1)).run_implementations(exact());
    OpRunner("Clip").input(src).run_implementations(exact());
  }
}

}  // namespace
}  // namespace godwit::support
