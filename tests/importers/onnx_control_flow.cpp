// Graphs inside of nodes, lists of tensors, and functions of the model's own.
#include <gtest/gtest.h>

#include "engine/plan.h"
#include "engine/session.h"
#include "ops/op.h"
#include "tests/importers/model_maker.h"

namespace godwit::importers::test {
namespace {

using Floats = std::vector<float>;
using Integers = std::vector<std::int64_t>;
constexpr int kF32 = 1, kS64 = 7, kBool = 9;

void set_graph(onnx::Node& node, const char* name, ModelMaker& body) {
  *attribute(node, name, 5).mutable_g() = body.graph();
}

Tensor floats(const Shape& shape, std::initializer_list<float> values) {
  return Tensor::of<float>(shape, values);
}
Tensor integer(std::int64_t value) { return Tensor::of<std::int64_t>({}, {value}); }
Tensor boolean(bool value) { return Tensor::of<bool>({}, {value}); }

// The number of steps of the plan, and whether a tail runs behind them.
std::pair<std::size_t, bool> parts_of(const engine::Graph& graph) {
  const auto plan = engine::compile(graph);
  return {plan->steps().size(), plan->tail() != nullptr};
}

// y = condition ? x + w : -x, with x and w read from around the branches.
ModelMaker branches() {
  ModelMaker first, second, maker;
  first.node("Add", {"x", "w"}, {"sum"}, "add");
  first.output("sum");
  second.node("Neg", {"x"}, {"negative"}, "negate");
  second.output("negative");
  maker.input("x", {2});
  maker.constant("w", {2}, Floats{10, 20});
  onnx::Node& node = maker.node("If", {"c"}, {"y"}, "choose");
  set_graph(node, "then_branch", first);
  set_graph(node, "else_branch", second);
  maker.output("y", {2});
  return maker;
}

TEST(OnnxControlFlow, IfRunsTheBranchOfItsCondition) {
  ModelMaker maker = branches();
  maker.input("c", {}, kBool);
  const engine::Graph graph = import(maker);
  EXPECT_TRUE(parts_of(graph).second);
  const Tensor x = floats({2}, {1, 2});
  EXPECT_EQ(values_of(run(graph, {x, boolean(true)})[0]), (Floats{11, 22}));
  EXPECT_EQ(values_of(run(graph, {x, boolean(false)})[0]), (Floats{-1, -2}));
}

TEST(OnnxControlFlow, AnIfWhoseConditionIsKnownIsGone) {
  for (const bool condition : {true, false}) {
    ModelMaker maker = branches();
    maker.constant("c", {}, std::vector<std::uint8_t>{condition}, kBool);
    const engine::Graph graph = import(maker);
    EXPECT_EQ(parts_of(graph), (std::pair<std::size_t, bool>{1, false}));
    EXPECT_EQ(values_of(run(graph, {floats({2}, {1, 2})})[0]),
              condition ? (Floats{11, 22}) : (Floats{-1, -2}));
  }
}

// y = x joined with itself n times.
ModelMaker doubling() {
  ModelMaker body, maker;
  body.input("i", {}, kS64);
  body.input("before", {}, kBool);
  body.input("state", {-1});
  set_int(body.node("Concat", {"state", "state"}, {"twice"}), "axis", 0);
  body.node("Identity", {"before"}, {"after"});
  body.output("after");
  body.output("twice");
  maker.input("x", {2});
  set_graph(maker.node("Loop", {"n", "", "x"}, {"y"}, "loop"), "body", body);
  maker.output("y");
  return maker;
}

TEST(OnnxControlFlow, ALoopDoublesATensorAsOftenAsItsOperandSays) {
  ModelMaker maker = doubling();
  maker.input("n", {}, kS64);
  engine::Session session(engine::compile(import(maker)), {.threads = 2});
  for (int run = 0; run < 100; ++run) {
    const std::int64_t n = run % 9;
    const auto first = static_cast<float>(run);
    const auto results = session.run(std::vector<Tensor>{floats({2}, {first, -1}), integer(n)});
    ASSERT_EQ(results[0].shape(), Shape({std::int64_t{2} << n}));
    const auto values = values_of(results[0]);
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], i % 2 == 0 ? first : -1);
  }
}

TEST(OnnxControlFlow, ALoopOfAKnownLengthIsGone) {
  ModelMaker maker = doubling();
  maker.constant("n", {}, Integers{3}, kS64);
  const engine::Graph graph = import(maker);
  EXPECT_FALSE(parts_of(graph).second);
  EXPECT_EQ(run(graph, {floats({2}, {1, 2})})[0].shape(), Shape({16}));
}

// Adds i + offset while the sum stays below a limit; the sums on the way are slices of the second result.
ModelMaker summing(bool known_length) {
  ModelMaker body, maker;
  body.input("i", {}, kS64);
  body.input("before", {}, kBool);
  body.input("sum", {}, kS64);
  body.node("Add", {"i", "offset"}, {"term"});
  body.node("Add", {"sum", "term"}, {"next"});
  if (known_length)
    body.node("Identity", {"before"}, {"after"});
  else
    body.node("Less", {"next", "limit"}, {"after"});
  body.output("after");
  body.output("next");
  body.output("next");
  maker.input("start", {}, kS64);
  maker.input("offset", {}, kS64);
  maker.constant("limit", {}, Integers{10}, kS64);
  maker.constant("n", {}, Integers{4}, kS64);
  maker.constant("yes", {}, std::vector<std::uint8_t>{1}, kBool);
  set_graph(maker.node("Loop", {known_length ? "n" : "", "yes", "start"}, {"sum", "sums"}, "loop"), "body",
            body);
  maker.output("sum");
  maker.output("sums");
  return maker;
}

TEST(OnnxControlFlow, ALoopsResultsOnTheWayAreSlices) {
  for (const bool known : {true, false}) {
    if (!known && ops::find_op("Less") == nullptr) continue;
    const auto results = run(import(summing(known)), {integer(1), integer(2)});
    EXPECT_EQ(values_of<std::int64_t>(results[0])[0], known ? 15 : 10);
    EXPECT_EQ(values_of<std::int64_t>(results[1]), known ? (Integers{3, 6, 10, 15}) : (Integers{3, 6, 10}));
  }
}

// Running sums over the columns of x from behind, kept as columns.
ModelMaker scanning(bool known) {
  ModelMaker body, maker;
  body.input("before", {2});
  body.input("column", {2});
  body.node("Add", {"before", "column"}, {"after"});
  body.node("Identity", {"after"}, {"slice"});
  body.output("after");
  body.output("slice");
  maker.input("zero", {2});
  if (known)
    maker.input("x", {2, 3});
  else
    maker.input("x", {2, -1});
  onnx::Node& node = maker.node("Scan", {"zero", "x"}, {"last", "all"}, "scan");
  set_graph(node, "body", body);
  set_int(node, "num_scan_inputs", 1);
  set_ints(node, "scan_input_axes", {1});
  set_ints(node, "scan_input_directions", {1});
  set_ints(node, "scan_output_axes", {-1});
  maker.output("last");
  maker.output("all");
  return maker;
}

TEST(OnnxControlFlow, AScanReadsAndWritesSlices) {
  const engine::Graph graph = import(scanning(true));
  EXPECT_FALSE(parts_of(graph).second);
  for (const bool inlined : {true, false}) {
    engine::CompileOptions options;
    if (!inlined) options.disabled_passes = {"inline_graphs"};
    engine::Session session(engine::compile(graph, options));
    const auto results =
        session.run(std::vector<Tensor>{floats({2}, {0, 0}), floats({2, 3}, {1, 2, 3, 4, 5, 6})});
    EXPECT_EQ(values_of(results[0]), (Floats{6, 15}));
    EXPECT_EQ(results[1].shape(), Shape({2, 3}));
    EXPECT_EQ(values_of(results[1]), (Floats{3, 5, 6, 6, 11, 15}));
  }
}

TEST(OnnxControlFlow, GraphsReadThroughSeveralLevels) {
  ModelMaker inner, outer, maker;
  inner.node("Mul", {"x", "twice"}, {"product"});
  inner.output("product");
  ModelMaker other;
  other.node("Identity", {"x"}, {"same"});
  other.output("same");
  outer.input("i", {}, kS64);
  outer.input("before", {}, kBool);
  outer.input("state", {2});
  outer.node("Add", {"state", "state"}, {"twice"});
  onnx::Node& choose = outer.node("If", {"c"}, {"chosen"});
  set_graph(choose, "then_branch", inner);
  set_graph(choose, "else_branch", other);
  outer.node("Identity", {"before"}, {"after"});
  outer.output("after");
  outer.output("chosen");
  maker.input("x", {2});
  maker.input("c", {}, kBool);
  maker.input("n", {}, kS64);
  set_graph(maker.node("Loop", {"n", "", "x"}, {"y"}), "body", outer);
  maker.output("y");
  const engine::Graph graph = import(maker);
  const Tensor x = floats({2}, {1, 2});
  EXPECT_EQ(values_of(run(graph, {x, boolean(true), integer(2)})[0]), (Floats{4, 32}));
  EXPECT_EQ(values_of(run(graph, {x, boolean(false), integer(5)})[0]), (Floats{1, 2}));
}

TEST(OnnxControlFlow, ListsOfTensorsPassThroughAModel) {
  for (const bool known : {true, false}) {
    ModelMaker maker;
    maker.input("x", {2, 3});
    if (known)
      maker.constant("at", {}, Integers{-1}, kS64);
    else
      maker.input("at", {}, kS64);
    maker.constant("sizes", {2}, Integers{1, 2}, kS64);
    set_int(maker.node("SplitToSequence", {"x", "sizes"}, {"parts"}), "axis", 1);
    maker.node("SequenceAt", {"parts", "at"}, {"part"});
    maker.node("SequenceInsert", {"parts", "part"}, {"more"});
    set_int(maker.node("ConcatFromSequence", {"more"}, {"y"}), "axis", 1);
    maker.node("SequenceLength", {"more"}, {"count"});
    maker.output("y");
    maker.output("count");
    const engine::Graph graph = import(maker);
    std::vector<Tensor> src = {floats({2, 3}, {1, 2, 3, 4, 5, 6})};
    if (!known) src.push_back(integer(-1));
    const auto results = run(graph, src);
    EXPECT_EQ(results[0].shape(), Shape({2, 5}));
    EXPECT_EQ(values_of(results[0]), (Floats{1, 2, 3, 2, 3, 4, 5, 6, 5, 6}));
    EXPECT_EQ(values_of<std::int64_t>(results[1]), (Integers{3}));
    EXPECT_EQ(parts_of(graph).second, !known);
  }
}

TEST(OnnxControlFlow, AnOperandThatDoesNotFitIsToldWithItsNode) {
  ModelMaker maker;
  maker.input("x", {2});
  maker.input("at", {}, kS64);
  maker.node("SequenceConstruct", {"x"}, {"list"});
  maker.node("SequenceAt", {"list", "at"}, {"y"}, "pick");
  maker.output("y");
  const engine::Graph graph = import(maker);
  try {
    (void)run(graph, {floats({2}, {1, 2}), integer(1)});
    FAIL() << "position 1 of a list of one was found";
  } catch (const std::exception& error) {
    expect_contains(error.what(), "node 'pick' (SequenceAt): position 1 is not in a list of 1");
  }
}

// y = scaled(x) by a function with attribute "alpha", 0.5 where a call does not say it.
ModelMaker calling() {
  ModelMaker maker;
  maker.import_opset("mine", 1);
  onnx::Function& function = *maker.model.add_functions();
  function.set_name("scaled");
  function.set_domain("mine");
  function.add_input("a");
  function.add_output("b");
  onnx::OpsetId& opset = *function.add_opset_import();
  opset.set_domain("");
  opset.set_version(13);
  onnx::Attribute& fallback = *function.add_attribute_proto();
  fallback.set_name("alpha");
  fallback.set_type(1);
  fallback.set_f(0.5F);
  onnx::Node& relu = *function.add_node();
  relu.set_op_type("LeakyRelu");
  relu.add_input("a");
  relu.add_output("inside");
  onnx::Attribute& alpha = *relu.add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(1);
  alpha.set_ref_attr_name("alpha");
  onnx::Node& add = *function.add_node();
  add.set_op_type("Add");
  add.add_input("inside");
  add.add_input("a");
  add.add_output("b");
  maker.input("x", {2});
  maker.node("scaled", {"x"}, {"once"}, "first").set_domain("mine");
  onnx::Node& second = maker.node("scaled", {"once"}, {"y"}, "second");
  second.set_domain("mine");
  set_float(second, "alpha", 2);
  maker.output("y");
  return maker;
}

TEST(OnnxControlFlow, CallsOfFunctionsBecomeTheirNodes) {
  const engine::Graph graph = import(calling());
  EXPECT_EQ(graph.nodes.size(), 4U);
  // -2 → -1 - 2 = -3 → -6 - 3.
  EXPECT_EQ(values_of(run(graph, {floats({2}, {3, -2})})[0]), (Floats{12, -9}));
}

TEST(OnnxControlFlow, FunctionsThatCannotBeInlinedAreRefused) {
  ModelMaker itself = calling();
  onnx::Node& again = *itself.model.mutable_functions(0)->mutable_node(0);
  again.set_op_type("scaled");
  again.set_domain("mine");
  expect_contains(import_error(itself), "calls are nested 64 deep, maybe in themselves");
  ModelMaker older = calling();
  older.model.mutable_functions(0)->mutable_opset_import(0)->set_version(12);
  expect_contains(import_error(older), "it is written in opset 12, the model in opset 13");
  ModelMaker twice = calling();
  *twice.model.add_functions() = twice.model.functions(0);
  expect_contains(import_error(twice), "function 'scaled' of domain 'mine' is defined twice");
}

TEST(OnnxControlFlow, BodiesThatDoNotFitAreRefused) {
  ModelMaker few = doubling();
  few.constant("n", {}, Integers{3}, kS64);
  few.graph().mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_output()->RemoveLast();
  expect_contains(import_error(few), "the graph 'body' has 1 output, expected 2");
  ModelMaker unknown = doubling();
  unknown.constant("n", {}, Integers{3}, kS64);
  unknown.graph().mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0,
                                                                                                 "nowhere");
  expect_contains(import_error(unknown), "input 'nowhere' is no graph input");
  ModelMaker type = branches();
  type.input("c", {}, kF32);
  expect_contains(import_error(type), "the condition (input 0) is f32, expected boolean");
}

TEST(OnnxControlFlow, CastLikeIsACastToTheOtherOperandsType) {
  ModelMaker maker(19);
  maker.input("x", {2});
  maker.constant("like", {0}, Integers{}, kS64);
  maker.node("CastLike", {"x", "like"}, {"y"});
  maker.output("y");
  EXPECT_EQ(values_of<std::int64_t>(run(import(maker), {floats({2}, {1.5F, -2.5F})})[0]), (Integers{1, -2}));
}

}  // namespace
}  // namespace godwit::importers::test
