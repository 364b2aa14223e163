// Requantize: values by hand, and every implementation bit for bit on all numbers.
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

Tensor real(float value) { return Tensor::of<float>({}, {value}); }
Tensor zero(std::uint8_t value) { return Tensor::of<std::uint8_t>({}, {value}); }

OpRunner requantize(const Tensor& src, float from, int from_zero, float to, int to_zero) {
  OpRunner runner("Requantize", "godwit");
  runner.input(src).constant(real(from)).constant(zero(static_cast<std::uint8_t>(from_zero)));
  runner.constant(real(to)).constant(zero(static_cast<std::uint8_t>(to_zero)));
  return runner;
}

TEST(RequantizeOp, ByHand) {
  const Tensor src = Tensor::of<std::uint8_t>({5}, {10, 11, 13, 0, 255});
  EXPECT_EQ(values_of<std::uint8_t>(requantize(src, 0.5F, 10, 1, 3).reference()[0]),
            (std::vector<std::uint8_t>{3, 3, 5, 0, 125}));
}

TEST(RequantizeOp, EveryImplementationGivesTheSameBits) {
  std::vector<std::uint8_t> all(256);
  std::iota(all.begin(), all.end(), std::uint8_t{0});
  for (const float factor : {0.25F, 1.0F, 3.7F}) {
    for (const int point : {0, 17, 255}) {
      const OpRunner runner =
          requantize(Tensor::of<std::uint8_t>({1, 4, 8, 8}, all), factor, point, 0.9F, 255 - point);
      EXPECT_TRUE(did_run(runner.run_implementations(exact()), "requantize_bytes"));
    }
  }
}

TEST(RequantizeOp, RefusesOtherTypes) {
  const auto infer = [] { requantize(Tensor::of<std::int8_t>({1}, {std::int8_t{1}}), 1, 0, 1, 0).infer(); };
  EXPECT_EQ(error_of(infer), "input 0 is s8, expected u8");
}

}  // namespace
}  // namespace godwit::support
