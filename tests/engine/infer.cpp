// Shape inference through a graph, and binding inputs to shapes.
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

// Flattening as exporters write it: Reshape to a shape computed from the input's own.
struct ComputedReshape {
  GraphBuilder b;
  ValueId y;
  ComputedReshape() {
    const ValueId x = b.input("x", {b.graph().symbol("N"), 3, 4});
    const ValueId shape = b.node("Shape", "shape", {x});
    const ValueId batch = b.node("Gather", "batch", {shape, b.integers("index", {0})});
    const ValueId target =
        b.node("Concat", "target", {batch, b.integers("rest", {-1})}, {{"axis", std::int64_t{0}}});
    y = b.node("Reshape", "y", {x, target});
    b.output(y);
  }
};

TEST(InferShapes, FollowsShapesThatAreComputed) {
  Graph graph = ComputedReshape().b.build();
  EXPECT_EQ(graph.value(graph.outputs[0]).desc.shape.known(), false);
  bind_input(graph, "x", {2, 3, 4});
  EXPECT_FALSE(graph.value(graph.outputs[0]).desc.shape.ranked()) << "inferred shapes must be forgotten";
  infer_shapes(graph);
  EXPECT_EQ(graph.value(graph.outputs[0]).desc.shape, (Shape{2, 12}));
}

TEST(InferShapes, LeavesEvaluatedValuesBehindAsTheyWere) {
  Graph graph = ComputedReshape().b.build();
  bind_input(graph, "x", {2, 3, 4});
  infer_shapes(graph);
  EXPECT_FALSE(graph.value(graph.find_value("target")).constant.has_value());
  EXPECT_EQ(graph.nodes.size(), 4U);
  verify(graph);
}

TEST(InferShapes, EvaluatesOnlyUpToTheLimit) {
  Graph graph = ComputedReshape().b.build();
  bind_input(graph, "x", {2, 3, 4});
  infer_shapes(graph, 1);  // the target shape has two elements
  EXPECT_FALSE(graph.value(graph.outputs[0]).desc.shape.known());
}

TEST(InferShapes, NamesTheNodeThatDoesNotFit) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 3, 8, 8});
  b.output(b.conv("conv1", x, {4, 2, 3, 3}));
  const std::string error = error_of([&] { infer_shapes(b.graph()); });
  EXPECT_TRUE(error.starts_with("node 'conv1' (Conv): ")) << error;
  EXPECT_FALSE(b.graph().value(x).constant.has_value());
}

TEST(BindInput, ReplacesTheSymbolEverywhere) {
  GraphBuilder b;
  const std::int64_t n = b.graph().symbol("N");
  const ValueId x = b.input("x", {n, 3});
  const ValueId y = b.input("y", {n, 3});
  b.output(b.node("Add", "z", {x, y}));
  Graph graph = b.build();
  EXPECT_EQ(graph.to_string(graph.value(graph.outputs[0]).desc.shape), "Nx3");
  bind_input(graph, "x", {5, 3});
  EXPECT_EQ(graph.value(y).desc.shape, (Shape{5, 3}));
  EXPECT_EQ(error_of([&] {
              bind_input(graph, "y", {6, 3});
            }),
            "input 'y': shape 6x3 does not fit the model's 5x3");
}

TEST(BindInput, RefusesWhatContradictsTheModel) {
  GraphBuilder b;
  const std::int64_t n = b.graph().symbol("N");
  const ValueId x = b.input("x", {n, n, 3});
  b.output(b.node("Relu", "y", {x}));
  Graph graph = b.build();
  const auto error = [&](std::string_view name, const Shape& shape) {
    return error_of([&] { bind_input(graph, name, shape); });
  };
  EXPECT_EQ(error("z", {1, 1, 3}), "the model has no input 'z'; its inputs are: x");
  EXPECT_EQ(error("x", {1, 1}), "input 'x': shape 1x1 has rank 2, the model's NxNx3 has rank 3");
  EXPECT_EQ(error("x", {1, 1, 4}), "input 'x': shape 1x1x4 does not fit the model's NxNx3");
  EXPECT_EQ(error("x", {1, 2, 3}),
            "input 'x': shape 1x2x3 gives two sizes to one symbol of the model's NxNx3");
  Graph empty = graph;
  EXPECT_EQ(error_of([&] { bind_input(empty, "x", {0, 0, 3}); }), "") << "no elements are elements enough";
  EXPECT_EQ(error("x", {kAnyDim, 1, 3}), "input 'x': dimension 0 is -1, expected at least 0");
  EXPECT_EQ(error("x", Shape::unranked()), "input 'x': its shape must be given in full");
  const std::int64_t huge = std::int64_t{1} << 31;
  EXPECT_NE(error("x", {huge, huge, 3}), "");
  EXPECT_EQ(graph.value(x).desc.shape, (Shape{n, n, 3})) << "a refused shape must leave no trace";
  EXPECT_EQ(error("x", {2, 2, 3}), "");
}

}  // namespace
}  // namespace godwit::engine
