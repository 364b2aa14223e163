// Compiling: outputs, shapes and layouts asked for, views and copies, weights shared between plans, memory.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/session.h"
#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/random.h"
#include "tests/support/tolerance.h"

namespace godwit::engine {
namespace {

GraphBuilder two_outputs() {
  GraphBuilder b;
  const ValueId x = b.input("x", {b.graph().symbol("N"), 2, 4, 4});
  const ValueId a = b.conv("a", x, {2, 2, 1, 1});
  b.output(b.node("Relu", "y", {a})).output(b.node("Sigmoid", "z", {b.conv("c", a, {2, 2, 3, 3})}));
  return b;
}

TEST(Compile, ComputesOnlyTheOutputsAskedFor) {
  const Graph graph = two_outputs().build();
  const auto all = compile(graph);
  ASSERT_EQ(all->outputs().size(), 2U);
  EXPECT_EQ(all->inputs()[0].desc.shape, (Shape{1, 2, 4, 4})) << "unknown dimensions are 1";

  CompileOptions options;
  options.outputs = {"y"};
  const auto one = compile(graph, options);
  ASSERT_EQ(one->outputs().size(), 1U);
  EXPECT_EQ(one->outputs()[0].name, "y");
  for (const Step& step : one->steps()) EXPECT_NE(step.name, "z");
  const std::vector<Tensor> inputs{whole_numbers({1, 2, 4, 4}, 1)};
  EXPECT_TRUE(same_bytes(run_plan(one, inputs)[0], run_plan(all, inputs)[0]));
}

TEST(Compile, AnyTensorCanBeAskedFor) {
  const Graph graph = two_outputs().build();
  CompileOptions options;
  options.outputs = {"z", "a", "x", "a.bias"};
  const std::vector<Tensor> inputs{whole_numbers({1, 2, 4, 4}, 1)};
  Graph bound = graph;
  bind_input(bound, "x", {1, 2, 4, 4});
  infer_shapes(bound);
  bound.outputs.clear();
  for (const std::string& name : options.outputs) bound.outputs.push_back(bound.find_value(name));
  const auto plan = compile(graph, options);
  const std::vector<Tensor> results = run_plan(plan, inputs);
  ASSERT_EQ(results.size(), 4U);
  const std::vector<Tensor> expected = evaluate_graph(bound, inputs);
  for (std::size_t i = 1; i < 4; ++i) support::expect_close(results[i], expected[i], support::exact(), "", i);
  EXPECT_EQ(plan->outputs()[2].name, "x");
}

TEST(Compile, RefusesWhatTheModelDoesNotHave) {
  const Graph graph = two_outputs().build();
  const auto error = [&](const CompileOptions& options) {
    return error_of([&] { (void)compile(graph, options); });
  };
  EXPECT_EQ(error({.outputs = {"w"}}), "the model has no output or other tensor 'w'; its outputs are: y, z");
  EXPECT_EQ(error({.outputs = {"y", "y"}}), "output 'y' is asked for twice");
  EXPECT_EQ(error({.shapes = {{"w", {1}}}}), "the model has no input 'w'; its inputs are: x");
  EXPECT_EQ(error({.shapes = {{"x", {1, 3, 4, 4}}}}),
            "input 'x': shape 1x3x4x4 does not fit the model's Nx2x4x4");
  EXPECT_EQ(error({.input_layouts = {{"w", Layout::nhwc}}}), "the model has no input 'w'; its inputs are: x");
  EXPECT_TRUE(error({.disabled_passes = {"none"}}).starts_with("there is no pass 'none'"));
}

TEST(Compile, LeavesOutImplementations) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 16, 24, 24});
  b.output(b.conv("conv", x, {16, 16, 3, 3}, {{"pads", ints({1, 1, 1, 1})}}));
  const Graph graph = b.build();
  const auto step_with = [&](const std::vector<std::string>& without) {
    CompileOptions options;
    options.target.without = without;
    const auto plan = compile(graph, options);
    const Step& step = *std::ranges::find(plan->steps(), "conv", &Step::name);
    for (const ops::Candidate& candidate : step.candidates) {
      const bool left_out = std::ranges::find(without, candidate.implementation) != without.end();
      EXPECT_EQ(candidate.rejected == "left out (--without)", left_out) << candidate.implementation;
    }
    const std::vector<Tensor> inputs{whole_numbers({1, 16, 24, 24}, 1)};
    if (std::ranges::find(without, "conv_winograd4") != without.end()) {
      expect_same(run_plan(plan, inputs), evaluate_graph(graph, inputs));  // whole numbers are exact then
    }
    return std::string(step.implementation);
  };
  EXPECT_EQ(step_with({"conv_gemm", "conv_winograd2"}), "conv_winograd4");
  EXPECT_EQ(step_with({"conv_winograd4", "conv_winograd2"}), "conv_gemm");
  std::vector<std::string> all;
  for (const std::string_view name : ops::implementation_names()) all.emplace_back(name);
  EXPECT_EQ(step_with(all), "reference");
}

TEST(Compile, RefusesToLeaveOutWhatThereIsNot) {
  const auto error = [](const std::string& name) {
    CompileOptions options;
    options.target.without = {name};
    return error_of([&] { (void)compile(two_outputs().build(), options); });
  };
  EXPECT_TRUE(
      error("conv_winogard4")
          .starts_with(
              "there is no implementation 'conv_winogard4'; did you mean 'conv_winograd4'? (there are "))
      << error("conv_winogard4");
  EXPECT_NE(error("nothing_like_it").find(", conv_gemm, "), std::string::npos);
  EXPECT_EQ(error("nothing_like_it").find("did you mean"), std::string::npos);
  EXPECT_EQ(error("reference"),
            "the reference cannot be left out: it runs what no other implementation takes");
}

TEST(Compile, RefusesAnInputWithoutRankAndALayoutOfAVector) {
  GraphBuilder b;
  b.output(b.node("Relu", "y", {b.input("x", Shape::unranked())}));
  EXPECT_EQ(error_of([&] { (void)compile(b.build()); }),
            "input 'x' has no number of dimensions in the model; its shape must be given");
  CompileOptions options;
  options.shapes = {{"x", {3}}};
  EXPECT_EQ(error_of([&] { (void)compile(b.build(), options); }), "");
  options.input_layouts = {{"x", Layout::nhwc}};
  EXPECT_EQ(error_of([&] { (void)compile(b.build(), options); }),
            "input 'x' has shape 3; only 3 to 5 dimensions can be nhwc");
}

TEST(Compile, TakesAShapeThatDependsOnData) {
  GraphBuilder b;
  const ValueId shape = b.input("shape", {2}, DType::s64);
  b.output(b.node("Reshape", "y", {b.input("x", {6}), shape}));
  Session session(compile(b.build()), {1});
  for (const Shape& wanted : {Shape{2, 3}, Shape{6, 1}}) {
    const std::vector<Tensor> src{support::integers({wanted[0], wanted[1]}), support::counting({6})};
    EXPECT_EQ(session.run(src)[0].shape(), wanted);
  }
}

TEST(Compile, InputsMayBeChannelsLast) {
  const Graph graph = two_outputs().build();
  const Tensor image = whole_numbers({1, 2, 4, 4}, 1);
  const std::vector<Tensor> expected = run_graph(graph, {image});
  CompileOptions options;
  options.input_layouts = {{"x", Layout::nhwc}};
  const auto plan = compile(graph, options);
  EXPECT_EQ(plan->inputs()[0].desc.layout, Layout::nhwc);
  EXPECT_EQ(plan->steps()[0].name, "a") << "no reorder is left in front";
  const Tensor nhwc = support::in_layout(image, Layout::nhwc);
  expect_same(run_plan(plan, {nhwc}), expected);
  options.disabled_passes = {"choose_layout"};
  expect_same(run_plan(compile(graph, options), {nhwc}), expected);
  options.outputs = {"x"};
  expect_same(run_plan(compile(graph, options), {nhwc}), {image});
  options.disabled_passes.clear();
  expect_same(run_plan(compile(graph, options), {nhwc}), {image});
}

TEST(Compile, ViewsAreNoSteps) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 3, 4});
  const ValueId relu = b.node("Relu", "relu", {b.node("Reshape", "flat", {x, b.integers("s", {6, 4})})});
  const ValueId y = b.node("Reshape", "y", {relu, b.integers("t", {24})});
  b.output(y);
  const auto plan = compile(b.build());
  ASSERT_EQ(plan->steps().size(), 1U);
  EXPECT_EQ(plan->steps()[0].src[0].kind, Slot::Kind::input);
  EXPECT_EQ(plan->steps()[0].dst[0].kind, Slot::Kind::output);
  EXPECT_EQ(plan->memory().arena_bytes, 0U);
  const std::vector<Tensor> inputs{whole_numbers({2, 3, 4}, 1)};
  expect_same(run_plan(plan, inputs), evaluate_graph(b.build(), inputs));
}

TEST(Compile, CopiesWhereAnOutputHasNoStepOfItsOwn) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 3});
  const ValueId relu = b.node("Relu", "relu", {x});
  b.output(b.node("Reshape", "of input", {x, b.integers("s", {6})}));
  b.output(relu).output(b.node("Reshape", "of output", {relu, b.integers("t", {3, 2})}));
  b.output(b.node("Identity", "of constant", {b.constant("c", whole_numbers({4}, 3))}));
  const auto plan = compile(b.build());
  Names names;
  for (const Step& step : plan->steps()) names.push_back(step.name);
  EXPECT_EQ(names, (Names{"relu", "copy to of input", "copy to of output", "copy to of constant"}));
  const std::vector<Tensor> inputs{whole_numbers({2, 3}, 1)};
  expect_same(run_plan(plan, inputs), evaluate_graph(b.build(), inputs));
}

TEST(Compile, StepsTellWhatWasChosenAndWhy) {
  const auto plan = compile(two_outputs().build());
  for (const Step& step : plan->steps()) {
    EXPECT_EQ(std::ranges::count_if(step.candidates, &ops::Candidate::chosen), 1) << step.name;
    EXPECT_EQ(step.candidates.back().implementation, "reference");
    const auto chosen = std::ranges::find_if(step.candidates, &ops::Candidate::chosen);
    EXPECT_EQ(chosen->implementation, step.implementation);
    for (auto before = step.candidates.begin(); before != chosen; ++before) EXPECT_NE(before->rejected, "");
  }
  EXPECT_EQ(plan->cost().macs, 1 * 2 * 2 * 16 + 2 * 2 * 9 * 4);
}

// Weights are packed once, however many shapes a model is compiled for.
TEST(Compile, PlansOfOtherShapesShareWeights) {
  GraphBuilder b;
  const ValueId x = b.input("x", {b.graph().symbol("N"), 16, 8, 8});
  b.output(b.node("Relu", "y", {b.conv("conv", x, {32, 16, 3, 3})}));
  const auto one = compile(b.build());
  const auto three = one->with_shapes({{"x", {3, 16, 8, 8}}});
  EXPECT_EQ(three->inputs()[0].desc.shape, (Shape{3, 16, 8, 8}));
  EXPECT_EQ(three->memory().packed_weight_bytes, one->memory().packed_weight_bytes);
  EXPECT_EQ(three->passes().size(), one->passes().size());

  const Tensor images = whole_numbers({3, 16, 8, 8}, 5);
  const Tensor together = run_plan(three, {images})[0];
  const auto size = static_cast<std::size_t>(together.shape().elements()) / 3;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto image = images.values<float>().subspan(i * 1024, 1024);
    const Tensor alone = run_plan(one, {Tensor::of({1, 16, 8, 8}, image)})[0];
    EXPECT_EQ(std::memcmp(alone.data(), together.values<float>().subspan(i * size).data(), alone.bytes()), 0);
  }
}

TEST(Compile, WithoutPrepackEveryPlanPacksForItself) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 16, 8, 8});
  b.output(b.conv("conv", x, {32, 16, 3, 3}));
  const auto shared = compile(b.build());
  if (shared->memory().packed_weight_bytes == 0) GTEST_SKIP() << "no implementation packs weights here";
  const auto packed = std::ranges::find(shared->passes(), "prepack_weights", &PassReport::name);
  EXPECT_EQ(packed->log.rewrites, 1);
  CompileOptions options;
  options.disabled_passes = {"prepack_weights"};
  const auto own = compile(b.build(), options);
  EXPECT_EQ(own->memory().packed_weight_bytes, shared->memory().packed_weight_bytes);
  const std::vector<Tensor> inputs{whole_numbers({1, 16, 8, 8}, 5)};
  expect_same(run_plan(own, inputs), run_plan(shared, inputs));
}

TEST(Compile, StepsKeepNoConstantThatWasPacked) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 16, 8, 8});
  b.output(b.conv("conv", x, {32, 16, 3, 3}));
  const auto plan = compile(b.build());
  for (const Step& step : plan->steps()) {
    for (std::size_t i = 0; i < step.src.size(); ++i) {
      if (step.src[i].kind == Slot::Kind::constant) {
        EXPECT_TRUE(step.executable->reads_constant(i)) << step.name << " operand " << i;
        EXPECT_NE(step.src[i].constant, nullptr);
      }
    }
  }
}

// Bottleneck blocks as in ResNet50, three to a stage.
TEST(Compile, ArenaOfAResidualNetworkIsNearTheLeastPossible) {
  GraphBuilder b;
  ValueId x = b.input("x", {1, 3, 112, 112});
  x = b.node(
      "Relu", "stem",
      {b.conv("stem.conv", x, {16, 3, 7, 7}, {{"pads", ints({3, 3, 3, 3})}, {"strides", ints({2, 2})}})});
  std::int64_t channels = 16;
  for (int stage = 0; stage < 3; ++stage) {
    const std::int64_t wide = channels * (stage == 0 ? 4 : 2), narrow = wide / 4;
    for (int block = 0; block < 3; ++block) {
      const std::string name = fmt::format("b{}.{}", stage, block);
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      const GraphBuilder::Attributes strided{{"strides", ints({stride, stride})}};
      ValueId y =
          b.node("Relu", name + ".relu1", {b.conv(name + ".1", x, {narrow, channels, 1, 1}, strided)});
      y = b.node("Relu", name + ".relu2",
                 {b.conv(name + ".2", y, {narrow, narrow, 3, 3}, {{"pads", ints({1, 1, 1, 1})}})});
      y = b.conv(name + ".3", y, {wide, narrow, 1, 1});
      if (block == 0) x = b.conv(name + ".0", x, {wide, channels, 1, 1}, strided);
      x = b.node("Relu", name, {b.node("Add", name + ".add", {y, x})});
      channels = wide;
    }
  }
  b.output(b.node("Flatten", "y", {b.node("GlobalAveragePool", "mean", {x})}));
  const auto plan = compile(b.build());
  const MemoryReport& memory = plan->memory();
  EXPECT_LE(static_cast<double>(memory.arena_bytes), 1.1 * static_cast<double>(memory.lower_bound_bytes));
  EXPECT_LT(memory.arena_bytes, memory.sum_bytes / 4);
  EXPECT_EQ(std::ranges::count_if(plan->steps(), [](const Step& step) { return step.op->name == "Add"; }), 0);
}

// Random graphs of sums and products, so that a tensor overwritten too early shows in the result.
TEST(Compile, RandomGraphsGiveTheReferencesAnswer) {
  support::Random random(11);
  for (int round = 0; round < 30; ++round) {
    GraphBuilder b;
    std::vector<ValueId> values{b.input("x", {1, 4, 3, 3}), b.input("y", {1, 4, 3, 3})};
    const auto any = [&] {
      return values[static_cast<std::size_t>(
          random.integer(0, static_cast<std::int64_t>(values.size()) - 1))];
    };
    for (int i = 0; i < 20; ++i) {
      const std::string name = fmt::format("n{}", i);
      switch (random.integer(0, 4)) {
        case 0:
          values.push_back(b.node("Relu", name, {any()}));
          break;
        case 1:
          values.push_back(b.node("Sub", name, {any(), any()}));
          break;
        case 2:
          values.push_back(b.node("Add", name, {any(), any()}));
          break;
        case 3:
          values.push_back(b.node("Identity", name, {any()}));
          break;
        default:
          values.push_back(b.node("Clip", name,
                                  {b.conv(name + ".conv", any(), {4, 4, 1, 1}), b.number(name + ".low", -9),
                                   b.number(name + ".high", 9)}));
          break;
      }
    }
    b.output(values.back());
    if (values[5] != values.back()) b.output(values[5]);
    const std::vector<Tensor> inputs{whole_numbers({1, 4, 3, 3}, 1), whole_numbers({1, 4, 3, 3}, 2)};
    const Graph graph = b.build();
    const std::vector<Tensor> expected = evaluate_graph(graph, inputs);
    SCOPED_TRACE(print(graph));
    expect_same(run_graph(graph, inputs), expected);
    CompileOptions plain;
    for (const Pass& pass : pipeline()) plain.disabled_passes.emplace_back(pass.name);
    expect_same(run_graph(graph, inputs, plain), expected);
  }
}

// Three blocks of a residual network: the sums follow each other in one place of the arena.
TEST(Compile, ResultsTakeThePlaceOfTheResidual) {
  GraphBuilder b;
  ValueId x = b.node("Relu", "start", {b.conv("stem", b.input("image", {2, 3, 9, 9}), {4, 3, 1, 1})});
  for (const std::string name : {"one", "two", "three"}) {
    const ValueId inner = b.node("Relu", name + ".relu", {b.conv(name + ".inner", x, {4, 4, 1, 1})});
    const ValueId outer = b.conv(name + ".outer", inner, {4, 4, 1, 1});
    x = b.node("Add", name + ".add", {outer, x});
  }
  b.output(b.node("GlobalAveragePool", "mean", {x}));
  const Graph graph = b.build();
  const auto plan = compile(graph);
  int in_place = 0;
  for (const Step& step : plan->steps()) {
    if (!step.name.ends_with(".add")) continue;
    in_place += step.src.back().offset == step.dst.front().offset ? 1 : 0;
  }
  EXPECT_EQ(in_place, 3);
  CompileOptions references;
  for (const Pass& pass : pipeline()) references.disabled_passes.emplace_back(pass.name);
  const std::vector<Tensor> inputs{whole_numbers({2, 3, 9, 9}, 1)};
  const std::vector<Tensor> expected = run_graph(graph, inputs, references);
  for (const int threads : {1, 2, 3}) expect_same(run_plan(plan, inputs, threads), expected);
}

// The residual is also what the convolution reads, or is read once more later: it keeps its place.
TEST(Compile, AResidualThatIsStillReadKeepsItsPlace) {
  GraphBuilder b;
  const ValueId image = b.input("image", {1, 4, 5, 5});
  const ValueId x = b.node("Relu", "x", {b.conv("stem", image, {4, 4, 1, 1})});
  const ValueId self =
      b.node("Add", "self", {b.conv("on itself", x, {4, 4, 3, 3}, {{"pads", ints({1, 1, 1, 1})}}), x});
  const ValueId inner = b.conv("inner", self, {4, 4, 1, 1});
  const ValueId sum = b.node("Add", "sum", {b.conv("outer", inner, {4, 4, 1, 1}), self});
  b.output(b.node("Concat", "both", {b.node("Relu", "last", {sum}), self}, {{"axis", std::int64_t{1}}}));
  const Graph graph = b.build();
  const auto plan = compile(graph);
  for (const Step& step : plan->steps()) {
    if (step.op->name != "Conv" || step.src.size() < 4) continue;
    EXPECT_NE(step.src.back().offset, step.dst.front().offset) << step.name;
  }
  CompileOptions references;
  for (const Pass& pass : pipeline()) references.disabled_passes.emplace_back(pass.name);
  const std::vector<Tensor> inputs{whole_numbers({1, 4, 5, 5}, 1)};
  expect_same(run_plan(plan, inputs, 2), run_graph(graph, inputs, references));
}

}  // namespace
}  // namespace godwit::engine
