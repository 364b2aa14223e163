// fuse_bias: a constant added for each channel becomes a bias.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

constexpr std::int64_t kChannels = 5;

// Conv, Gemm or MatMul named "layer" with kChannels results, with a bias of its own or without.
struct Layer {
  const char* op;
  bool bias = true;
  GraphBuilder::Attributes attributes = {};
};
ValueId add_layer(GraphBuilder& b, const Layer& layer) {
  if (std::string_view(layer.op) == "Conv")
    return b.conv("layer", b.input("x", {2, 3, 4, 7}), {kChannels, 3, 3, 3}, layer.attributes, layer.bias);
  std::vector<ValueId> inputs{b.input("x", {4, 3}), b.constant("w", whole_numbers({3, kChannels}, 1))};
  if (layer.bias) inputs.push_back(b.constant("b", whole_numbers({kChannels}, 2)));
  return b.node(layer.op, "layer", std::move(inputs), layer.attributes);
}
Tensor input_of(const Layer& layer) {
  return std::string_view(layer.op) == "Conv" ? whole_numbers({2, 3, 4, 7}, 3) : whole_numbers({4, 3}, 3);
}

// The sum of the layer and a constant of this shape, on either side.
GraphBuilder sum(const Layer& layer, const Shape& shape, bool constant_first = false) {
  GraphBuilder b;
  std::vector<ValueId> operands{add_layer(b, layer), b.constant("c", whole_numbers(shape, 4))};
  if (constant_first) std::ranges::reverse(operands);
  b.output(b.node("Add", "add", operands));
  return b;
}

void expect_fused(const GraphBuilder& b, const Layer& layer, const char* op) {
  const std::vector<Tensor> inputs{input_of(layer)};
  Graph graph = b.build();
  const PassLog log = run_pass(graph, "fuse_bias");
  EXPECT_EQ(log.rewrites, 1) << joined_lines(log);
  ASSERT_EQ(ops_of(graph), Names{op});
  EXPECT_EQ(graph.nodes[0].origins, (Names{"layer", "add"}));
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "add");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).desc.shape, (Shape{kChannels}));
  expect_same(evaluate_graph(graph, inputs), evaluate_graph(b.build(), inputs));
  expect_pass_keeps_results(b.build(), "fuse_bias", inputs);
}

std::string left(const GraphBuilder& b) {
  Graph graph = b.build();
  const PassLog log = run_pass(graph, "fuse_bias");
  EXPECT_EQ(log.rewrites, 0);
  return joined_lines(log);
}

TEST(FuseBias, IntoAConvolution) {
  for (const bool bias : {false, true}) {
    const Layer layer{"Conv", bias};
    for (const Shape& shape : {Shape{1, kChannels, 1, 1}, Shape{kChannels, 1, 1}, Shape{1}, Shape{}}) {
      SCOPED_TRACE(shape.to_string());
      expect_fused(sum(layer, shape), layer, "Conv");
      expect_fused(sum(layer, shape, true), layer, "Conv");
    }
  }
}

TEST(FuseBias, IntoGemmWhateverItDoesToItsOwn) {
  for (const bool bias : {false, true}) {
    for (const float beta : {1.0F, 3.0F}) {
      const Layer layer{"Gemm", bias, {{"alpha", 2.0F}, {"beta", beta}}};
      for (const Shape& shape : {Shape{kChannels}, Shape{1, kChannels}, Shape{1, 1}, Shape{}}) {
        SCOPED_TRACE(shape.to_string());
        expect_fused(sum(layer, shape), layer, "Gemm");
      }
    }
  }
}

TEST(FuseBias, IntoGemmWithOneNumberOrOneRowAsBias) {
  for (const Shape& own : {Shape{}, Shape{1}, Shape{1, kChannels}}) {
    GraphBuilder b;
    const ValueId gemm = b.node("Gemm", "layer",
                                {b.input("x", {4, 3}), b.constant("w", whole_numbers({3, kChannels}, 1)),
                                 b.constant("b", whole_numbers(own, 2))});
    b.output(b.node("Add", "add", {gemm, b.constant("c", whole_numbers({kChannels}, 4))}));
    expect_fused(b, {"Gemm"}, "Gemm");
  }
}

TEST(FuseBias, AMatMulOfMatricesBecomesGemm) {
  const Layer layer{"MatMul", false};
  for (const Shape& shape : {Shape{kChannels}, Shape{1, kChannels}, Shape{1}}) {
    expect_fused(sum(layer, shape), layer, "Gemm");
    expect_fused(sum(layer, shape, true), layer, "Gemm");
  }
  Graph graph = sum(layer, {kChannels}).build();
  run_pass(graph, "fuse_bias");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).name, "c") << "it serves as it is";
}

TEST(FuseBias, TheBatchMayBeOpen) {
  GraphBuilder b;
  const ValueId x = b.input("x", {b.graph().symbol("N"), 3});
  const ValueId product = b.node("MatMul", "layer", {x, b.constant("w", whole_numbers({3, kChannels}, 1))});
  b.output(b.node("Add", "add", {product, b.constant("c", whole_numbers({kChannels}, 4))}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fuse_bias").rewrites, 1);
}

TEST(FuseBias, LetsNormalisationFoldBehindIt) {
  GraphBuilder b = sum({"Conv", false}, {1, kChannels, 1, 1});
  const ValueId added = b.graph().outputs[0];
  b.graph().outputs.clear();
  const ValueId ones = b.constant("ones", Tensor::of<float>({kChannels}, {1, 1, 1, 1, 1}));
  b.output(b.node("BatchNormalization", "norm", {added, ones, ones, ones, ones}, {{"epsilon", 0.0F}}));
  const auto plan = compile(b.build());
  const auto conv = std::ranges::find(plan->steps(), "norm", &Step::name);
  ASSERT_NE(conv, plan->steps().end());
  EXPECT_EQ(conv->origins, (Names{"layer", "add", "norm"}));
}

TEST(FuseBias, TakesTheClampOfTheSumWithIt) {
  const GraphBuilder b = sum({"Gemm"}, {kChannels});
  Graph graph = b.build();
  graph.nodes[1].epilogue.minimum = 0;
  run_pass(graph, "fuse_bias");
  ASSERT_EQ(ops_of(graph), Names{"Gemm"});
  EXPECT_EQ(graph.nodes[0].epilogue.minimum, 0);
}

TEST(FuseBias, LeavesWhatDiffersWithinAChannel) {
  const std::string conv = "left alone: node 'add' (Add) behind node 'layer' (Conv): ";
  const std::string within = "what is added differs within a channel\n";
  EXPECT_EQ(left(sum({"Conv"}, {kChannels})), conv + within) << "the result is as wide as it has channels";
  EXPECT_EQ(left(sum({"Conv"}, {1, kChannels, 2, 5})), conv + within);
  EXPECT_EQ(left(sum({"Conv"}, {2, kChannels, 1, 1})), conv + within);
  EXPECT_EQ(left(sum({"Conv"}, {1, 1, 1, 1, 1})), conv + within) << "the sum has one more dimension";
  EXPECT_EQ(left(sum({"Gemm"}, {4, 1})),
            "left alone: node 'add' (Add) behind node 'layer' (Gemm): " + within);
}

TEST(FuseBias, LeavesABiasThatIsComputedOrDiffersFromRowToRow) {
  GraphBuilder b;
  const ValueId w = b.constant("w", whole_numbers({3, kChannels}, 1));
  const ValueId c = b.constant("c", whole_numbers({kChannels}, 4));
  const ValueId gemm = b.node("Gemm", "gemm", {b.input("x", {4, 3}), w, b.input("b", {kChannels})});
  b.output(b.node("Add", "add", {gemm, c}));
  EXPECT_EQ(
      left(b),
      "left alone: node 'add' (Add) behind node 'gemm' (Gemm): its bias is not a constant f32 tensor\n");
  GraphBuilder rows;
  const ValueId each =
      rows.node("Gemm", "gemm",
                {rows.input("x", {4, 3}), rows.constant("w", whole_numbers({3, kChannels}, 1)),
                 rows.constant("b", whole_numbers({4, 1}, 2))});
  rows.output(rows.node("Add", "add", {each, rows.constant("c", whole_numbers({kChannels}, 4))}));
  EXPECT_EQ(left(rows),
            "left alone: node 'add' (Add) behind node 'gemm' (Gemm): its bias differs from row to row\n");
}

TEST(FuseBias, LeavesAMatMulThatGemmCannotDo) {
  const std::string behind = "left alone: node 'add' (Add) behind node 'product' (MatMul): ";
  const auto product = [](const Shape& a, const Shape& w, bool constant) {
    GraphBuilder b;
    const ValueId weights = constant ? b.constant("w", whole_numbers(w, 1)) : b.input("w", w);
    const ValueId result = b.node("MatMul", "product", {b.input("x", a), weights});
    b.output(b.node("Add", "add", {result, b.constant("c", whole_numbers({kChannels}, 4))}));
    return left(b);
  };
  EXPECT_EQ(product({2, 4, 3}, {3, kChannels}, true),
            behind + "it does not multiply two matrices, as Gemm does\n");
  EXPECT_EQ(product({4, 3}, {2, 3, kChannels}, true),
            behind + "it does not multiply two matrices, as Gemm does\n");
  EXPECT_EQ(product({4, 3}, {3, kChannels}, false), behind + "its weights are not a constant f32 tensor\n");
}

TEST(FuseBias, LeavesAResultThatOthersReadToo) {
  GraphBuilder b;
  const ValueId layer = add_layer(b, {"Conv"});
  b.output(b.node("Add", "add", {layer, b.number("c", 1)})).output(b.node("Relu", "relu", {layer}));
  EXPECT_EQ(
      left(b),
      "left alone: node 'add' (Add) behind node 'layer' (Conv): others read the result before the sum\n");
  GraphBuilder output;
  const ValueId seen = add_layer(output, {"Conv"});
  output.output(output.node("Add", "add", {seen, output.number("c", 1)})).output(seen);
  EXPECT_NE(left(output).find("others read the result"), std::string::npos);
}

TEST(FuseBias, LeavesSumsOfComputedTensorsAndOtherNodes) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 3, 4, 4});
  const ValueId relu = b.node("Relu", "relu", {x});
  b.output(b.node("Add", "add", {relu, b.number("c", 1)}));
  b.output(b.node("Add", "residual", {b.conv("conv", x, {3, 3, 1, 1}), x}));
  EXPECT_EQ(left(b), "");
}

}  // namespace
}  // namespace godwit::engine
