// LpPool, GlobalMaxPool, GlobalLpPool, MaxUnpool and Col2Im.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(LpPoolOp, TakesNorms) {
  OpRunner runner("LpPool");
  runner.input(Tensor::of<float>({1, 1, 4}, {3, -4, 0, 5})).attribute("kernel_shape", {2});
  EXPECT_EQ(first(runner), (Floats{5, 4, 5}));
  runner.attribute("p", 1);
  EXPECT_EQ(first(runner), (Floats{7, 4, 5}));
  runner.attribute("strides", {2}).attribute("ceil_mode", 1).attribute("pads", {1, 0});
  EXPECT_EQ(first(runner), (Floats{3, 4, 5}));
  runner.run_implementations(exact());
  EXPECT_EQ(error_of([&] { runner.attribute("p", 0).infer(); }), "attribute 'p' is 0, expected at least 1");
  OpRunner volume("LpPool");
  volume.input(counting({1, 2, 3, 4, 5})).attribute("kernel_shape", {2, 2, 2});
  EXPECT_EQ(volume.shape(), Shape({1, 2, 2, 3, 4}));
}

TEST(GlobalPools, TakeWholeChannels) {
  const Tensor src = Tensor::of<float>({1, 2, 2, 1}, {3, -4, -6, -8});
  OpRunner largest("GlobalMaxPool");
  largest.input(src);
  EXPECT_EQ(largest.shape(), Shape({1, 2, 1, 1}));
  EXPECT_EQ(first(largest), (Floats{3, -6}));
  EXPECT_EQ(first(OpRunner("GlobalLpPool").input(src)), (Floats{5, 10}));
  EXPECT_EQ(first(OpRunner("GlobalLpPool").input(src).attribute("p", 1)), (Floats{7, 14}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(
      std::isnan(first(OpRunner("GlobalMaxPool").input(Tensor::of<float>({1, 1, 3}, {1, nan, 3})))[0]));
  for (const Shape& shape : {Shape{2, 19, 5, 7}, Shape{1, 64, 3}, Shape{2, 3, 2, 3, 4}})
    OpRunner("GlobalMaxPool").input(counting(shape)).run_implementations(exact());
  EXPECT_EQ(OpRunner("GlobalMaxPool").input({kBatch, 3, kAnyDim, 4}).shape(), Shape({kBatch, 3, 1, 1}));
}

OpRunner unpool(std::initializer_list<std::int64_t> positions) {
  OpRunner runner("MaxUnpool");
  runner.input(Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 4}))
      .input(Tensor::of<std::int64_t>({1, 1, 2, 2}, positions));
  return runner.attribute("kernel_shape", {2, 2}).attribute("strides", {2, 2});
}

TEST(MaxUnpoolOp, PutsElementsBack) {
  EXPECT_EQ(first(unpool({5, 7, 13, 15})), (Floats{0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4}));
  OpRunner larger = unpool({5, 7, 13, 15});
  larger.constant(integers({1, 1, 5, 5}));
  EXPECT_EQ(first(larger),
            (Floats{0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0}));
  larger.run_implementations(exact());
  EXPECT_EQ(first(unpool({0, -1, 16, 1})), (Floats{1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(error_of([] {
              unpool({0, 0, 0, 0}).constant(integers({4, 4})).infer();
            }),
            "input 2 (output_shape) has 2 values, expected 4");
}

TEST(Col2ImOp, AddsBlocksUp) {
  OpRunner runner("Col2Im");
  // Two columns of three overlap by one.
  runner.input(Tensor::of<float>({1, 2, 3}, {1, 2, 3, 10, 20, 30}))
      .constant(integers({4}))
      .constant(integers({2}));
  EXPECT_EQ(first(runner), (Floats{1, 12, 23, 30}));
  runner.run_implementations(exact());
  OpRunner picture("Col2Im");
  picture.input(counting({1, 8, 1})).constant(integers({2, 2})).constant(integers({2, 2}));
  EXPECT_EQ(picture.shape(), Shape({1, 2, 2, 2}));
  EXPECT_EQ(first(picture), (Floats{0, 1, 2, 3, 4, 5, 6, 7}));
  OpRunner bytes("Col2Im");
  bytes.input(Tensor::of<std::uint8_t>({1, 2, 2}, {1, 200, 100, 9}))
      .constant(integers({3}))
      .constant(integers({2}));
  EXPECT_EQ(values_of<std::uint8_t>(bytes.reference()[0]), (std::vector<std::uint8_t>{1, 44, 9}));
  EXPECT_EQ(error_of([] {
              OpRunner("Col2Im").input({1, 2, 4}).constant(integers({4})).constant(integers({2})).infer();
            }),
            "dimension 2 of input 0 is 4, expected 3");
  EXPECT_EQ(error_of([] {
              OpRunner("Col2Im").input({1, 3, 3}).constant(integers({4})).constant(integers({2})).infer();
            }),
            "dimension 1 of input 0 is 3, expected a multiple of 2");
}

}  // namespace
}  // namespace godwit::support
