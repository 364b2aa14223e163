// The list of passes as a whole: order, switches, reports, and the same answers with any one of them off.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

// A little of everything that passes look for.
GraphBuilder residual_network() {
  GraphBuilder b;
  ValueId x = b.input("x", {b.graph().symbol("N"), 3, 12, 12});
  x = b.node("Pad", "pad", {x, b.integers("pads", {0, 0, 1, 1, 0, 0, 1, 1})});
  x = b.conv("stem", x, {4, 3, 3, 3});
  const ValueId ones = b.constant("ones", Tensor::of<float>({4}, {1, 1, 1, 1}));
  const ValueId fours = b.constant("fours", Tensor::of<float>({4}, {4, 4, 4, 4}));
  // Epsilon 0 and a variance of 4 make the factor exactly one half.
  x = b.node("BatchNormalization", "norm", {x, ones, ones, ones, fours}, {{"epsilon", 0.0F}});
  x = b.node("Relu", "relu", {x});
  x = b.node("Pad", "pad2", {x, b.integers("pads2", {0, 0, 1, 1, 0, 0, 1, 1})});
  x = b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({3, 3})}, {"strides", ints({2, 2})}});
  const ValueId branch = b.conv("branch", x, {4, 4, 1, 1});
  x = b.node("Relu", "block", {b.node("Add", "add", {branch, x})});
  x = b.node("Identity", "identity", {x});
  b.node("Sigmoid", "dead", {x});
  x = b.node("MaxPool", "pool2", {x}, {{"kernel_shape", ints({6, 6})}});
  x = b.node("Flatten", "flat", {x});
  x = b.node("Gemm", "fc",
             {x, b.constant("fc.weights", whole_numbers({4, 5}, 30)),
              b.constant("fc.bias", whole_numbers({5}, 31))});
  b.output(x);
  return b;
}

TEST(Pipeline, EveryPassOffAloneGivesTheSameAnswer) {
  const Graph graph = residual_network().build();
  Graph bound = graph;
  bind_input(bound, "x", {2, 3, 12, 12});
  infer_shapes(bound);
  const std::vector<Tensor> inputs{whole_numbers({2, 3, 12, 12}, 40)};
  const std::vector<Tensor> expected = evaluate_graph(bound, inputs);
  CompileOptions options;
  options.shapes = {{"x", {2, 3, 12, 12}}};
  expect_same(run_graph(graph, inputs, options, 2), expected);
  Names all;
  for (const Pass& pass : pipeline()) {
    SCOPED_TRACE(pass.name);
    options.disabled_passes = {std::string(pass.name)};
    all.emplace_back(pass.name);
    const auto plan = compile(graph, options);
    for (const PassReport& report : plan->passes()) EXPECT_NE(report.name, pass.name);
    expect_same(run_plan(plan, inputs), expected);
  }
  options.disabled_passes = all;
  expect_same(run_graph(graph, inputs, options), expected);
}

TEST(Pipeline, StopAfterBisects) {
  const Graph graph = residual_network().build();
  const std::vector<Tensor> inputs{whole_numbers({1, 3, 12, 12}, 40)};
  CompileOptions options;
  const std::vector<Tensor> expected = run_graph(graph, inputs, options);
  for (int count = 0; count <= static_cast<int>(pipeline().size()); ++count) {
    options.stop_after = count;
    const auto plan = compile(graph, options);
    EXPECT_EQ(plan->passes().size(), static_cast<std::size_t>(count));
    expect_same(run_plan(plan, inputs), expected);
  }
}

TEST(Pipeline, LeavesFewStepsOfAResidualNetwork) {
  const auto plan = compile(residual_network().build());
  Names names;
  for (const Step& step : plan->steps()) names.push_back(step.name);
  EXPECT_EQ(names, (Names{"reorder x", "relu", "pool", "block", "pool2", "fc"}));
  EXPECT_EQ(plan->steps()[1].origins, (Names{"pad", "stem", "norm", "relu"}));
  EXPECT_EQ(plan->steps()[2].origins, (Names{"pad2", "pool"}));
  EXPECT_EQ(plan->steps()[3].origins, (Names{"branch", "add", "block"}));
}

TEST(Pipeline, ReportsEachPassOnceWithBothItsRuns) {
  const auto plan = compile(residual_network().build());
  ASSERT_EQ(plan->passes().size(), pipeline().size());
  for (std::size_t i = 0; i < pipeline().size(); ++i) EXPECT_EQ(plan->passes()[i].name, pipeline()[i].name);
  const auto report = std::ranges::find(plan->passes(), "fold_batch_norm", &PassReport::name);
  EXPECT_EQ(report->log.rewrites, 1);
  EXPECT_EQ(joined_lines(report->log), "node 'norm' (BatchNormalization) into node 'stem' (Conv)\n");
}

TEST(Pipeline, RunsOnlyWhatNeedsNoShapesBeforeTheyAreBound) {
  Graph graph = residual_network().build();
  const auto reports = run_pipeline(graph, {}, {.shapes_bound = false});
  EXPECT_EQ(reports.size(), 17U);
  EXPECT_EQ(reports.back().name, "eliminate_dead");
}

TEST(Pipeline, UnknownPassesAreRefused) {
  Graph graph = residual_network().build();
  const std::string error = error_of([&] { run_pipeline(graph, {}, {.disabled = {"fold_nothing"}}); });
  EXPECT_TRUE(error.starts_with("there is no pass 'fold_nothing'; the passes are: fold_constants, "))
      << error;
}

}  // namespace
}  // namespace godwit::engine
