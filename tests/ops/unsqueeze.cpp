// Unsqueeze: where ones are put in, symbols, and axes that do not fit.
#include <gtest/gtest.h>
#include <limits>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

Shape unsqueezed(const Shape& src, std::initializer_list<std::int64_t> axes) {
  return OpRunner("Unsqueeze").input(src).constant(integers(axes)).shape();
}

TEST(UnsqueezeOp, PutsOnesIn) {
  EXPECT_EQ(unsqueezed({3, 4}, {0}), Shape({1, 3, 4}));
  EXPECT_EQ(unsqueezed({3, 4}, {-1}), Shape({3, 4, 1}));
  EXPECT_EQ(unsqueezed({3, 4, 5}, {5, 4, 2}), Shape({3, 4, 1, 5, 1, 1}));
  EXPECT_EQ(unsqueezed({}, {0, 1}), Shape({1, 1}));
  EXPECT_EQ(unsqueezed({kBatch, 0}, {1}), Shape({kBatch, 1, 0}));
}

TEST(UnsqueezeOp, KnowsTheRankBesideComputedAxes) {
  const auto shape_of = [](const Shape& src, std::int64_t length) {
    return OpRunner("Unsqueeze").input(src).input(TensorDesc{DType::s64, {length}}).shape();
  };
  EXPECT_EQ(shape_of({3}, 1), Shape({kAnyDim, kAnyDim}));
  EXPECT_EQ(shape_of({3}, kAnyDim), Shape::unranked());
  EXPECT_EQ(shape_of(Shape::unranked(), 1), Shape::unranked());
  EXPECT_EQ(error_of([&] { shape_of({3}, std::numeric_limits<std::int64_t>::max()); }),
            "a result of 10 dimensions; at most 8 are supported");
}

TEST(UnsqueezeOp, CopiesEveryType) {
  for (const DType dtype : kAllTypes) {
    const Tensor src = counting({2, 4}, dtype);
    OpRunner runner("Unsqueeze");
    runner.input(src).constant(integers({1}));
    EXPECT_TRUE(runner.is_view());
    expect_close(runner.reference()[0], src.reshaped({2, 1, 4}), exact());
    runner.run_implementations(exact());
  }
}

TEST(UnsqueezeOp, RefusesWrongAxes) {
  EXPECT_EQ(error_of([] { unsqueezed({3}, {2}); }), "axis 2 is out of range, expected -2 to 1");
  EXPECT_EQ(error_of([] { unsqueezed({3}, {0, -3}); }), "axis 0 is named twice");
  EXPECT_EQ(error_of([] {
              unsqueezed({1, 1, 1, 1, 1, 1, 1, 1}, {0});
            }),
            "a result of 9 dimensions; at most 8 are supported");
  EXPECT_EQ(error_of([] { OpRunner("Unsqueeze").input({3}).infer(); }), "has 1 input, expected 2");
}

}  // namespace
}  // namespace godwit::support
