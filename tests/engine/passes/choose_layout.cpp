// choose_layout: channels-last inside, ONNX's order at the edges, few reorders in between.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/support/compare.h"

namespace godwit::engine {
namespace {

const Shape kImage{1, 4, 6, 6};
const Shape kWeights{4, 4, 3, 3};
const GraphBuilder::Attributes kSame{{"pads", ints({1, 1, 1, 1})}};

Graph chosen(const GraphBuilder& b) {
  Graph graph = b.build();
  run_pass(graph, "choose_layout");
  return graph;
}

std::int64_t reorders(const Graph& graph) { return std::ranges::count(ops_of(graph), "Reorder"); }

void expect_same_results(const GraphBuilder& b) {
  expect_pass_keeps_results(b.build(), "choose_layout", {whole_numbers(kImage, 5)});
}

TEST(ChooseLayout, ReordersAtTheEdgesOnly) {
  GraphBuilder b;
  ValueId x = b.conv("conv1", b.input("x", kImage), kWeights, kSame);
  x = b.node("Relu", "relu", {x});
  b.output(b.conv("conv2", x, kWeights, kSame));
  const Graph graph = chosen(b);
  EXPECT_EQ(ops_of(graph), (Names{"Reorder", "Conv", "Relu", "Conv", "Reorder"}));
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "conv2");
  EXPECT_EQ(graph.value(graph.outputs[0]).desc.layout, Layout::nchw);
  EXPECT_EQ(graph.value(graph.inputs[0]).desc.layout, Layout::nchw);
  for (std::size_t i = 1; i <= 3; ++i)
    EXPECT_EQ(graph.value(graph.nodes[i].outputs[0]).desc.layout, Layout::nhwc);
  EXPECT_EQ(graph.value(graph.nodes[1].inputs[1]).desc.layout, Layout::nchw) << "weights stay as they are";
  expect_same_results(b);
}

TEST(ChooseLayout, OneReorderForSeveralReaders) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Add", "y", {b.conv("a", x, kWeights, kSame), b.conv("b", x, kWeights, kSame)}));
  EXPECT_EQ(reorders(chosen(b)), 2);
  expect_same_results(b);
}

TEST(ChooseLayout, LeavesAGraphWithoutConvolutionsAlone) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Add", "y", {b.node("Relu", "relu", {x}), x}));
  EXPECT_EQ(reorders(chosen(b)), 0);
}

TEST(ChooseLayout, FollowersMixingBothTakeChannelsLast) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  const ValueId conv = b.conv("conv", x, kWeights, kSame);
  const ValueId relu = b.node("Relu", "relu", {b.input("z", kImage)});
  b.output(b.node("Concat", "y", {relu, conv}, {{"axis", std::int64_t{1}}}));
  const Graph graph = chosen(b);
  EXPECT_EQ(ops_of(graph), (Names{"Reorder", "Conv", "Relu", "Reorder", "Concat", "Reorder"}));
  expect_pass_keeps_results(b.build(), "choose_layout", {whole_numbers(kImage, 5), whole_numbers(kImage, 6)});
}

TEST(ChooseLayout, BehindAPooledImageNothingMoves) {
  GraphBuilder b;
  ValueId x = b.conv("conv", b.input("x", kImage), kWeights, kSame);
  x = b.node("GlobalAveragePool", "mean", {x});
  b.output(b.node("Flatten", "y", {x}));
  const Graph graph = chosen(b);
  EXPECT_EQ(ops_of(graph), (Names{"Reorder", "Conv", "GlobalAveragePool", "Reorder", "Flatten"}));
  // Reorder and Flatten of one pixel are the same bytes, and so no steps.
  const auto plan = compile(b.build());
  ASSERT_EQ(plan->steps().size(), 3U);
  EXPECT_EQ(plan->steps().back().dst[0].kind, Slot::Kind::output);
  expect_same_results(b);
}

TEST(ChooseLayout, AnOperatorThatNeedsOnnxOrderGetsIt) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", kImage), kWeights, kSame);
  const ValueId cut = b.node("Trilu", "cut", {conv});
  b.output(b.conv("conv2", cut, kWeights, kSame));
  const Graph graph = chosen(b);
  EXPECT_EQ(ops_of(graph), (Names{"Reorder", "Conv", "Reorder", "Trilu", "Reorder", "Conv", "Reorder"}));
  expect_same_results(b);
}

TEST(ChooseLayout, TransposeTakesItsOperandAsItLies) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", kImage), kWeights, kSame);
  const ValueId moved = b.node("Transpose", "moved", {conv}, {{"perm", ints({0, 1, 3, 2})}});
  b.output(b.conv("conv2", moved, kWeights, kSame));
  EXPECT_EQ(ops_of(chosen(b)), (Names{"Reorder", "Conv", "Transpose", "Conv", "Reorder"}));
  expect_same_results(b);
}

TEST(ChooseLayout, TranspositionsOfChannelsMoveNothing) {
  GraphBuilder b;
  ValueId x = b.conv("conv", b.input("x", kImage), kWeights, kSame);
  x = b.node("Transpose", "last", {x}, {{"perm", ints({0, 2, 3, 1})}});
  x = b.node("MatMul", "product", {x, b.constant("w", whole_numbers({4, 4}, 7))});
  x = b.node("Transpose", "first", {x}, {{"perm", ints({0, 3, 1, 2})}});
  b.output(b.conv("conv2", x, kWeights, kSame));
  EXPECT_EQ(ops_of(chosen(b)),
            (Names{"Reorder", "Conv", "Transpose", "MatMul", "Transpose", "Conv", "Reorder"}));
  EXPECT_EQ(compile(b.build())->steps().size(), 5U) << "two of them are views";
  expect_same_results(b);
}

TEST(ChooseLayout, LinesOfPixelsMoveNothing) {
  GraphBuilder b;
  ValueId x = b.conv("conv", b.input("x", kImage), kWeights, kSame);
  x = b.node("Reshape", "line", {x, b.integers("line shape", {0, 0, -1})});
  x = b.node("Transpose", "last", {x}, {{"perm", ints({0, 2, 1})}});
  x = b.node("MatMul", "product", {x, b.constant("w", whole_numbers({4, 4}, 7))});
  x = b.node("Transpose", "first", {x}, {{"perm", ints({0, 2, 1})}});
  x = b.node("Reshape", "image", {x, b.integers("image shape", {0, 0, 6, 6})});
  b.output(b.conv("conv2", x, kWeights, kSame));
  EXPECT_EQ(reorders(chosen(b)), 2);
  EXPECT_EQ(compile(b.build())->steps().size(), 5U);
  expect_same_results(b);
}

TEST(ChooseLayout, ConstantsAreReorderedNow) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", kImage), kWeights, kSame);
  const ValueId sum = b.node("Add", "sum", {conv, b.constant("c", whole_numbers(kImage, 9))});
  b.output(b.node("Mul", "y", {sum, b.constant("scale", whole_numbers({1, 4, 1, 1}, 10))}));
  const Graph graph = chosen(b);
  EXPECT_EQ(reorders(graph), 2);
  const Value& constant = graph.value(node_named(graph, "sum").inputs[1]);
  EXPECT_EQ(constant.desc.layout, Layout::nhwc);
  EXPECT_TRUE(same_bytes(*constant.constant, support::in_layout(whole_numbers(kImage, 9), Layout::nhwc)));
  const Tensor& scale = *graph.value(node_named(graph, "y").inputs[1]).constant;
  EXPECT_EQ(scale.desc().layout, Layout::nhwc);
  EXPECT_EQ(scale.data(), b.graph().value(b.graph().find_value("scale")).constant->data())
      << "the same bytes";
  expect_same_results(b);
}

TEST(ChooseLayout, ConstantsOfLowerRankKeepOnnxOrder) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", kImage), kWeights, kSame);
  b.output(b.node("Add", "y", {conv, b.constant("c", whole_numbers({4, 6, 6}, 9))}));
  const Graph graph = chosen(b);
  EXPECT_EQ(graph.value(node_named(graph, "y").inputs[1]).desc.layout, Layout::nchw);
  expect_same_results(b);
}

TEST(ChooseLayout, ResidualsAreChannelsLastToo) {
  GraphBuilder b;
  const ValueId x = b.input("x", kImage);
  b.output(b.node("Add", "y", {b.conv("conv", x, kWeights, kSame), x}));
  Graph graph = b.build();
  run_pass(graph, "fuse_residual_add");
  run_pass(graph, "choose_layout");
  EXPECT_EQ(ops_of(graph), (Names{"Reorder", "Conv", "Reorder"}));
  expect_same_results(b);
}

TEST(ChooseLayout, RunTwiceAddsNothing) {
  GraphBuilder b;
  b.output(b.conv("conv2", b.conv("conv1", b.input("x", kImage), kWeights), kWeights));
  Graph graph = chosen(b);
  const Names before = ops_of(graph);
  run_pass(graph, "choose_layout");
  EXPECT_EQ(ops_of(graph), before);
}

TEST(ChooseLayout, OneDimensionalConvolutions) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 3, 9});
  b.output(b.node("Relu", "y", {b.conv("conv", x, {5, 3, 3})}));
  EXPECT_EQ(ops_of(chosen(b)), (Names{"Reorder", "Conv", "Relu", "Reorder"}));
  expect_pass_keeps_results(b.build(), "choose_layout", {whole_numbers({2, 3, 9}, 1)});
}

}  // namespace
}  // namespace godwit::engine
