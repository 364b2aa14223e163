#include "tests/engine/helpers.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <utility>

#include "engine/rewrite.h"
#include "engine/session.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace godwit::engine {

std::vector<Tensor> evaluate_graph(const Graph& graph, const std::vector<Tensor>& inputs) {
  Graph copy = graph;
  for (std::size_t i = 0; i < inputs.size(); ++i) copy.value(copy.inputs[i]).constant = inputs[i];
  for (const Node& node : copy.nodes) {
    std::vector<Tensor> results = evaluate(copy, node);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (node.outputs[i] != kNoValue) copy.value(node.outputs[i]).constant = std::move(results[i]);
    }
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : copy.outputs) outputs.push_back(*copy.value(id).constant);
  return outputs;
}

Tensor copy_of(const Tensor& tensor) {
  Tensor copy(tensor.desc());
  std::memcpy(copy.mutable_data(), tensor.data(), tensor.bytes());
  return copy;
}

std::vector<Tensor> run_plan(const std::shared_ptr<const Plan>& plan, const std::vector<Tensor>& inputs,
                             int threads) {
  Session session(plan, {.threads = threads});
  std::vector<Tensor> outputs;
  for (const Tensor& result : session.run(inputs)) outputs.push_back(copy_of(result));
  return outputs;
}

std::vector<Tensor> run_graph(const Graph& graph, const std::vector<Tensor>& inputs,
                              const CompileOptions& options, int threads) {
  return run_plan(compile(graph, options), inputs, threads);
}

void expect_same(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    support::expect_close(actual[i], expected[i], support::exact(), "", i);
  }
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.desc() == b.desc() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

PassLog run_pass(Graph& graph, std::string_view name) {
  const auto list = pipeline();
  const auto pass = std::ranges::find(list, name, &Pass::name);
  EXPECT_NE(pass, list.end()) << name;
  PassLog log;
  const ops::Target target;
  PassContext context{target, log};
  pass->run(graph, context);
  verify(graph);
  return log;
}

std::string joined_lines(const PassLog& log) {
  std::string text;
  for (const std::string& line : log.lines) text += line + "\n";
  return text;
}

void expect_pass_keeps_results(const Graph& graph, std::string_view pass, const std::vector<Tensor>& inputs) {
  CompileOptions without;
  without.disabled_passes = {std::string(pass)};
  const std::vector<Tensor> expected = run_graph(graph, inputs, without);
  expect_same(run_graph(graph, inputs), expected);
}

std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.emplace_back(node.op->name);
  return names;
}

const Node& node_named(const Graph& graph, std::string_view name) {
  return *std::ranges::find(graph.nodes, name, &Node::name);
}

Graph small_network() {
  GraphBuilder b;
  const ValueId image = b.input("image", {b.graph().symbol("N"), 3, 9, 7});
  const ValueId w = b.constant("w", support::random_tensor({20, 3, 3, 3}, 1));
  const ValueId relu = b.node("Relu", "relu", {b.node("Conv", "conv", {image, w})});
  const ValueId v = b.constant("v", support::random_tensor({11, 20, 3, 3}, 2));
  const ValueId flat = b.node("Flatten", "flat", {b.node("Conv", "last", {relu, v})});
  b.output(b.node("Softmax", "prob", {flat}, {{"axis", std::int64_t{1}}}));
  return b.build();
}

}  // namespace godwit::engine
