// QuantizedAdd: values by hand, and every implementation bit for bit.
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

OpRunner add(const Tensor& lhs, const Tensor& rhs) {
  OpRunner runner("QuantizedAdd", "godwit");
  runner.input(lhs).constant(real(0.5F)).constant(zero(10));
  runner.input(rhs).constant(real(0.25F)).constant(zero(20));
  runner.constant(real(1)).constant(zero(100));
  return runner;
}

TEST(QuantizedAddOp, ByHand) {
  const Tensor lhs = Tensor::of<std::uint8_t>({6}, {10, 12, 0, 255, 11, 13});
  const Tensor rhs = Tensor::of<std::uint8_t>({6}, {20, 24, 0, 255, 20, 20});
  // 0, 1 + 1, -5 - 5, 122.5 + 58.75, and halves to even: 0.5, 1.5.
  EXPECT_EQ(values_of<std::uint8_t>(add(lhs, rhs).reference()[0]),
            (std::vector<std::uint8_t>{100, 102, 90, 255, 100, 102}));
  EXPECT_EQ(values_of<std::uint8_t>(add(lhs, rhs).clamp(0, 1.25F).reference()[0]),
            (std::vector<std::uint8_t>{100, 101, 100, 101, 100, 101}));
}

TEST(QuantizedAddOp, EveryImplementationGivesTheSameBits) {
  for (const Shape& shape : {Shape{1}, Shape{2, 19, 3, 3}, Shape{5003}}) {
    for (const bool clamps : {false, true}) {
      OpRunner runner("QuantizedAdd", "godwit");
      runner.input(random_tensor<std::uint8_t>(shape, 1, 0, 255)).constant(real(0.013F)).constant(zero(128));
      runner.input(random_tensor<std::uint8_t>(shape, 2, 0, 255)).constant(real(0.021F)).constant(zero(3));
      runner.constant(real(0.017F)).constant(zero(77));
      if (clamps) runner.clamp(0, 1);
      EXPECT_TRUE(did_run(runner.run_implementations(exact()), "add_bytes"));
    }
  }
}

TEST(QuantizedAddOp, Refuses) {
  const auto message = [](const TensorDesc& rhs, float scale) {
    return error_of([&] {
      OpRunner("QuantizedAdd", "godwit")
          .input(TensorDesc{DType::u8, {2, 3}, {}})
          .constant(real(1))
          .constant(zero(0))
          .input(rhs)
          .constant(real(scale))
          .constant(zero(0))
          .constant(real(1))
          .infer();
    });
  };
  EXPECT_EQ(message({DType::u8, {2, 3}, {}}, 1), "");
  EXPECT_EQ(message({DType::u8, {1, 3}, {}}, 1), "shapes 2x3 and 1x3 differ");
  EXPECT_EQ(message({DType::s8, {2, 3}, {}}, 1), "input 3 is s8, expected u8");
  EXPECT_NE(message({DType::u8, {2, 3}, {}}, 0), "");
}

}  // namespace
}  // namespace godwit::support
