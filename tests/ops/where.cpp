// Where: a choice in every type, broadcasting of all three operands, refusals.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  OpRunner runner("Where");
  runner.input(condition).input(a).input(b);
  return runner;
}

TEST(WhereOp, Chooses) {
  const Tensor condition = Tensor::of<bool>({2, 1}, {true, false});
  const OpRunner runner = where(condition, Tensor::of<float>({3}, {1, 2, 3}), Tensor::of<float>({}, {9}));
  EXPECT_EQ(runner.shape(), Shape({2, 3}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{1, 2, 3, 9, 9, 9}));
  runner.run_implementations(exact());
}

TEST(WhereOp, ChoosesEveryType) {
  const Tensor condition = counting({2, 3, 4}, DType::boolean);
  for (const DType dtype : kAllTypes) {
    where(condition, counting({3, 4}, dtype), counting({2, 1, 4}, dtype)).run_implementations(exact());
  }
}

TEST(WhereOp, InfersShapes) {
  OpRunner runner("Where");
  runner.input(TensorDesc{DType::boolean, {kBatch, 1}}).input({3}).input(Shape{});
  EXPECT_EQ(runner.shape(), Shape({kBatch, 3}));
  const OpRunner empty = where(Tensor::of<bool>({}, {true}), counting({0, 2}), counting({2}));
  EXPECT_EQ(empty.reference()[0].shape(), Shape({0, 2}));
}

TEST(WhereOp, RefusesOperandsThatDoNotFit) {
  EXPECT_EQ(error_of([] { where(counting({2}), counting({2}), counting({2})).infer(); }),
            "input 0 (condition) is f32, expected boolean");
  EXPECT_EQ(error_of([] { where(Tensor::of<bool>({}, {true}), counting({2}), integers({2})).infer(); }),
            "input 2 is s64, expected f32 as input 1");
  EXPECT_EQ(error_of([] { where(counting({3}, DType::boolean), counting({2}), counting({2})).infer(); }),
            "shapes 3 and 2: dimensions 3 and 2 do not broadcast");
}

}  // namespace
}  // namespace godwit::support
