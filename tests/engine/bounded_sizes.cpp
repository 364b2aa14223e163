// Sizes that only the data decides: memory for the bound, results of their true shape, refusals in words.
#include <gtest/gtest.h>
#include <vector>

#include "engine/rewrite.h"
#include "engine/session.h"
#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

using support::error_of;
using support::values_of;
using Integers = std::vector<std::int64_t>;

Tensor floats(const Shape& shape, std::initializer_list<float> values) {
  return Tensor::of<float>(shape, values);
}

TEST(BoundedSizes, ResultsHaveTheirTrueShapeInEveryRun) {
  GraphBuilder b;
  b.output(b.node("NonZero", "found", {b.input("x", {2, 3})}));
  const auto plan = compile(b.build());
  EXPECT_EQ(plan->outputs()[0].desc.to_string(), "s64 2x<=6");
  EXPECT_EQ(plan->decided_shapes(), 1U);
  Session session(plan, {.threads = 2});
  const auto run = [&](const Tensor& src) { return session.run(std::vector<Tensor>{src})[0]; };
  EXPECT_EQ(values_of<std::int64_t>(run(floats({2, 3}, {1, 0, 2, 0, 0, 3}))), (Integers{0, 0, 1, 0, 2, 2}));
  EXPECT_EQ(run(floats({2, 3}, {0, 0, 0, 0, 0, 0})).shape(), Shape({2, 0}));
  EXPECT_EQ(run(floats({2, 3}, {1, 1, 1, 1, 1, 1})).shape(), Shape({2, 6}));
  EXPECT_EQ(run(floats({2, 3}, {0, 0, 0, 0, 5, 0})).shape(), Shape({2, 1}));
}

TEST(BoundedSizes, TheCallersTensorNeedsRoomForTheBound) {
  GraphBuilder b;
  b.output(b.node("NonZero", "found", {b.input("x", {2, 3})}));
  const auto plan = compile(b.build());
  Session session(plan);
  const std::vector<Tensor> src{floats({2, 3}, {0, 4, 0, 0, 0, 0})};
  std::vector<Tensor> dst{Tensor(plan->outputs()[0].desc)};
  for (int run = 0; run < 2; ++run) {
    session.run(src, dst);
    EXPECT_EQ(values_of<std::int64_t>(dst[0]), (Integers{0, 1}));
  }
  std::vector<Tensor> small{Tensor(TensorDesc{DType::s64, {2, 1}, Layout::nchw})};
  EXPECT_EQ(error_of([&] { session.run(src, small); }), "output 'found' is s64 2x1, expected s64 2x<=6");
}

TEST(BoundedSizes, ConsumersSeeTrueExtents) {
  GraphBuilder b;
  const ValueId found = b.node("NonZero", "found", {b.input("x", {2, 3})});
  const ValueId pairs = b.node("Transpose", "pairs", {found}, {{"perm", ints({1, 0})}});
  const ValueId again = b.node("Cast", "as s32", {pairs}, {{"to", std::int64_t{6}}});
  b.output(pairs).output(b.node("Shape", "size", {found})).output(again).output(found);
  b.output(b.node("NonZero", "of positions", {found}));
  const auto plan = compile(b.build());
  Session session(plan, {.threads = 2});
  for (const bool many : {true, false}) {
    const Tensor src = many ? floats({2, 3}, {1, 0, 2, 0, 0, 3}) : floats({2, 3}, {0, 0, 0, 0, 0, 3});
    const auto results = session.run(std::vector<Tensor>{src});
    const std::int64_t count = many ? 3 : 1;
    EXPECT_EQ(results[0].shape(), Shape({count, 2}));
    EXPECT_EQ(values_of<std::int64_t>(results[0]), many ? (Integers{0, 0, 0, 2, 1, 2}) : (Integers{1, 2}));
    EXPECT_EQ(values_of<std::int64_t>(results[1]), (Integers{2, count}));
    EXPECT_EQ(results[2].desc().to_string(), many ? "s32 3x2" : "s32 1x2");
    EXPECT_EQ(values_of<std::int32_t>(results[2]).back(), 2);
    EXPECT_EQ(results[3].shape(), Shape({2, count}));
    EXPECT_EQ(values_of<std::int64_t>(results[4]),
              many ? (Integers{0, 1, 1, 2, 1, 2}) : (Integers{0, 1, 0, 0}));
  }
}

TEST(BoundedSizes, AnOutputAskedForTwiceIsCopied) {
  GraphBuilder b;
  const ValueId found = b.node("NonZero", "found", {b.input("x", {4})});
  b.output(found).output(b.node("Identity", "same", {found}));
  Session session(compile(b.build()));
  const auto results = session.run(std::vector<Tensor>{floats({4}, {0, 7, 0, 7})});
  for (const Tensor& result : results) {
    EXPECT_EQ(result.shape(), Shape({1, 2}));
    EXPECT_EQ(values_of<std::int64_t>(result), (Integers{1, 3}));
  }
}

TEST(BoundedSizes, ConstantsAreFoldedToTheirTrueSize) {
  GraphBuilder b;
  const ValueId mask = b.constant("mask", floats({2, 2}, {1, 0, 0, 1}));
  const ValueId pairs = b.node("Transpose", "pairs", {b.node("NonZero", "found", {mask})});
  b.output(b.node("Add", "sum",
                  {b.node("Cast", "real", {pairs}, {{"to", std::int64_t{1}}}), b.input("x", {2, 2})}));
  const Graph graph = b.build();
  EXPECT_EQ(graph.value(pairs).desc.shape, Shape({2, 2}));
  const auto plan = compile(graph);
  EXPECT_EQ(plan->decided_shapes(), 0U);
  Session session(plan);
  const auto results = session.run(std::vector<Tensor>{floats({2, 2}, {10, 20, 30, 40})});
  EXPECT_EQ(values_of<float>(results[0]), (std::vector<float>{10, 20, 31, 41}));
}

TEST(BoundedSizes, ImagesAreBroughtIntoOnnxsOrderFirst) {
  GraphBuilder b;
  const ValueId x = b.node("Relu", "relu", {b.conv("conv", b.input("x", {1, 3, 6, 6}), {4, 3, 3, 3})});
  b.output(b.node("NonZero", "found", {x})).output(x);
  Session session(compile(b.build()));
  const auto results = session.run(std::vector<Tensor>{whole_numbers({1, 3, 6, 6}, 5)});
  const auto values = values_of<float>(results[1]);
  Integers channels;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) channels.push_back(static_cast<std::int64_t>(i) / 16);
  }
  ASSERT_EQ(results[0].shape(), Shape({4, static_cast<std::int64_t>(channels.size())}));
  const auto positions = values_of<std::int64_t>(results[0]);
  const auto second = positions.begin() + static_cast<std::ptrdiff_t>(channels.size());
  EXPECT_EQ(Integers(second, second + static_cast<std::ptrdiff_t>(channels.size())), channels);
}

// Such operators run behind the steps, node by node, on what is there.
TEST(BoundedSizes, OperatorsThatNeedKnownSizesRunBehindTheSteps) {
  GraphBuilder b;
  const ValueId found = b.node("NonZero", "found", {b.input("x", {2, 3})});
  b.output(b.node("ReduceSum", "sums", {found, b.integers("axes", {1})}));
  const auto plan = compile(b.build());
  ASSERT_NE(plan->tail(), nullptr);
  EXPECT_EQ(plan->tail()->graph.nodes.size(), 1U);
  Session session(plan, {.threads = 2});
  for (const bool many : {true, false}) {
    const Tensor src = many ? floats({2, 3}, {1, 0, 2, 0, 0, 3}) : floats({2, 3}, {0, 0, 0, 0, 0, 3});
    const auto results = session.run(std::vector<Tensor>{src});
    EXPECT_EQ(results[0].shape(), Shape({2, 1}));
    EXPECT_EQ(values_of<std::int64_t>(results[0]), many ? (Integers{1, 4}) : (Integers{1, 2}));
    std::vector<Tensor> mine{Tensor(TensorDesc{DType::s64, {2, 1}, Layout::nchw})};
    session.run(std::vector<Tensor>{src}, mine);
    EXPECT_EQ(values_of<std::int64_t>(mine[0]), values_of<std::int64_t>(results[0]));
  }
}

// A detector's last steps: which boxes are kept, and what belongs to them.
TEST(BoundedSizes, KeptBoxesAreGathered) {
  constexpr std::int64_t kBoxes = 40;
  GraphBuilder b;
  const ValueId boxes = b.input("boxes", {1, kBoxes, 4}), scores = b.input("scores", {1, 2, kBoxes});
  const ValueId kept =
      b.node("NonMaxSuppression", "kept",
             {boxes, scores, b.integers("most", {10}), b.number("overlap", 0.3F), b.number("score", 0.5F)});
  const ValueId indices =
      b.node("Gather", "indices", {kept, b.constant("2", Tensor::of<std::int64_t>({}, {2}))},
             {{"axis", std::int64_t{1}}});
  const ValueId list = b.node("Reshape", "list", {boxes, b.integers("rows", {-1, 4})});
  const ValueId found = b.node("Gather", "found", {list, indices});
  const ValueId moved = b.node("Add", "moved", {found, b.number("shift", 1)});
  const ValueId column = b.node("Unsqueeze", "column", {indices, b.integers("last", {1})});
  const ValueId numbers = b.node("Cast", "numbers", {column}, {{"to", std::int64_t{1}}});
  b.output(kept).output(b.node("Concat", "rows of all", {moved, numbers}, {{"axis", std::int64_t{1}}}));
  b.output(b.node("Shape", "size", {moved}));
  const auto plan = compile(b.build());
  EXPECT_EQ(plan->outputs()[1].desc.to_string(), "f32 <=20x5");
  Session session(plan);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Tensor corners = support::random_tensor({1, kBoxes, 4}, 2 * seed, 0, 4);
    for (std::size_t i = 0; i < kBoxes; ++i) {
      for (std::size_t k = 2; k < 4; ++k)
        corners.mutable_values<float>()[4 * i + k] = corners.values<float>()[4 * i + k - 2] + 1;
    }
    const std::vector<Tensor> src{corners, support::random_tensor({1, 2, kBoxes}, 2 * seed + 1, 0, 1)};
    const auto results = session.run(src);
    const std::int64_t count = results[0].shape()[0];
    EXPECT_GT(count, 0);
    EXPECT_LE(count, 20);
    ASSERT_EQ(results[1].shape(), Shape({count, 5}));
    EXPECT_EQ(values_of<std::int64_t>(results[2]), (Integers{count, 4}));
    for (std::int64_t row = 0; row < count; ++row) {
      const auto box =
          static_cast<std::size_t>(results[0].values<std::int64_t>()[static_cast<std::size_t>(3 * row + 2)]);
      const float* values = results[1].values<float>().data() + 5 * row;
      EXPECT_EQ(values[0], corners.values<float>()[4 * box] + 1);
      EXPECT_EQ(values[4], static_cast<float>(box));
    }
  }
}

TEST(BoundedSizes, BoundsProveNoEquality) {
  EXPECT_FALSE(provably_equal({2, at_most(6)}, {2, at_most(6)}));
  EXPECT_TRUE(provably_equal({2, 6}, {2, 6}));
  Graph graph;
  const std::int64_t symbol = graph.symbol("N");
  EXPECT_TRUE(provably_equal({symbol}, {symbol}));
  EXPECT_EQ(graph.to_string({symbol, at_most(6), kAnyDim}), "Nx<=6x?");
}

}  // namespace
}  // namespace godwit::engine
