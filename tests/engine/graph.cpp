// Graphs: values, symbols, who reads what, and the printed form.
#include "engine/graph.h"

#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

TEST(Graph, SymbolsAreKeptOnceAndPrintedByName) {
  Graph graph;
  const std::int64_t n = graph.symbol("N");
  EXPECT_EQ(graph.symbol("N"), n);
  EXPECT_NE(graph.symbol("M"), n);
  EXPECT_LT(n, kAnyDim);
  EXPECT_EQ(graph.to_string(Shape{n, 3, kAnyDim}), "Nx3x?");
  EXPECT_EQ(graph.to_string(Shape{graph.symbol("batch"), n, 3, kAnyDim}), "batch x N x 3 x ?");
  EXPECT_EQ(graph.to_string(Shape{}), "scalar");
  EXPECT_EQ(graph.to_string(Shape::unranked()), "unranked");
}

TEST(Graph, KnowsProducersConsumersAndOutputs) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 2});
  const ValueId y = b.node("Relu", "y", {x});
  const ValueId z = b.node("Add", "z", {y, y});
  b.output(z);
  const Graph graph = b.build();
  EXPECT_EQ(graph.producers(), (std::vector<NodeId>{kNoNode, 0, 1}));
  EXPECT_EQ(graph.consumers()[static_cast<std::size_t>(y)], (std::vector<NodeId>{1, 1}));
  EXPECT_TRUE(graph.is_output(z));
  EXPECT_FALSE(graph.is_output(y));
  EXPECT_EQ(graph.find_value("y"), y);
  EXPECT_EQ(graph.find_value("nothing"), kNoValue);
}

TEST(Graph, CompactDropsWhatNobodyRefersTo) {
  GraphBuilder b;
  b.number("unused", 1);
  const ValueId x = b.input("x", {4});
  b.number("unused too", 2);
  b.output(b.node("Clip", "y", {x, kNoValue, b.number("high", 3)}));
  Graph graph = b.build();
  graph.compact();
  ASSERT_EQ(graph.values.size(), 3U);
  EXPECT_EQ(graph.find_value("unused"), kNoValue);
  EXPECT_EQ(graph.nodes[0].inputs[1], kNoValue);
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).name, "high");
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "y");
  verify(graph);
}

TEST(Graph, ContextShowsOperandsAsOpsSeeThem) {
  GraphBuilder b;
  const ValueId x = b.input("x", {4});
  b.output(b.node("Clip", "y", {x, kNoValue, b.number("high", 3)}));
  const Graph graph = b.build();
  const NodeContext context(graph, graph.nodes[0]);
  const ops::NodeView& view = context.view();
  EXPECT_TRUE(view.has_input(0));
  EXPECT_EQ(view.inputs[0].constant, nullptr);
  EXPECT_FALSE(view.has_input(1));
  ASSERT_NE(view.inputs[2].constant, nullptr);
  EXPECT_EQ(view.inputs[2].constant->values<float>()[0], 3.0F);
  EXPECT_EQ(view.outputs[0].shape, Shape{4});
}

TEST(Graph, PrintsOneNodeALine) {
  GraphBuilder b("net");
  const ValueId x = b.input("x", {b.graph().symbol("N"), 2, 4, 4});
  const ValueId conv = b.conv("conv", x, {2, 2, 3, 3}, {{"pads", ints({1, 1, 1, 1})}}, false);
  b.output(b.node("Relu", "y", {b.node("Add", "sum", {conv, x})}));
  Graph graph = b.build();
  EXPECT_EQ(print(graph),
            "graph net\n"
            "input x f32 Nx2x4x4\n"
            "conv f32 Nx2x4x4 = Conv(x, conv.weights: constant f32 2x2x3x3; pads=[1, 1, 1, 1])  # conv\n"
            "sum f32 Nx2x4x4 = Add(conv, x)  # sum\n"
            "y f32 Nx2x4x4 = Relu(sum)  # y\n"
            "output y f32 Nx2x4x4\n");
  run_pass(graph, "fuse_activation");
  run_pass(graph, "fuse_residual_add");
  EXPECT_EQ(
      print(graph),
      "graph net\n"
      "input x f32 Nx2x4x4\n"
      "y f32 Nx2x4x4 = Conv(x, conv.weights: constant f32 2x2x3x3, _; pads=[1, 1, 1, 1]) + x clamp [0, inf]"
      "  # conv, sum, y\n"
      "output y f32 Nx2x4x4\n");
}

}  // namespace
}  // namespace godwit::engine
