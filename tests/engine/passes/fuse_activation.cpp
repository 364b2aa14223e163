// fuse_activation: Relu and Clip become the clamp of the node in front.
#include <gtest/gtest.h>
#include <limits>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Example {
  GraphBuilder b;
  ValueId conv = b.conv("conv", b.input("x", {1, 2, 4, 4}), {2, 2, 3, 3});

  ValueId clip(const std::string& name, ValueId src, float low, float high) {
    return b.node("Clip", name, {src, b.number(name + ".low", low), b.number(name + ".high", high)});
  }
  PassLog fuse(Graph& graph) const {
    graph = b.build();
    PassLog log = run_pass(graph, "fuse_activation");
    expect_pass_keeps_results(b.build(), "fuse_activation", {whole_numbers({1, 2, 4, 4}, 5)});
    return log;
  }
};

TEST(FuseActivation, ReluIntoConv) {
  Example example;
  example.b.output(example.b.node("Relu", "relu", {example.conv}));
  Graph graph;
  EXPECT_EQ(example.fuse(graph).rewrites, 1);
  ASSERT_EQ(ops_of(graph), Names{"Conv"});
  EXPECT_EQ(graph.nodes[0].epilogue, (ops::Epilogue{false, 0, kInfinity}));
  EXPECT_EQ(graph.nodes[0].origins, (Names{"conv", "relu"}));
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "relu");
}

TEST(FuseActivation, ClipWithOneBound) {
  Example example;
  example.b.output(example.b.node("Clip", "clip", {example.conv, kNoValue, example.b.number("high", 5)}));
  Graph graph;
  example.fuse(graph);
  EXPECT_EQ(graph.nodes[0].epilogue, (ops::Epilogue{false, -kInfinity, 5}));
}

TEST(FuseActivation, OneAfterTheOther) {
  struct Row {
    float low1, high1, low2, high2, low, high;
  };
  // Overlapping, nested, and apart on either side (everything becomes one number then).
  for (const Row& row :
       {Row{-9, 9, 0, 20, 0, 9}, Row{-9, 9, -3, 3, -3, 3}, Row{-9, -5, 0, 6, 0, 0}, Row{5, 9, -6, 0, 0, 0}}) {
    Example example;
    const ValueId first = example.clip("first", example.conv, row.low1, row.high1);
    example.b.output(example.clip("second", first, row.low2, row.high2));
    Graph graph;
    EXPECT_EQ(example.fuse(graph).rewrites, 2);
    ASSERT_EQ(graph.nodes.size(), 1U);
    EXPECT_EQ(graph.nodes[0].epilogue, (ops::Epilogue{false, row.low, row.high}));
  }
}

TEST(FuseActivation, ReluBehindAdd) {
  Example example;
  const ValueId other = example.b.conv("other", example.b.graph().inputs[0], {2, 2, 3, 3});
  example.b.output(example.b.node("Relu", "relu", {example.b.node("Add", "add", {example.conv, other})}));
  Graph graph;
  EXPECT_EQ(example.fuse(graph).rewrites, 1);
  EXPECT_EQ(node_named(graph, "add").epilogue, (ops::Epilogue{false, 0, kInfinity}));
}

TEST(FuseActivation, KeepsNaN) {
  GraphBuilder b;
  b.output(b.node("Relu", "relu", {b.conv("conv", b.input("x", {1, 1, 1, 1}), {1, 1, 1, 1})}));
  const Tensor nan = Tensor::of<float>({1, 1, 1, 1}, {std::numeric_limits<float>::quiet_NaN()});
  expect_pass_keeps_results(b.build(), "fuse_activation", {nan});
}

TEST(FuseActivation, LeavesAResultThatOthersReadToo) {
  Example example;
  example.b.output(example.b.node("Relu", "relu", {example.conv})).output(example.conv);
  Graph graph;
  const PassLog log = example.fuse(graph);
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_NE(joined_lines(log).find("others read the result before it is clamped"), std::string::npos);
}

TEST(FuseActivation, LeavesBoundsThatAreComputedOrReversed) {
  GraphBuilder b;
  const ValueId low = b.input("low", {});
  b.output(b.node("Clip", "clip", {b.conv("conv", b.input("x", {1, 2, 4, 4}), {2, 2, 3, 3}), low}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fuse_activation").rewrites, 0);

  Example example;
  example.b.output(example.clip("clip", example.conv, 3, -3));
  const PassLog log = example.fuse(graph);
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_NE(joined_lines(log).find("the lower one first"), std::string::npos);
}

TEST(FuseActivation, LeavesOperatorsThatDoNotClamp) {
  GraphBuilder b;
  const ValueId pool =
      b.node("MaxPool", "pool", {b.input("x", {1, 2, 4, 4})}, {{"kernel_shape", ints({2, 2})}});
  b.output(b.node("Relu", "relu", {pool}));
  Graph graph = b.build();
  EXPECT_NE(joined_lines(run_pass(graph, "fuse_activation")).find("does not clamp"), std::string::npos);
}

}  // namespace
}  // namespace godwit::engine
