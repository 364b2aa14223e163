// lower_reduce_mean: the mean over height and width becomes a pooling.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

// Means of 16 whole numbers are exact in f32.
GraphBuilder mean_of(std::initializer_list<std::int64_t> axes,
                     const GraphBuilder::Attributes& attributes = {}, const Shape& shape = {2, 3, 4, 4},
                     DType dtype = DType::f32) {
  GraphBuilder b;
  b.output(b.node("ReduceMean", "mean", {b.input("x", shape, dtype), b.integers("axes", axes)}, attributes));
  return b;
}

TEST(LowerReduceMean, OverHeightAndWidthHoweverTheyAreNamed) {
  for (const auto& axes : {ints({2, 3}), ints({3, 2}), ints({-2, -1}), ints({2, -1})}) {
    const GraphBuilder b = mean_of({axes[0], axes[1]});
    Graph graph = b.build();
    const PassLog log = run_pass(graph, "lower_reduce_mean");
    EXPECT_EQ(joined_lines(log), "node 'mean' (ReduceMean) is a GlobalAveragePool\n");
    EXPECT_EQ(log.rewrites, 1);
    ASSERT_EQ(ops_of(graph), Names{"GlobalAveragePool"});
    EXPECT_EQ(graph.nodes[0].inputs.size(), 1U);
    EXPECT_EQ(graph.nodes[0].origins, Names{"mean"});
    const std::vector<Tensor> inputs{whole_numbers({2, 3, 4, 4}, 1)};
    expect_same(evaluate_graph(graph, inputs), evaluate_graph(b.build(), inputs));
    expect_pass_keeps_results(b.build(), "lower_reduce_mean", inputs);
  }
}

TEST(LowerReduceMean, BeforeShapesAreBound) {
  GraphBuilder b;
  const ValueId x = b.input("x", {b.graph().symbol("N"), 3, b.graph().symbol("H"), b.graph().symbol("W")});
  b.output(b.node("ReduceMean", "mean", {x, b.integers("axes", {2, 3})}, {{"keepdims", std::int64_t{1}}}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "lower_reduce_mean").rewrites, 1);
}

TEST(LowerReduceMean, RunsOnTheKernelOfThePooling) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", {1, 2, 4, 4}), {4, 2, 1, 1});
  b.output(b.node("ReduceMean", "mean", {conv, b.integers("axes", {2, 3})}));
  const auto plan = compile(b.build());
  EXPECT_EQ(std::ranges::count(plan->steps(), "global_average_pool_nhwc", &Step::implementation), 1);
  expect_pass_keeps_results(b.build(), "lower_reduce_mean", {whole_numbers({1, 2, 4, 4}, 1)});
}

TEST(LowerReduceMean, LeavesOtherMeans) {
  const auto left = [](const GraphBuilder& b) {
    Graph graph = b.build();
    const PassLog log = run_pass(graph, "lower_reduce_mean");
    EXPECT_EQ(log.rewrites, 0);
    EXPECT_EQ(ops_of(graph), Names{"ReduceMean"});
    return joined_lines(log);
  };
  EXPECT_EQ(left(mean_of({2, 3}, {{"keepdims", std::int64_t{0}}})),
            "left alone: node 'mean' (ReduceMean): it drops the axes, which GlobalAveragePool keeps\n");
  EXPECT_EQ(left(mean_of({2, 3}, {}, {2, 3, 4, 4}, DType::s32)),
            "left alone: node 'mean' (ReduceMean): GlobalAveragePool takes no s32\n");
  EXPECT_EQ(left(mean_of({1, 2})), "");
  EXPECT_EQ(left(mean_of({3})), "");
  EXPECT_EQ(left(mean_of({1, 2, 3})), "");
  EXPECT_EQ(left(mean_of({2}, {}, {2, 3, 4})), "");
  EXPECT_EQ(left(mean_of({2, 3}, {}, {2, 3, 4, 4, 2})), "");
  GraphBuilder all;
  all.output(all.node("ReduceMean", "mean", {all.input("x", {2, 3, 4, 4})}));
  EXPECT_EQ(left(all), "");
  GraphBuilder computed;
  computed.output(computed.node(
      "ReduceMean", "mean", {computed.input("x", {2, 3, 4, 4}), computed.input("axes", {2}, DType::s64)}));
  EXPECT_EQ(left(computed), "");
}

}  // namespace
}  // namespace godwit::engine
