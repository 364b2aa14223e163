// The tools of passes: replacements are checked, names of outputs and origins survive.
#include "engine/rewrite.h"

#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

TEST(Rewriter, RefusesAReplacementOfAnotherShape) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 2});
  const ValueId y = b.input("y", {1, 3});
  b.output(b.node("Relu", "z", {x}));
  Graph graph = b.build();
  Rewriter rewriter(graph);
  EXPECT_EQ(error_of([&] { rewriter.replace_reads(x, y); }),
            "internal error: 'y' (f32 1x3 nchw) cannot replace 'x' (f32 1x2 nchw)");
}

TEST(Rewriter, RefusesAReplacementOfAnotherType) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2});
  const ValueId y = b.input("y", {2}, DType::s32);
  b.output(b.node("Relu", "z", {x}));
  Graph graph = b.build();
  Rewriter rewriter(graph);
  EXPECT_EQ(error_of([&] { rewriter.replace_reads(x, y); }),
            "internal error: 'y' (s32 2 nchw) cannot replace 'x' (f32 2 nchw)");
}

TEST(Rewriter, ReplacesEveryOperandThatReadsAValue) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2});
  const ValueId y = b.input("y", {2});
  b.output(b.node("Add", "z", {x, x}));
  Graph graph = b.build();
  Rewriter rewriter(graph);
  rewriter.replace_reads(x, y);
  rewriter.finish();
  const std::vector<ValueId> both(2, graph.find_value("y"));
  EXPECT_EQ(graph.nodes[0].inputs, both);
  EXPECT_EQ(graph.inputs.size(), 2U) << "the signature stays";
  verify(graph);
}

TEST(Rewriter, AbsorbJoinsOriginsInOrder) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2});
  b.output(b.node("Relu", "c", {b.node("Relu", "b", {b.node("Relu", "a", {x})})}));
  Graph graph = b.build();
  Rewriter rewriter(graph);
  rewriter.absorb(0, 1);
  rewriter.absorb(0, 2);
  rewriter.finish();
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].origins, (Names{"a", "b", "c"}));
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "c");
  verify(graph);
}

TEST(Rewriter, AbsorbRefusesAnotherShape) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 2});
  b.output(b.node("Flatten", "b", {b.node("Relu", "a", {x})}, {{"axis", std::int64_t{0}}}));
  Graph graph = b.build();
  Rewriter rewriter(graph);
  EXPECT_NE(error_of([&] { rewriter.absorb(0, 1); }).find("internal error"), std::string::npos);
}

TEST(Rewriter, KnowsTheOnlyReader) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2});
  const ValueId once = b.node("Relu", "once", {x});
  const ValueId twice = b.node("Relu", "twice", {once});
  const ValueId sum = b.node("Add", "sum", {twice, twice});
  b.output(sum).output(b.node("Relu", "last", {sum}));
  Graph graph = b.build();
  Rewriter rewriter(graph);
  EXPECT_EQ(rewriter.only_reader(once), 1);
  EXPECT_EQ(rewriter.only_reader(twice), kNoNode) << "one node that reads it twice";
  EXPECT_EQ(rewriter.only_reader(sum), kNoNode) << "a graph output";
}

TEST(Rewrite, ProvesShapesEqualOnlyWhereTheyAre) {
  Graph graph;
  const std::int64_t n = graph.symbol("N");
  EXPECT_TRUE(provably_equal({n, 3}, {n, 3}));
  EXPECT_FALSE(provably_equal({kAnyDim, 3}, {kAnyDim, 3}));
  EXPECT_FALSE(provably_equal({n, 3}, {1, 3}));
  EXPECT_FALSE(provably_equal(Shape::unranked(), Shape::unranked()));
  EXPECT_TRUE(provably_equal({}, {}));
}

}  // namespace
}  // namespace godwit::engine
