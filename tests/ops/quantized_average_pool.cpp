// QuantizedAveragePool: values by hand, and every implementation bit for bit.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

Tensor real(float value) { return Tensor::of<float>({}, {value}); }
Tensor zero(std::uint8_t value) { return Tensor::of<std::uint8_t>({}, {value}); }

OpRunner average(const Tensor& src, bool rounds) {
  OpRunner runner("QuantizedAveragePool", "godwit");
  runner.input(src).constant(real(0.5F)).constant(zero(10));
  if (rounds) runner.constant(real(0.25F)).constant(zero(7));
  return runner;
}

TEST(QuantizedAveragePoolOp, ByHand) {
  const Tensor src = Tensor::of<std::uint8_t>({1, 1, 2, 2}, {10, 12, 14, 11});
  for (const bool pads : {false, true}) {
    OpRunner runner = average(src, false);
    runner.attribute("kernel_shape", {2, 2}).attribute("pads", {0, 0, 0, 1});
    runner.attribute("count_include_pad", pads ? 1 : 0);
    // (0 + 2 + 4 + 1) / 4 · 0.5, and the right column alone: 3 / 2 or 3 / 4, times 0.5.
    EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{0.875F, pads ? 0.375F : 0.75F}));
  }
  OpRunner rounded = average(src, true);
  rounded.attribute("kernel_shape", {2, 2});
  EXPECT_EQ(values_of<std::uint8_t>(rounded.reference()[0]), (std::vector<std::uint8_t>{11}));  // 3.5 to 4
}

TEST(QuantizedAveragePoolOp, EveryImplementationGivesTheSameBits) {
  for (const std::int64_t channels : {1, 19, 64, 200}) {
    for (const bool rounds : {false, true}) {
      const Tensor src = random_tensor<std::uint8_t>({2, channels, 7, 6}, 1, 0, 255);
      OpRunner windows = average(src, rounds);
      windows.attribute("kernel_shape", {3, 2}).attribute("pads", {1, 0, 2, 1}).attribute("strides", {2, 1});
      EXPECT_TRUE(did_run(windows.run_implementations(exact()), "average_pool_bytes"));
      windows.attribute("count_include_pad", 1).attribute("ceil_mode", 1);
      EXPECT_TRUE(did_run(windows.run_implementations(exact()), "average_pool_bytes"));
      OpRunner global = average(src, rounds);
      global.attribute("kernel_shape", {7, 6});
      EXPECT_TRUE(did_run(global.run_implementations(exact()), "average_pool_bytes"));
      // Windows wholly in the padding.
      OpRunner outside = average(src, rounds);
      outside.attribute("kernel_shape", {1, 1}).attribute("pads", {1, 1, 1, 1});
      EXPECT_TRUE(did_run(outside.run_implementations(exact()), "average_pool_bytes"));
    }
  }
}

TEST(QuantizedAveragePoolOp, LargeWindowsAreLeftToTheReference) {
  OpRunner runner = average(Tensor({DType::u8, {1, 1, 257, 256}, Layout::nchw}), true);
  runner.attribute("kernel_shape", {257, 256});
  EXPECT_FALSE(did_run(runner.run_implementations(exact()), "average_pool_bytes"));
}

TEST(QuantizedAveragePoolOp, RefusesOtherTypes) {
  OpRunner runner = average(random_tensor({1, 1, 2, 2}, 1), true);
  runner.attribute("kernel_shape", {2, 2});
  EXPECT_EQ(error_of([&] { runner.infer(); }), "input 0 is f32, expected u8");
}

}  // namespace
}  // namespace godwit::support
