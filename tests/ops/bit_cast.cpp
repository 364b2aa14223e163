// BitCast: bits stay, sizes must be the same.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(BitCastOp, KeepsTheBits) {
  OpRunner runner("BitCast");
  runner.input(Tensor::of<float>({3}, {1, -0.0F, 2})).attribute("to", onnx_code_of(DType::u32));
  EXPECT_EQ(values_of<std::uint32_t>(runner.reference()[0]),
            (std::vector<std::uint32_t>{0x3f800000, 0x80000000, 0x40000000}));
  EXPECT_TRUE(runner.is_view());
  runner.run_implementations(exact());
}

TEST(BitCastOp, RefusesOtherSizes) {
  const auto error = [](DType from, DType to) {
    return error_of([=] {
      OpRunner("BitCast").input(TensorDesc{from, {2}, {}}).attribute("to", onnx_code_of(to)).infer();
    });
  };
  EXPECT_EQ(error(DType::f32, DType::s64), "attribute 'to' is s64 of 64 bits, input 0 is f32 of 32");
  EXPECT_EQ(error(DType::u4, DType::s4), "from u4 to s4 the bits cannot be kept");
  EXPECT_EQ(error(DType::u8, DType::boolean), "from u8 to boolean the bits cannot be kept");
}

}  // namespace
}  // namespace godwit::support
