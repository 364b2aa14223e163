// fuse_residual_add: one branch of a block adds the other on its way out.
#include <gtest/gtest.h>
#include <limits>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const Shape kImage{1, 2, 4, 4};
const Shape kWeights{2, 2, 1, 1};

PassLog fuse(const GraphBuilder& b, Graph& graph) {
  graph = b.build();
  PassLog log = run_pass(graph, "fuse_residual_add");
  expect_pass_keeps_results(b.build(), "fuse_residual_add", {whole_numbers(kImage, 5)});
  return log;
}

TEST(FuseResidualAdd, TheInputOfTheBlock) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Add", "add", {x, b.conv("conv", x, kWeights)}));
  Graph graph;
  EXPECT_EQ(fuse(b, graph).rewrites, 1);
  ASSERT_EQ(ops_of(graph), Names{"Conv"});
  EXPECT_EQ(graph.nodes[0].epilogue, (ops::Epilogue{true, -kInfinity, kInfinity}));
  EXPECT_EQ(graph.nodes[0].inputs.back(), graph.inputs[0]);
  EXPECT_EQ(graph.nodes[0].origins, (Names{"conv", "add"}));
}

TEST(FuseResidualAdd, TheLaterOfTwoBranchesTakesTheOther) {
  for (const bool swapped : {false, true}) {
    GraphBuilder b;
    const ValueId x = b.input("x", kImage);
    const ValueId first = b.conv("first", x, kWeights);
    const ValueId second = b.conv("second", x, kWeights);
    b.output(b.node("Add", "add", swapped ? std::vector{second, first} : std::vector{first, second}));
    Graph graph;
    EXPECT_EQ(fuse(b, graph).rewrites, 1);
    ASSERT_EQ(graph.nodes.size(), 2U);
    EXPECT_EQ(graph.nodes[1].name, "second");
    EXPECT_EQ(graph.value(graph.nodes[1].inputs.back()).name, "first");
  }
}

TEST(FuseResidualAdd, TheEarlierBranchMovesBehindTheLater) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  const ValueId first = b.conv("first", x, kWeights);
  const ValueId second = b.node("Sigmoid", "second", {b.conv("gate", x, kWeights)});
  b.output(b.node("Add", "add", {first, second}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fuse_residual_add").rewrites, 1);
  ASSERT_EQ(ops_of(graph), (Names{"Conv", "Sigmoid", "Conv"}));
  EXPECT_EQ(graph.nodes[2].name, "first");
  EXPECT_EQ(graph.nodes[2].origins, (Names{"first", "add"}));
}

TEST(FuseResidualAdd, WithoutBiasTheResidualIsNotTakenForOne) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Add", "add", {b.conv("conv", x, kWeights, {}, false), x}));
  Graph graph;
  EXPECT_EQ(fuse(b, graph).rewrites, 1);
  ASSERT_EQ(graph.nodes[0].inputs.size(), 4U);
  EXPECT_EQ(graph.nodes[0].inputs[2], kNoValue);
}

// Relu behind the sum, its clamp fused into the Add before.
TEST(FuseResidualAdd, TheClampOfTheSumStaysBehindIt) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Relu", "relu", {b.node("Add", "add", {b.conv("conv", x, kWeights), x})}));
  Graph graph = b.build();
  run_pass(graph, "fuse_activation");
  run_pass(graph, "fuse_residual_add");
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].epilogue, (ops::Epilogue{true, 0, kInfinity}));
  EXPECT_EQ(graph.nodes[0].origins, (Names{"conv", "add", "relu"}));
  const std::vector<Tensor> inputs{whole_numbers(kImage, 5)};
  expect_same(run_graph(b.build(), inputs), evaluate_graph(b.build(), inputs));
}

TEST(FuseResidualAdd, TheSameInTheOtherOrder) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Relu", "relu", {b.node("Add", "add", {b.conv("conv", x, kWeights), x})}));
  Graph graph = b.build();
  run_pass(graph, "fuse_residual_add");
  run_pass(graph, "fuse_activation");
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].epilogue, (ops::Epilogue{true, 0, kInfinity}));
}

TEST(FuseResidualAdd, LeavesABranchThatIsClampedBeforeTheSum) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Add", "add", {b.node("Relu", "relu", {b.conv("conv", x, kWeights)}), x}));
  Graph graph = b.build();
  run_pass(graph, "fuse_activation");
  const PassLog log = run_pass(graph, "fuse_residual_add");
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_EQ(joined_lines(log),
            "left alone: node 'add' (Add): node 'conv' (Conv) already clamps or adds; nothing computes it\n");
}

TEST(FuseResidualAdd, LeavesSumsThatAreNoResidual) {
  const auto rewrites = [](const auto& make) {
    GraphBuilder b;
    make(b, b.input("x", kImage));
    Graph graph;
    return fuse(b, graph).rewrites;
  };
  EXPECT_EQ(rewrites([](GraphBuilder& b, ValueId x) {
              const ValueId conv = b.conv("conv", x, kWeights);
              b.output(b.node("Add", "add", {conv, conv}));
            }),
            0)
      << "both operands are the same result";
  EXPECT_EQ(rewrites([](GraphBuilder& b, ValueId x) {
              const ValueId conv = b.conv("conv", x, kWeights);
              b.output(b.node("Add", "add", {conv, x})).output(b.node("Relu", "relu", {conv}));
            }),
            0)
      << "somebody else needs the result without the sum";
  EXPECT_EQ(rewrites([](GraphBuilder& b, ValueId x) {
              b.output(b.node("Add", "add",
                              {b.conv("conv", x, kWeights), b.constant("c", whole_numbers(kImage, 8))}));
            }),
            0)
      << "a constant";
  EXPECT_EQ(rewrites([](GraphBuilder& b, ValueId x) {
              const ValueId mean = b.node("GlobalAveragePool", "mean", {x});
              b.output(b.node("Add", "add", {b.conv("conv", x, kWeights), mean}));
            }),
            0)
      << "broadcasting";
}

TEST(FuseResidualAdd, WaitsForShapesThatAreNotKnownYet) {
  GraphBuilder b;
  const ValueId x = b.input("x", {kAnyDim, 2, 4, 4});
  b.output(b.node("Add", "add", {b.conv("conv", x, kWeights), x}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fuse_residual_add").rewrites, 0);
  EXPECT_EQ(compile(b.build())->steps().size(),
            compile(b.build(), {.disabled_passes = {"fuse_residual_add"}})->steps().size() - 1);
}

TEST(FuseResidualAdd, TrustsASymbol) {
  GraphBuilder b;
  const ValueId x = b.input("x", {b.graph().symbol("N"), 2, 4, 4});
  b.output(b.node("Add", "add", {b.conv("conv", x, kWeights), x}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fuse_residual_add").rewrites, 1);
}

}  // namespace
}  // namespace godwit::engine
