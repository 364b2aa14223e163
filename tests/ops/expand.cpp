// Expand: repetition along ones in both directions, every type, symbols, refusals.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner expand(const Tensor& src, std::initializer_list<std::int64_t> shape) {
  OpRunner runner("Expand");
  runner.input(src).constant(integers(shape));
  return runner;
}

TEST(ExpandOp, RepeatsAlongOnes) {
  const OpRunner runner = expand(Tensor::of<float>({2, 1}, {1, 2}), {2, 1, 3});
  EXPECT_EQ(runner.shape(), Shape({2, 2, 3}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]),
            (std::vector<float>{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(expand(counting({3, 4}), {1}).shape(), Shape({3, 4}));
}

TEST(ExpandOp, TakesEveryTypeAndSize) {
  for (const DType dtype : kAllTypes) {
    const auto ran = expand(counting({3, 1, 5}, dtype), {2, 3, 40, 5}).run_implementations(exact());
    EXPECT_TRUE(did_run(ran, "strided_copy"));
  }
  expand(counting({40, 1}), {40, 50}).run_implementations(exact());
  expand(counting({}), {2, 3}).run_implementations(exact());
  expand(counting({3, 1}), {3, 0}).run_implementations(exact());
  expand(counting({}), {}).run_implementations(exact());
}

TEST(ExpandOp, KeepsSymbols) {
  const auto shape_of = [](const Shape& src, std::initializer_list<std::int64_t> shape) {
    return OpRunner("Expand").input(src).constant(integers(shape)).shape();
  };
  EXPECT_EQ(shape_of({kBatch, 1}, {1, 3}), Shape({kBatch, 3}));
  EXPECT_EQ(shape_of(Shape::unranked(), {1, 3}), Shape::unranked());
  const TensorDesc two{DType::s64, {2}}, any{DType::s64, {kAnyDim}};
  EXPECT_EQ(OpRunner("Expand").input({1}).input(two).shape(), Shape({kAnyDim, kAnyDim}));
  EXPECT_EQ(OpRunner("Expand").input({1}).input(any).shape(), Shape::unranked());
}

TEST(ExpandOp, RefusesShapesThatDoNotFit) {
  EXPECT_EQ(error_of([] { expand(counting({2}), {3}).infer(); }),
            "shapes 2 and 3: dimensions 2 and 3 do not broadcast");
  EXPECT_EQ(error_of([] { expand(counting({1}), {-1}).infer(); }),
            "input 1 (shape) has dimension -1, expected at least 0");
  EXPECT_EQ(error_of([] {
              expand(counting({1}), {1, 1, 1, 1, 1, 1, 1, 1, 1}).infer();
            }),
            "a tensor has more than 8 dimensions");
  const std::int64_t large = std::int64_t{1} << 40;
  EXPECT_NE(error_of([&] { expand(counting({1}), {large, large}).infer(); }), "");
}

}  // namespace
}  // namespace godwit::support
