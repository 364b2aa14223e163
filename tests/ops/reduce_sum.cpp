// ReduceSum: sums in every type, wrapping around, of nothing; the form itself is tested with ReduceMean.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner sum(const Tensor& src, std::initializer_list<std::int64_t> axes) {
  OpRunner runner("ReduceSum");
  runner.input(src).constant(integers(axes));
  return runner;
}

TEST(ReduceSumOp, SumsOverAxes) {
  EXPECT_EQ(values_of<float>(sum(counting({2, 3}), {1}).reference()[0]), (std::vector<float>{3, 12}));
  EXPECT_EQ(values_of<float>(sum(counting({2, 3}), {0}).reference()[0]), (std::vector<float>{3, 5, 7}));
  EXPECT_EQ(values_of<float>(sum(counting({2, 3}), {}).reference()[0]), (std::vector<float>{15}));
  EXPECT_EQ(sum(counting({2, 3}), {0}).cost().flops, 6);
}

TEST(ReduceSumOp, TakesEveryTypeOfOnnx) {
  for (const DType dtype :
       {DType::f32, DType::f64, DType::f16, DType::bf16, DType::s32, DType::s64, DType::u32, DType::u64}) {
    const OpRunner runner = sum(counting({2, 3, 4}, dtype), {0, 2});
    EXPECT_EQ(value_at(runner.reference()[0], 0), 6 + 54);
    runner.run_implementations(exact());
  }
}

TEST(ReduceSumOp, WrapsIntegersAndRoundsOnce) {
  const Tensor large = Tensor::of<std::int32_t>({2}, {std::numeric_limits<std::int32_t>::max(), 1});
  EXPECT_EQ(values_of<std::int32_t>(sum(large, {0}).reference()[0])[0],
            std::numeric_limits<std::int32_t>::min());
  // 2048 + 1 + 2^-13: f16 has no 2049, and what is above the middle rounds to 2050.
  Tensor halves(TensorDesc{DType::f16, {3}});
  halves.mutable_values<Float16>()[0] = Float16(2048.0F);
  halves.mutable_values<Float16>()[1] = Float16(1.0F);
  halves.mutable_values<Float16>()[2] = Float16(0x1p-13F);
  EXPECT_EQ(value_at(sum(halves, {0}).reference()[0], 0), 2050);
}

TEST(ReduceSumOp, OfNothingIsZero) {
  EXPECT_EQ(values_of<float>(sum(counting({2, 0}), {1}).reference()[0]), (std::vector<float>{0, 0}));
  EXPECT_EQ(OpRunner("ReduceSum").input({kBatch, 3}).constant(integers({1})).shape(), Shape({kBatch, 1}));
  EXPECT_EQ(error_of([] { sum(counting({2}, DType::s8), {0}).infer(); }),
            "input 0 is s8, expected a float or an integer of 32 or 64 bits");
}

}  // namespace
}  // namespace godwit::support
