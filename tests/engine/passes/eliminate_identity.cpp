// eliminate_identity: nodes that change nothing go; what only looks like it stays.
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

// Relu → the node under test → Relu; how many nodes are left.
template <class Add>
std::size_t left_after(const Shape& shape, const Add& add) {
  GraphBuilder b;
  const ValueId before = b.node("Relu", "before", {b.input("x", shape)});
  b.output(b.node("Relu", "after", {add(b, before)}));
  Graph graph = b.build();
  run_pass(graph, "eliminate_identity");
  expect_pass_keeps_results(b.build(), "eliminate_identity", {whole_numbers(shape, 1)});
  return graph.nodes.size();
}

TEST(EliminateIdentity, TakesOutWhatHandsItsInputOn) {
  const Shape shape{2, 3, 4, 4};
  EXPECT_EQ(left_after(shape, [](GraphBuilder& b, ValueId x) { return b.node("Identity", "t", {x}); }), 2U);
  EXPECT_EQ(left_after(shape, [](GraphBuilder& b, ValueId x) { return b.node("Dropout", "t", {x}); }), 2U);
  EXPECT_EQ(left_after(shape, [](GraphBuilder& b, ValueId x) { return b.node("Dropout", "t", {x}, {}, 2); }),
            2U)
      << "nobody reads the mask";
  EXPECT_EQ(left_after(shape,
                       [](GraphBuilder& b, ValueId x) {
                         return b.node("Cast", "t", {x}, {{"to", std::int64_t{1}}});
                       }),
            2U);
  EXPECT_EQ(left_after(shape,
                       [](GraphBuilder& b, ValueId x) {
                         return b.node("Reshape", "t", {x, b.integers("shape", {0, 3, -1, 4})});
                       }),
            2U);
  EXPECT_EQ(left_after(shape,
                       [](GraphBuilder& b, ValueId x) {
                         return b.node("Transpose", "t", {x}, {{"perm", ints({0, 1, 2, 3})}});
                       }),
            2U);
  EXPECT_EQ(left_after(shape,
                       [](GraphBuilder& b, ValueId x) {
                         return b.node("Pad", "t", {x, b.integers("pads", {0, 0, 0, 0, 0, 0, 0, 0})});
                       }),
            2U);
}

TEST(EliminateIdentity, LeavesWhatMovesOrChangesElements) {
  const Shape shape{3, 3, 2, 2};
  EXPECT_EQ(left_after(shape,
                       [](GraphBuilder& b, ValueId x) {
                         return b.node("Transpose", "t", {x}, {{"perm", ints({1, 0, 2, 3})}});
                       }),
            3U)
      << "the same shape, other elements";
  EXPECT_EQ(left_after(shape,
                       [](GraphBuilder& b, ValueId x) {
                         return b.node("Reshape", "t", {x, b.integers("shape", {3, 2, 3, 2})});
                       }),
            3U);
  EXPECT_EQ(left_after(shape,
                       [](GraphBuilder& b, ValueId x) {
                         return b.node("Pad", "t", {x, b.integers("pads", {0, 0, 0, 1, 0, 0, 0, -1})});
                       }),
            3U)
      << "shifted by one column: the same shape";
}

TEST(EliminateIdentity, LeavesAReshapeOfUnknownDimensions) {
  GraphBuilder b;
  const ValueId x = b.input("x", {kAnyDim, 3});
  b.output(b.node("Relu", "y", {b.node("Reshape", "t", {x, b.integers("shape", {-1, 3})})}));
  Graph graph = b.build();
  run_pass(graph, "eliminate_identity");
  EXPECT_EQ(graph.nodes.size(), 2U);
}

TEST(EliminateIdentity, LeavesADropoutWhoseMaskIsRead) {
  GraphBuilder b;
  const ValueId y = b.node("Dropout", "drop", {b.input("x", {4})}, {}, 2);
  b.output(b.node("Relu", "y", {y})).output(b.graph().find_value("drop.1"));
  Graph graph = b.build();
  run_pass(graph, "eliminate_identity");
  EXPECT_EQ(ops_of(graph), (Names{"Dropout", "Relu"}));
}

TEST(EliminateIdentity, AnOutputKeepsItsName) {
  GraphBuilder b;
  const ValueId relu = b.node("Relu", "relu", {b.input("x", {4})});
  b.output(b.node("Identity", "y", {relu})).output(b.node("Add", "z", {relu, relu}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "eliminate_identity").rewrites, 1);
  EXPECT_EQ(ops_of(graph), (Names{"Relu", "Add"}));
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "y");
  EXPECT_EQ(graph.nodes[1].inputs[0], graph.outputs[0]);
  expect_pass_keeps_results(b.build(), "eliminate_identity", {whole_numbers({4}, 1)});
}

TEST(EliminateIdentity, LeavesACopyFromEdgeToEdge) {
  GraphBuilder b;
  const ValueId x = b.input("x", {4});
  const ValueId relu = b.node("Relu", "relu", {x});
  b.output(b.node("Identity", "of input", {x}));
  b.output(relu).output(b.node("Identity", "of output", {relu}));
  Graph graph = b.build();
  const PassLog log = run_pass(graph, "eliminate_identity");
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_EQ(joined_lines(log),
            "left alone: node 'of input' (Identity): the output 'of input' needs a copy of its own\n"
            "left alone: node 'of output' (Identity): the output 'of output' needs a copy of its own\n");
  expect_pass_keeps_results(b.build(), "eliminate_identity", {whole_numbers({4}, 1)});
}

}  // namespace
}  // namespace godwit::engine
