// fold_quantization: what stands between dequantisation and quantisation is computed in 8-bit numbers. Scales
// are powers of two, so that real arithmetic on dequantised numbers is exact and both ways must agree bit for
// bit.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/engine/qdq_builder.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

const Shape kImage{2, 4, 6, 5};

Tensor image(const Shape& shape = kImage) { return support::random_tensor(shape, 3, -20, 100); }

PassLog fold(const QdqBuilder& b, Graph& graph, const Tensor& input = image()) {
  graph = b.build();
  const std::vector<Tensor> expected = evaluate_graph(graph, {input});
  run_pass(graph, "fuse_activation");
  PassLog log = run_pass(graph, "fold_quantization");
  run_pass(graph, "eliminate_dead");
  for (const auto& actual : {evaluate_graph(graph, {input}), run_graph(b.build(), {input})}) {
    expect_same(actual, expected);
  }
  return log;
}

TEST(FoldQuantization, ConvolutionsWithActivations) {
  for (const bool activated : {false, true}) {
    QdqBuilder b;
    const ValueId x = b.both("x", b.input("in", kImage), 0.5F, 10);
    ValueId y = b.node("Conv", "conv", {x, b.weights("w", {6, 4, 3, 3}), b.bias("b", 6)},
                       {{"pads", ints({1, 1, 1, 1})}});
    if (activated) y = b.node("Clip", "clip", {y, b.number("low", -1.0F), b.number("high", 6.0F)});
    b.output(b.both("y", y, 0.25F, 100));
    Graph graph;
    fold(b, graph);
    EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "QuantizedConv", "DequantizeLinear"}));
    EXPECT_EQ(graph.nodes[1].origins, activated ? (Names{"conv", "clip"}) : Names{"conv"});
  }
}

TEST(FoldQuantization, RealResultsWhereNobodyQuantises) {
  QdqBuilder b;
  const ValueId x = b.both("x", b.input("in", kImage), 0.5F, 10);
  b.output(b.node("Neg", "n", {b.node("Conv", "conv", {x, b.weights("w", {6, 4, 1, 1})})}));
  Graph graph;
  fold(b, graph);
  EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "QuantizedConv", "Neg"}));
}

TEST(FoldQuantization, FullyConnectedLayers) {
  for (const char* op : {"Gemm", "MatMul"}) {
    for (const bool transposed : {false, true}) {
      if (transposed && std::string_view(op) == "MatMul") continue;
      QdqBuilder b;
      const ValueId x = b.both("x", b.input("in", {3, 8}), 0.5F, 10);
      std::vector<ValueId> inputs{x, transposed ? b.weights("w", {6, 8}, 0) : b.weights("w", {8, 6}, 1)};
      if (std::string_view(op) == "Gemm") inputs.push_back(b.bias("b", 6));
      GraphBuilder::Attributes attributes;
      if (transposed) attributes.emplace_back("transB", std::int64_t{1});
      b.output(b.both("y", b.node(op, "fc", inputs, attributes), 1.0F, 100));
      Graph graph;
      fold(b, graph, image({3, 8}));
      EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "QuantizedMatMul", "DequantizeLinear"}));
    }
  }
}

// x → conv → + → relu, with x on the other side; `rounded`: the convolution's result is quantised by itself.
QdqBuilder block(bool swapped, bool later) {
  QdqBuilder b;
  const ValueId in = b.input("in", kImage);
  const ValueId x = b.quantize("x", in, 0.5F, 10);
  const ValueId conv = b.both(
      "conv_out", b.node("Conv", "conv", {b.dequantize("a", x, 0.5F, 10), b.weights("w", {4, 4, 1, 1})}),
      0.25F, 90);
  ValueId other = b.dequantize("r", x, 0.5F, 10);
  if (later) other = b.both("other_out", b.node("Sigmoid", "other", {other}), 1.0F / 256, 3);
  const ValueId sum = b.node("Add", "add", swapped ? std::vector{other, conv} : std::vector{conv, other});
  b.output(b.both("y", b.node("Relu", "relu", {sum}), 0.5F, 0));
  return b;
}

TEST(FoldQuantization, AResidualIsAddedInTheConvolution) {
  for (const bool swapped : {false, true}) {
    Graph graph;
    fold(block(swapped, false), graph);
    EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "QuantizedConv", "DequantizeLinear"}));
    EXPECT_TRUE(graph.nodes[1].epilogue.residual);
    EXPECT_EQ(graph.nodes[1].origins, (Names{"conv", "add", "relu"}));
  }
}

TEST(FoldQuantization, TheConvolutionMovesBehindTheResidual) {
  QdqBuilder b = block(false, true);
  Graph graph = b.build();
  run_pass(graph, "fuse_activation");
  run_pass(graph, "fold_quantization");
  run_pass(graph, "eliminate_dead");
  EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "DequantizeLinear", "Sigmoid", "QuantizeLinear",
                                  "QuantizedConv", "DequantizeLinear"}));
}

TEST(FoldQuantization, TheOtherBranchStaysWhereBothAreConvolutions) {
  QdqBuilder b;
  const ValueId x = b.quantize("x", b.input("in", kImage), 0.5F, 10);
  const auto branch = [&](const std::string& name) {
    const ValueId src = b.dequantize(name + ".a", x, 0.5F, 10);
    return b.both(name + ".out", b.node("Conv", name, {src, b.weights(name + ".w", {4, 4, 1, 1})}), 0.25F,
                  90);
  };
  b.output(b.both("y", b.node("Add", "add", {branch("first"), branch("second")}), 0.5F, 64));
  Graph graph;
  fold(b, graph);
  ASSERT_EQ(ops_of(graph), (Names{"QuantizeLinear", "QuantizedConv", "QuantizedConv", "DequantizeLinear"}));
  EXPECT_EQ(graph.nodes[2].origins, (Names{"second", "add"}));
}

TEST(FoldQuantization, PoolingAndMovementsKeepTheNumbers) {
  QdqBuilder b;
  const ValueId x = b.both("x", b.input("in", kImage), 0.5F, 10);
  const ValueId pooled =
      b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({2, 2})}, {"pads", ints({1, 1, 0, 0})}});
  const ValueId flat = b.node("Flatten", "flat", {b.both("p", pooled, 0.5F, 10)});
  b.output(b.both("f", flat, 0.5F, 10));
  Graph graph;
  fold(b, graph);
  EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "MaxPool", "Flatten", "DequantizeLinear"}));
}

TEST(FoldQuantization, AveragesOfNumbers) {
  const Shape square{2, 4, 4, 4};  // windows of 1, 2, 4 and 16 pixels: their means are exact
  for (const bool global : {false, true}) {
    for (const bool rounds : {false, true}) {
      QdqBuilder b;
      const ValueId x = b.both("x", b.input("in", square), 0.5F, 10);
      const ValueId pooled = global ? b.node("GlobalAveragePool", "pool", {x})
                                    : b.node("AveragePool", "pool", {x},
                                             {{"kernel_shape", ints({2, 2})}, {"pads", ints({1, 1, 0, 0})}});
      b.output(rounds ? b.both("y", pooled, 0.25F, 30) : pooled);
      Graph graph;
      fold(b, graph, image(square));
      Names names{"QuantizeLinear", "QuantizedAveragePool"};
      if (rounds) names.emplace_back("DequantizeLinear");
      EXPECT_EQ(ops_of(graph), names);
    }
  }
}

TEST(FoldQuantization, SumsThatNoConvolutionTakes) {
  QdqBuilder b;
  const ValueId x = b.both("x", b.input("in", kImage), 0.5F, 10);
  const ValueId pooled =
      b.both("p", b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({1, 1})}}), 0.5F, 10);
  b.output(b.both("y", b.node("Relu", "relu", {b.node("Add", "add", {x, pooled})}), 0.25F, 30));
  Graph graph;
  fold(b, graph);
  EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "MaxPool", "QuantizedAdd", "DequantizeLinear"}));
  EXPECT_EQ(graph.nodes[2].epilogue.minimum, 0.0F);
}

TEST(FoldQuantization, ConcatOfNumbersInStepsOfItsResult) {
  QdqBuilder b;
  const ValueId x = b.quantize("x", b.input("in", kImage), 0.5F, 10);
  const ValueId same = b.dequantize("same", x, 0.5F, 10);
  const ValueId conv = b.node("Conv", "conv", {b.dequantize("c", x, 0.5F, 10), b.weights("w", {6, 4, 1, 1})});
  const ValueId other = b.both("other", conv, 0.25F, 90);
  b.output(b.both("y", b.node("Concat", "concat", {same, other}, {{"axis", std::int64_t{1}}}), 0.5F, 10));
  Graph graph;
  fold(b, graph);
  EXPECT_EQ(ops_of(graph),
            (Names{"QuantizeLinear", "QuantizedConv", "Requantize", "Concat", "DequantizeLinear"}));
}

TEST(FoldQuantization, SignedActivationsBecomeUnsigned) {
  QdqBuilder b;
  const ValueId x = b.both<std::int8_t>("x", b.input("in", kImage), 0.5F, -20);
  const ValueId y = b.node("Conv", "conv", {x, b.weights("w", {6, 4, 3, 3})});
  b.output(b.both<std::int8_t>("y", y, 0.5F, 5));
  Graph graph;
  fold(b, graph);
  EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "QuantizedConv", "DequantizeLinear"}));
}

TEST(FoldQuantization, OnnxsOperatorsOnQuantizedNumbers) {
  QdqBuilder b;
  const ValueId x = b.quantize("x", b.input("in", kImage), 0.5F, 10);
  const auto conv = [&](const std::string& name, ValueId src, int weight_zero) {
    return b.node("QLinearConv", name,
                  {src, b.number(name + ".xs", 0.5F), b.zero<std::uint8_t>(name + ".xz", 10),
                   b.constant(name + ".w", support::random_tensor<std::int8_t>({4, 4, 1, 1}, 7, -7, 7)),
                   b.number(name + ".ws", 0.25F), b.zero<std::int8_t>(name + ".wz", weight_zero),
                   b.number(name + ".ys", 0.5F), b.zero<std::uint8_t>(name + ".yz", 10),
                   b.constant(name + ".b", support::random_tensor<std::int32_t>({4}, 8, -90, 90))});
  };
  b.output(b.dequantize("y", conv("second", conv("first", x, 0), 1), 0.5F, 10));
  Graph graph;
  const PassLog log = fold(b, graph);
  EXPECT_EQ(ops_of(graph), (Names{"QuantizeLinear", "QuantizedConv", "QLinearConv", "DequantizeLinear"}));
  EXPECT_EQ(log.lines[1], "left alone: node 'second' (QLinearConv): its weights have a zero point");
}

TEST(FoldQuantization, LeavesWhatItCannotDoExactly) {
  {
    QdqBuilder b;  // weights with a zero point
    const ValueId x = b.both("x", b.input("in", kImage), 0.5F, 10);
    const ValueId w = b.node("DequantizeLinear", "w",
                             {b.constant("w8", support::random_tensor<std::int8_t>({6, 4, 1, 1}, 7, -7, 7)),
                              b.number("ws", 0.5F), b.zero<std::int8_t>("wz", 3)});
    b.output(b.both("y", b.node("Conv", "conv", {x, w}), 0.25F, 100));
    Graph graph;
    const PassLog log = fold(b, graph);
    EXPECT_EQ(ops_of(graph),
              (Names{"QuantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"}));
    EXPECT_EQ(log.lines[0], "left alone: node 'conv' (Conv): its weights have a zero point");
  }
  {
    QdqBuilder b;  // more products than 32 bits are sure to hold
    const ValueId x = b.both("x", b.input("in", {1, 40000}), 0.5F, 10);
    b.output(b.node("MatMul", "fc", {x, b.weights("w", {40000, 2}, 1)}));
    Graph graph = b.build();
    EXPECT_EQ(run_pass(graph, "fold_quantization").lines[0],
              "left alone: node 'fc' (MatMul): its sums may not fit into 32 bits");
  }
  {
    QdqBuilder b;  // pooled numbers of another scale
    const ValueId x = b.both("x", b.input("in", kImage), 0.5F, 10);
    b.output(b.both("y", b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({2, 2})}}), 1.0F, 10));
    Graph graph;
    const PassLog log = fold(b, graph);
    EXPECT_EQ(log.lines[0],
              "left alone: node 'pool' (MaxPool): it is quantised otherwise in front than behind");
  }
}

// Scales of no power of two: half of the sums lie between two steps.
TEST(FoldQuantization, WhatIsAddedToItselfRoundsAsTheModelSays) {
  for (const bool behind_conv : {false, true}) {
    QdqBuilder b;
    ValueId x = b.both("x", b.input("in", kImage), 0.3F, 10);
    if (behind_conv) x = b.both("c", b.node("Conv", "conv", {x, b.weights("w", {4, 4, 1, 1})}), 0.7F, 100);
    b.output(b.both("y", b.node("Add", "sum", {x, x}), 1.2F, 10));
    Graph graph;
    const PassLog log = fold(b, graph);
    const auto left = [](const std::string& line) {
      return line.find("'sum'") != std::string::npos &&
             line.find("reads one tensor twice") != std::string::npos;
    };
    EXPECT_TRUE(std::ranges::any_of(log.lines, left));
    if (!behind_conv)
      expect_same(run_plan(compile(b.build(), {}), {image()}), evaluate_graph(b.build(), {image()}));
  }
}

TEST(FoldQuantization, PrecisionIsTheModelsOrWhatIsAskedFor) {
  QdqBuilder b;
  const ValueId x = b.both("x", b.input("in", kImage), 0.5F, 10);
  b.output(b.both("y", b.node("Conv", "conv", {x, b.weights("w", {6, 4, 1, 1})}), 0.25F, 100));
  CompileOptions options;
  EXPECT_EQ(compile(b.build(), options)->precision(), Precision::int8);
  options.precision = Precision::int8;
  EXPECT_EQ(compile(b.build(), options)->precision(), Precision::int8);
  options.precision = Precision::f32;
  const auto real = compile(b.build(), options);
  EXPECT_EQ(real->precision(), Precision::f32);
  for (const Step& step : real->steps()) EXPECT_NE(step.name, "w") << "weights are dequantised once";
  expect_same(run_plan(real, {image()}), evaluate_graph(b.build(), {image()}));

  GraphBuilder plain;
  plain.output(plain.conv("conv", plain.input("in", kImage), {6, 4, 1, 1}));
  options.precision = Precision::int8;
  EXPECT_EQ(error_of([&] { compile(plain.build(), options); }),
            "no layer of this model is in 8-bit numbers; 'godwit quantize' makes such a model");
}

}  // namespace
}  // namespace godwit::engine
