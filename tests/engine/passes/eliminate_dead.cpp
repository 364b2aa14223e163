// eliminate_dead: only what leads to an output is computed.
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

TEST(EliminateDead, DropsAWholeBranch) {
  GraphBuilder b;
  const ValueId x = b.input("x", {4});
  const ValueId kept = b.node("Relu", "kept", {x});
  const ValueId dead = b.node("Sigmoid", "dead", {x});
  b.node("Add", "dead too", {dead, kept});
  b.output(b.node("Relu", "y", {kept}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "eliminate_dead").rewrites, 2);
  EXPECT_EQ(ops_of(graph), (Names{"Relu", "Relu"}));
  EXPECT_EQ(graph.inputs.size(), 1U);
}

TEST(EliminateDead, KeepsWhatSomeResultOfIsUsed) {
  GraphBuilder b;
  b.node("Dropout", "drop", {b.input("x", {4})}, {}, 2);
  b.output(b.graph().find_value("drop.1"));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "eliminate_dead").rewrites, 0);
}

TEST(EliminateDead, KeepsInputsThatNobodyReads) {
  GraphBuilder b;
  b.input("unused", {3});
  b.output(b.node("Relu", "y", {b.input("x", {4})}));
  Graph graph = b.build();
  run_pass(graph, "eliminate_dead");
  EXPECT_EQ(graph.inputs.size(), 2U) << "the signature of the model stays";
  expect_pass_keeps_results(b.build(), "eliminate_dead", {whole_numbers({3}, 1), whole_numbers({4}, 2)});
}

}  // namespace
}  // namespace godwit::engine
