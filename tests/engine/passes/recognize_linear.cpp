// recognize_linear: MatMul and the Add of a row become Linear.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

const Shape kSrc{2, 3, 4};

GraphBuilder sum(const Shape& added, bool constant_first = false) {
  GraphBuilder b;
  const ValueId product =
      b.node("MatMul", "product", {b.input("x", kSrc), b.constant("w", whole_numbers({4, 5}, 1))});
  std::vector<ValueId> operands{product, b.constant("b", whole_numbers(added, 2))};
  if (constant_first) std::ranges::reverse(operands);
  b.output(b.node("Add", "add", operands));
  return b;
}

TEST(RecognizeLinear, OfARowOnEitherSide) {
  for (const Shape& added : {Shape{5}, Shape{1, 5}, Shape{1, 1, 5}}) {
    for (const bool first : {false, true}) {
      Graph graph = sum(added, first).build();
      const PassLog log = run_pass(graph, "recognize_linear");
      EXPECT_EQ(log.rewrites, 1) << joined_lines(log);
      ASSERT_EQ(ops_of(graph), Names{"Linear"});
      EXPECT_EQ(graph.nodes[0].origins, (Names{"product", "add"}));
      expect_pass_keeps_results(sum(added, first).build(), "recognize_linear", {whole_numbers(kSrc, 3)});
    }
  }
}

TEST(RecognizeLinear, LeavesOtherSumsAlone) {
  for (const Shape& added : {Shape{1}, Shape{3, 1}, Shape{3, 5}, Shape{1, 1, 1, 5}, Shape{2, 1, 5}}) {
    Graph graph = sum(added).build();
    EXPECT_EQ(run_pass(graph, "recognize_linear").rewrites, 0) << added.to_string();
  }
  GraphBuilder shared;
  const ValueId product = shared.node(
      "MatMul", "product", {shared.input("x", kSrc), shared.constant("w", whole_numbers({4, 5}, 1))});
  shared.output(shared.node("Add", "add", {product, shared.constant("b", whole_numbers({5}, 2))}));
  shared.output(product);
  Graph graph = shared.build();
  const PassLog log = run_pass(graph, "recognize_linear");
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_NE(joined_lines(log).find("others read the result before the sum"), std::string::npos);
}

TEST(RecognizeLinear, TakesResidualAndClampBehindIt) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 3, 5});
  const ValueId product = b.node("MatMul", "product", {x, b.constant("w", whole_numbers({5, 5}, 1))});
  const ValueId biased = b.node("Add", "biased", {product, b.constant("b", whole_numbers({5}, 2))});
  b.output(b.node("Relu", "relu", {b.node("Add", "residual", {x, biased})}));
  Graph graph = b.build();
  for (const char* pass : {"recognize_linear", "fuse_activation", "fuse_residual_add"}) run_pass(graph, pass);
  EXPECT_EQ(ops_of(graph), Names{"Linear"});
  const std::vector<Tensor> inputs{whole_numbers({2, 3, 5}, 3)};
  expect_same(run_graph(b.build(), inputs), evaluate_graph(b.build(), inputs));
}

}  // namespace
}  // namespace godwit::engine
