// The timed trial with made-up times: who wins, who is tried together, and on what.
#include "engine/trial.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

// Two convolutions of the same kind, another one, and a step that only one implementation can take.
GraphBuilder network(std::int64_t batch = 0) {
  GraphBuilder b;
  const std::int64_t images = batch > 0 ? batch : b.graph().symbol("N");
  const GraphBuilder::Attributes padded{{"pads", ints({1, 1, 1, 1})}};
  ValueId x = b.input("x", {images, 16, 9, 9});
  x = b.conv("first", x, {16, 16, 3, 3}, padded);
  x = b.conv("second", x, {16, 16, 3, 3}, padded);
  x = b.conv("third", x, {24, 16, 3, 3}, padded);
  b.output(b.node("GlobalAveragePool", "mean", {x}));
  return b;
}

std::vector<Tensor> some_inputs(const Plan& plan) {
  std::vector<Tensor> inputs;
  for (const PlanInput& input : plan.inputs()) inputs.push_back(whole_numbers(input.desc.shape, 1));
  return inputs;
}

// A clock that every test sets: seconds by step and implementation.
class Times {
 public:
  // Sets all steps.
  Times& set(const std::string& implementation, double seconds) {
    for (const char* step : {"first", "second", "third"}) times_[{step, implementation}] = seconds;
    return *this;
  }
  Times& set(const std::string& step, const std::string& implementation, double seconds) {
    times_[{step, implementation}] = seconds;
    return *this;
  }
  std::vector<double> operator()(const std::shared_ptr<const Plan>& plan) {
    std::vector<double> seconds;
    for (const Step& step : plan->steps()) {
      const std::string implementation(step.implementation);
      ++runs[implementation];
      const auto found = times_.find({step.name, implementation});
      seconds.push_back(found == times_.end() ? 0.0 : found->second);
    }
    batches.insert(plan->inputs()[0].desc.shape[0]);
    return seconds;
  }
  std::map<std::string, int> runs;  // steps run by each implementation
  std::set<std::int64_t> batches;

 private:
  std::map<std::pair<std::string, std::string>, double> times_;
};

Trial trial_of(const Graph& graph, Times& times, CompileOptions options = {}) {
  TrialOptions trial;
  trial.inputs = some_inputs;
  trial.time_steps = [&](const auto& plan) { return times(plan); };
  return run_trial(graph, options, trial);
}

std::string own_choice(const Graph& graph, const std::string& step) {
  const auto plan = compile(graph);
  return std::string(std::ranges::find(plan->steps(), step, &Step::name)->implementation);
}

// One that the op does not choose by itself.
std::string other_than(const std::string& own) { return own == "conv_gemm" ? "conv_winograd2" : "conv_gemm"; }

TEST(Trial, TheFastestWins) {
  const Graph graph = network().build();
  Times times;
  times.set("conv_winograd4", 3).set("conv_winograd2", 2).set("conv_gemm", 1);
  const Trial trial = trial_of(graph, times);
  ASSERT_EQ(trial.choices.steps.size(), 3U) << "the step with a single implementation is not tried";
  EXPECT_EQ(trial.kinds, 2U);
  const std::map<std::string, double> measured{
      {"conv_winograd4", 3}, {"conv_winograd2", 2}, {"conv_gemm", 1}};
  for (const auto& [step, choice] : trial.choices.steps) {
    EXPECT_EQ(choice.implementation, "conv_gemm") << step;
    EXPECT_EQ(choice.seconds, measured) << "the reference is not timed where something else accepts";
    EXPECT_EQ(trial.by_estimate.at(step), own_choice(graph, step));
  }
  EXPECT_EQ(trial.choices.precision, Precision::f32);
  EXPECT_EQ(trial.seconds_after, 3);
  CompileOptions options;
  options.choices = trial.choices;
  const auto plan = compile(graph, options);
  for (const Step& step : plan->steps()) {
    EXPECT_EQ(step.implementation == "conv_gemm", step.op->name == "Conv") << step.name;
  }
}

TEST(Trial, OnlyAClearMarginDisplacesTheOpsOwnChoice) {
  const Graph graph = network().build();
  const std::string own = own_choice(graph, "first"), other = other_than(own);
  for (const double seconds : {0.98, 0.96}) {
    Times times;
    times.set("conv_winograd4", 9).set("conv_winograd2", 9).set("conv_gemm", 9);
    times.set(own, 1).set(other, seconds);
    const Trial trial = trial_of(graph, times);
    EXPECT_EQ(trial.choices.steps.at("first").implementation, seconds < 0.97 ? other : own);
    EXPECT_EQ(trial.choices.steps.at("first").seconds.at(other), seconds);
  }
}

TEST(Trial, EqualWorkIsChosenTogether) {
  const Graph graph = network().build();
  const std::string own = own_choice(graph, "first"), other = other_than(own);
  ASSERT_EQ(own_choice(graph, "second"), own);
  Times times;
  times.set("conv_winograd4", 9).set("conv_winograd2", 9).set("conv_gemm", 9).set(own, 4);
  times.set("first", other, 5).set("second", other, 2);
  const Trial trial = trial_of(graph, times);
  for (const char* step : {"first", "second"}) {
    EXPECT_EQ(trial.choices.steps.at(step).implementation, other);
    EXPECT_EQ(trial.choices.steps.at(step).seconds.at(other), 3.5);
  }
  EXPECT_EQ(trial.choices.steps.at("third").implementation, own_choice(graph, "third"));
  EXPECT_EQ(trial.changed(), 2U);
  EXPECT_EQ(trial.seconds_before - trial.seconds_after, 8 - 7);
}

TEST(Trial, TheLeastTimeCounts) {
  const Graph graph = network().build();
  const std::string own = own_choice(graph, "first"), other = other_than(own);
  int runs = 0;
  TrialOptions trial;
  trial.inputs = some_inputs;
  trial.time_steps = [&](const std::shared_ptr<const Plan>& plan) {
    const double disturbed = ++runs % 5 == 0 ? 1.5 : 2.9;
    std::vector<double> seconds;
    for (const Step& step : plan->steps()) seconds.push_back(step.implementation == other ? disturbed : 2);
    return seconds;
  };
  const Choice choice = run_trial(graph, {}, trial).choices.steps.at("first");
  EXPECT_EQ(choice.implementation, other);
  EXPECT_EQ(choice.seconds.at(other), 1.5);
}

TEST(Trial, WhatIsHopelessRunsOnlyOnce) {
  const Graph graph = network().build();
  const std::string own = own_choice(graph, "first"), other = other_than(own);
  Times times;
  times.set("conv_winograd4", 50).set("conv_winograd2", 50).set("conv_gemm", 50).set(own, 1).set(other, 1.2);
  (void)trial_of(graph, times);
  for (const std::string way : {"conv_winograd4", "conv_winograd2", "conv_gemm"}) {
    if (way == own || way == other) {
      EXPECT_GE(times.runs[way], 3 * 2 * 4) << way;
    } else {
      EXPECT_EQ(times.runs[way], 3 * 2) << way;
    }
  }
}

TEST(Trial, RoundsKeepWithinTheirNumbers) {
  const Graph graph = network().build();
  for (const double seconds : {0.0, 1e9}) {
    Times times;
    times.set("conv_winograd4", 1).set("conv_winograd2", 1).set("conv_gemm", 1);
    int rounds = 0;
    TrialOptions trial;
    trial.seconds = seconds;
    trial.min_rounds = 2;
    trial.max_rounds = 5;
    trial.after_round = [&] { ++rounds; };
    trial.inputs = some_inputs;
    trial.time_steps = [&](const auto& plan) { return times(plan); };
    (void)run_trial(graph, {}, trial);
    EXPECT_EQ(rounds, 1 + (seconds > 0 ? 5 : 2));
  }
}

// One image, for any batch of the plan and any choice made before.
TEST(Trial, IsHeldOnOneImage) {
  Times times;
  times.set("conv_winograd4", 3).set("conv_winograd2", 2).set("conv_gemm", 1);
  CompileOptions options;
  options.shapes = {{"x", {3, 16, 9, 9}}};
  options.choices.steps["first"] = {"conv_winograd4"};
  const Trial three = trial_of(network().build(), times, options);
  EXPECT_EQ(times.batches, std::set<std::int64_t>{1});
  EXPECT_EQ(three.choices.steps.at("first").implementation, "conv_gemm");
  // Without the pass that shares packed weights too.
  options.disabled_passes = {"prepack_weights"};
  (void)trial_of(network().build(), times, options);
  EXPECT_EQ(times.batches, std::set<std::int64_t>{1});

  Times fixed;
  (void)trial_of(network(2).build(), fixed);
  EXPECT_EQ(fixed.batches, std::set<std::int64_t>{2}) << "the model takes no other number";
}

TEST(Trial, NothingToTryIsNoError) {
  GraphBuilder b;
  b.output(b.node("Relu", "y", {b.input("x", {1, 4})}));
  Times times;
  const Trial trial = trial_of(b.build(), times);
  EXPECT_TRUE(trial.choices.steps.empty());
  EXPECT_EQ(trial.changed(), 0U);
  EXPECT_TRUE(times.batches.empty()) << "nothing ran";
}

TEST(Trial, StepsOfTheSameNameAreLeftAlone) {
  Graph graph = network().build();
  for (Node& node : graph.nodes) {
    if (node.name == "third") node.origins = {"first"};
  }
  Times times;
  EXPECT_EQ(trial_of(graph, times).choices.steps.size(), 1U);
}

// With the real clock, of which nothing is expected but that it goes: what comes out compiles and runs.
TEST(Trial, RunsTheNetwork) {
  const Graph graph = network().build();
  TrialOptions trial;
  trial.inputs = some_inputs;
  trial.seconds = 0;
  const Trial result = run_trial(graph, {}, trial);
  ASSERT_EQ(result.choices.steps.size(), 3U);
  for (const auto& [step, choice] : result.choices.steps) {
    EXPECT_EQ(choice.seconds.size(), 3U);
    for (const auto& [implementation, seconds] : choice.seconds) {
      EXPECT_GT(seconds, 0) << step << " " << implementation;
      EXPECT_LT(seconds, 60) << step << " " << implementation;
    }
  }
  EXPECT_LE(result.seconds_after, result.seconds_before);
  CompileOptions options;
  options.choices = result.choices;
  const auto plan = compile(graph, options);
  const std::vector<Tensor> inputs = some_inputs(*plan);
  expect_same(run_plan(plan, inputs, 2), run_plan(plan, inputs, 1));
}

}  // namespace
}  // namespace godwit::engine
