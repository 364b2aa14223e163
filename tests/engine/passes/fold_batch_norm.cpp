// fold_batch_norm: normalisation becomes weights and bias.
#include <cmath>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/tolerance.h"

namespace godwit::engine {
namespace {

ValueId add_norm(GraphBuilder& b, ValueId src, std::int64_t channels, std::uint64_t seed = 50) {
  const Shape shape{channels};
  return b.node("BatchNormalization", "norm",
                {src, b.constant("scale", support::random_tensor(shape, seed, -2, 2)),
                 b.constant("shift", support::random_tensor(shape, seed + 1)),
                 b.constant("mean", support::random_tensor(shape, seed + 2)),
                 b.constant("variance", support::random_tensor(shape, seed + 3, 0.25, 4))},
                {{"epsilon", 1e-3F}});
}

// Both ways are sums of `length` products with a few roundings for bias, scale and shift (folding rounds each
// weight once more): gamma(length + 8) each, relative to the sum of absolute values. Operands of the sum are
// below 4 in magnitude and weights and inputs below 1; |factor| <= 2 / sqrt(0.25) = 4; bias, mean and shift
// are below 4.
support::Bound bound(std::int64_t length) {
  const double magnitude = (static_cast<double>(length) + 4 + 1) * 4 + 1;
  return [=](const support::Element&) { return 2 * support::gamma(length + 8) * magnitude; };
}

void expect_folded(const GraphBuilder& b, const Tensor& input, std::int64_t length) {
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_batch_norm").rewrites, 1);
  EXPECT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].origins, (Names{"layer", "norm"}));
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "norm");
  support::expect_close(evaluate_graph(graph, {input})[0], evaluate_graph(b.build(), {input})[0],
                        bound(length));
  CompileOptions without;
  without.disabled_passes = {"fold_batch_norm"};
  support::expect_close(run_graph(b.build(), {input})[0], run_graph(b.build(), {input}, without)[0],
                        bound(length));
}

TEST(FoldBatchNorm, IntoAConvolutionWithBias) {
  GraphBuilder b;
  const ValueId conv =
      b.node("Conv", "layer",
             {b.input("x", {1, 3, 5, 5}), b.constant("w", support::random_tensor({4, 3, 3, 3}, 1)),
              b.constant("b", support::random_tensor({4}, 2))});
  b.output(add_norm(b, conv, 4));
  expect_folded(b, support::random_tensor({1, 3, 5, 5}, 3), 27);
  Graph graph = b.build();
  run_pass(graph, "fold_batch_norm");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[1]).name, "w*norm");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).name, "b*norm");
}

TEST(FoldBatchNorm, IntoAGroupedConvolutionWithoutBias) {
  GraphBuilder b;
  const ValueId conv = b.node(
      "Conv", "layer", {b.input("x", {2, 4, 5, 5}), b.constant("w", support::random_tensor({8, 2, 3, 3}, 1))},
      {{"group", std::int64_t{2}}});
  b.output(add_norm(b, conv, 8));
  expect_folded(b, support::random_tensor({2, 4, 5, 5}, 3), 18);
  Graph graph = b.build();
  run_pass(graph, "fold_batch_norm");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).name, "shift*norm");
}

TEST(FoldBatchNorm, IntoGemmOfEitherOrientation) {
  for (const bool transposed : {false, true}) {
    GraphBuilder b;
    const Shape weights = transposed ? Shape{4, 6} : Shape{6, 4};
    const ValueId gemm = b.node("Gemm", "layer",
                                {b.input("x", {3, 6}), b.constant("w", support::random_tensor(weights, 1)),
                                 b.constant("c", support::random_tensor({1, 4}, 2))},
                                {{"transB", std::int64_t{transposed}}, {"alpha", 0.5F}, {"beta", 2.0F}});
    b.output(add_norm(b, gemm, 4));
    expect_folded(b, support::random_tensor({3, 6}, 3), 6);
  }
}

TEST(FoldBatchNorm, IntoGemmWithOneNumberAsBias) {
  GraphBuilder b;
  const ValueId gemm =
      b.node("Gemm", "layer",
             {b.input("x", {3, 6}), b.constant("w", support::random_tensor({6, 4}, 1)), b.number("c", 0.5F)});
  b.output(add_norm(b, gemm, 4));
  expect_folded(b, support::random_tensor({3, 6}, 3), 6);
}

TEST(FoldBatchNorm, LeavesAResultThatOthersReadToo) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", {1, 2, 4, 4}), {4, 2, 1, 1});
  b.output(add_norm(b, conv, 4)).output(b.node("Relu", "relu", {conv}));
  Graph graph = b.build();
  const PassLog log = run_pass(graph, "fold_batch_norm");
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_EQ(joined_lines(log),
            "left alone: node 'norm' (BatchNormalization) behind node 'conv' (Conv): others read the "
            "result before it is normalised\n");
}

TEST(FoldBatchNorm, LeavesAnActivationInBetween) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", {1, 2, 4, 4}), {4, 2, 1, 1});
  b.output(add_norm(b, b.node("Relu", "relu", {conv}), 4));
  Graph graph = b.build();
  run_pass(graph, "fuse_activation");
  const PassLog log = run_pass(graph, "fold_batch_norm");
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_NE(joined_lines(log).find("it already clamps or adds"), std::string::npos);
}

TEST(FoldBatchNorm, LeavesWeightsAndParametersThatAreComputed) {
  GraphBuilder b;
  const ValueId weights = b.input("w", {4, 2, 1, 1});
  const ValueId conv = b.node("Conv", "conv", {b.input("x", {1, 2, 4, 4}), weights});
  b.output(add_norm(b, conv, 4));
  Graph graph = b.build();
  EXPECT_NE(joined_lines(run_pass(graph, "fold_batch_norm")).find("its weights are not a constant"),
            std::string::npos);

  GraphBuilder c;
  const ValueId mean = c.input("mean", {4});
  const ValueId fixed = c.conv("conv", c.input("x", {1, 2, 4, 4}), {4, 2, 1, 1});
  const ValueId ones = c.constant("ones", Tensor::of<float>({4}, {1, 1, 1, 1}));
  c.output(c.node("BatchNormalization", "norm", {fixed, ones, ones, mean, ones}));
  graph = c.build();
  EXPECT_NE(joined_lines(run_pass(graph, "fold_batch_norm")).find("a parameter is not a constant"),
            std::string::npos);
}

TEST(FoldBatchNorm, LeavesAGemmWhoseBiasDiffersFromRowToRow) {
  GraphBuilder b;
  const ValueId gemm = b.node("Gemm", "layer",
                              {b.input("x", {3, 6}), b.constant("w", support::random_tensor({6, 4}, 1)),
                               b.constant("c", support::random_tensor({3, 4}, 2))});
  b.output(add_norm(b, gemm, 4));
  Graph graph = b.build();
  EXPECT_NE(joined_lines(run_pass(graph, "fold_batch_norm")).find("differs from row to row"),
            std::string::npos);
}

}  // namespace
}  // namespace godwit::engine
