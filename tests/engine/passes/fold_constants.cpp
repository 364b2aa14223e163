// fold_constants: what depends on constants alone is computed once.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/support/compare.h"

namespace godwit::engine {
namespace {

TEST(FoldConstants, ReplacesAChainByItsValue) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 2});
  const ValueId scale =
      b.node("Add", "scale", {b.constant("a", whole_numbers({2, 2}, 1)), b.number("one", 1)});
  const ValueId twice = b.node("Add", "twice", {scale, scale});
  b.output(b.node("Mul", "y", {x, twice}));
  Graph graph = b.build();
  const Graph before = graph;
  EXPECT_EQ(run_pass(graph, "fold_constants").rewrites, 2);
  EXPECT_EQ(ops_of(graph), Names{"Mul"});
  ASSERT_TRUE(graph.value(graph.nodes[0].inputs[1]).constant.has_value());
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[1]).name, "twice");
  const std::vector<Tensor> inputs{whole_numbers({2, 2}, 2)};
  expect_same(evaluate_graph(graph, inputs), evaluate_graph(before, inputs));
}

TEST(FoldConstants, TakesTheShapeOfAnInput) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 3});
  b.output(b.node("Shape", "shape", {x}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_constants").rewrites, 1);
  const Tensor& shape = *graph.value(graph.outputs[0]).constant;
  EXPECT_EQ(support::values_of<std::int64_t>(shape), (std::vector<std::int64_t>{2, 3}));
}

TEST(FoldConstants, LeavesAShapeThatIsNotKnownYet) {
  GraphBuilder b;
  const ValueId x = b.input("x", {b.graph().symbol("N"), 3});
  b.output(b.node("Shape", "shape", {x}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_constants").rewrites, 0);
  EXPECT_EQ(graph.nodes.size(), 1U);
}

TEST(FoldConstants, LeavesWhatDependsOnAnInput) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2});
  b.output(b.node("Add", "y", {x, b.number("one", 1)}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_constants").rewrites, 0);
}

TEST(FoldConstants, LeavesAResultFarLargerThanItsOperands) {
  GraphBuilder b;
  const std::int64_t side = 4100;  // side² f32 are 67 MB, of two vectors of 16 kB
  const ValueId column = b.constant("column", whole_numbers({side, 1}, 1));
  const ValueId row = b.constant("row", whole_numbers({1, side}, 2));
  b.output(b.node("Add", "y", {column, row}));
  Graph graph = b.build();
  const PassLog log = run_pass(graph, "fold_constants");
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_EQ(joined_lines(log),
            "left alone: node 'y' (Add): its result of 67240000 bytes is far larger than its operands\n");
}

TEST(FoldConstants, TellsInferenceWhatItFound) {
  GraphBuilder b;
  const ValueId x = b.input("x", {4, 3});
  // Longer than what inference evaluates by itself.
  Tensor table(TensorDesc{DType::s64, {5000}, Layout::nchw});
  std::ranges::fill(table.mutable_values<std::int64_t>(), 6);
  const ValueId doubled = b.node(
      "Add", "doubled", {b.constant("table", table), b.constant("none", Tensor::of<std::int64_t>({}, {0}))});
  const ValueId first = b.node("Gather", "first", {doubled, b.integers("index", {0})});
  const ValueId target =
      b.node("Concat", "target", {first, b.integers("rest", {2})}, {{"axis", std::int64_t{0}}});
  b.output(b.node("Reshape", "y", {x, target}));
  Graph graph = b.build();
  EXPECT_FALSE(graph.value(graph.outputs[0]).desc.shape.known());
  run_pass(graph, "fold_constants");
  EXPECT_EQ(graph.value(graph.outputs[0]).desc.shape, (Shape{6, 2}));
}

}  // namespace
}  // namespace godwit::engine
