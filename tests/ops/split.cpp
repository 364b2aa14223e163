// Split: sizes given and equal, results left out, layouts, bounds, and sizes that contradict the operand.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;

std::vector<Shape> shapes_of(const OpRunner& runner) {
  std::vector<Shape> shapes;
  for (const TensorDesc& desc : runner.infer()) shapes.push_back(desc.shape);
  return shapes;
}

TEST(SplitOp, CutsByGivenSizes) {
  OpRunner runner("Split");
  runner.input(counting({2, 6})).constant(integers({1, 0, 5})).attribute("axis", -1).outputs(3);
  const std::vector<Tensor> parts = runner.reference();
  EXPECT_EQ(values_of<float>(parts[0]), (Floats{0, 6}));
  EXPECT_EQ(parts[1].shape(), Shape({2, 0}));
  EXPECT_EQ(values_of<float>(parts[2]), (Floats{1, 2, 3, 4, 5, 7, 8, 9, 10, 11}));
  EXPECT_TRUE(did_run(runner.run_implementations(exact()), "strided_copy"));
}

TEST(SplitOp, CutsEqually) {
  OpRunner even("Split");
  even.input(counting({6})).outputs(3);
  EXPECT_EQ(values_of<float>(even.reference()[1]), (Floats{2, 3}));
  OpRunner uneven("Split");
  uneven.input(counting({7})).attribute("num_outputs", 3).outputs(3);
  EXPECT_EQ(values_of<float>(uneven.reference()[2]), (Floats{6}));
  uneven.run_implementations(exact());
  OpRunner few("Split");
  few.input(counting({2})).attribute("num_outputs", 4).outputs(4);
  EXPECT_EQ(shapes_of(few), (std::vector<Shape>{{1}, {1}, {0}, {0}}));
  // Results behind those asked for.
  OpRunner first("Split");
  first.input(counting({9})).attribute("num_outputs", 3);
  EXPECT_EQ(values_of<float>(first.reference()[0]), (Floats{0, 1, 2}));
  EXPECT_FALSE(first.is_view());
  EXPECT_TRUE(OpRunner("Split").input(counting({9})).is_view());
}

TEST(SplitOp, TakesEveryLayoutAndType) {
  for (const int axis : {0, 1, 2, 3}) {
    OpRunner runner("Split");
    runner.input(counting({4, 6, 4, 8})).attribute("axis", axis).outputs(2);
    runner.run_implementations(exact());
  }
  for (const DType dtype : kAllTypes) {
    OpRunner runner("Split");
    runner.input(counting({3, 5}, dtype)).constant(integers({3, 2})).attribute("axis", 1).outputs(2);
    runner.run_implementations(exact());
  }
}

TEST(SplitOp, KeepsSymbolsAndBounds) {
  EXPECT_EQ(shapes_of(OpRunner("Split").input({kBatch, 4}).attribute("axis", 1).outputs(2)),
            (std::vector<Shape>{{kBatch, 2}, {kBatch, 2}}));
  EXPECT_EQ(shapes_of(OpRunner("Split").input({kBatch}).outputs(2)),
            (std::vector<Shape>{{kAnyDim}, {kAnyDim}}));
  EXPECT_EQ(shapes_of(OpRunner("Split").input({kBatch}).constant(integers({2, 3})).outputs(2)),
            (std::vector<Shape>{{2}, {3}}));
  EXPECT_EQ(shapes_of(OpRunner("Split").input(Shape::unranked()).outputs(2)),
            (std::vector<Shape>{Shape::unranked(), Shape::unranked()}));
  OpRunner rows("Split");
  rows.bounded(counting({5, 2}), {at_most(8), 2}).outputs(2);
  EXPECT_EQ(shapes_of(rows), (std::vector<Shape>{{at_most(4), 2}, {at_most(4), 2}}));
  EXPECT_EQ(values_of<float>(rows.reference()[1]), (Floats{6, 7, 8, 9}));
  rows.run_implementations(exact());
  OpRunner columns("Split");
  columns.bounded(counting({5, 2}), {at_most(8), 2}).attribute("axis", 1).outputs(2);
  EXPECT_EQ(values_of<float>(columns.reference()[1]), (Floats{1, 3, 5, 7, 9}));
  // Sizes that a run computes, and that are too large.
  OpRunner computed("Split");
  computed.input(counting({5})).input(integers({3, 9})).outputs(2);
  EXPECT_EQ(shapes_of(computed), (std::vector<Shape>{{at_most(5)}, {at_most(5)}}));
  EXPECT_EQ(values_of<float>(computed.reference()[1]), (Floats{3, 4}));
}

TEST(SplitOp, RefusesSizesThatDoNotFit) {
  const auto error = [](const Tensor& sizes) {
    return error_of([&] {
      OpRunner("Split").input({2, 6}).constant(sizes).attribute("axis", 1).outputs(2).infer();
    });
  };
  EXPECT_EQ(error(integers({6})), "input 1 (split) has 1 value, expected 2, one for each result");
  EXPECT_EQ(error(integers({7, -1})), "input 1 (split) has -1, expected at least 0");
  EXPECT_EQ(error(integers({2, 3})), "input 1 (split) adds up to 5, expected 6, the dimension");
  EXPECT_EQ(error_of([] { OpRunner("Split").input({6}).attribute("num_outputs", 1).outputs(2).infer(); }),
            "attribute 'num_outputs' is 1, expected 2, the number of results");
}

}  // namespace
}  // namespace godwit::support
