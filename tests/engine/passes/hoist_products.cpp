// hoist_products: convolutions of resized branches run before they are resized.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

constexpr std::int64_t kChannels = 48;

ValueId resized(GraphBuilder& b, const std::string& name, ValueId src, float factor, const char* mode) {
  const ValueId scales = b.constant(name + " scales", Tensor::of<float>({4}, {1, 1, factor, factor}));
  return b.node("Resize", name, {src, kNoValue, scales}, {{"mode", std::string(mode)}});
}

// The convolution over the concatenation of three branches, then Relu.
GraphBuilder decoder(ValueId (*third)(GraphBuilder&), std::int64_t columns = kChannels) {
  GraphBuilder b;
  const ValueId large = b.input("large", {1, kChannels, 8, 8});
  const ValueId middle = resized(b, "middle up", b.input("middle", {1, kChannels, 4, 4}), 2, "linear");
  const ValueId small = resized(b, "small up", third(b), 4, "nearest");
  const ValueId all = b.node("Concat", "all", {small, large, middle}, {{"axis", std::int64_t{1}}});
  b.output(b.node("Relu", "relu", {b.conv("fuse", all, {columns, 3 * kChannels, 1, 1})}));
  return b;
}
ValueId image(GraphBuilder& b) { return b.input("small", {1, kChannels, 2, 2}); }
// Rows by a matrix, seen as an image.
ValueId linear(GraphBuilder& b) {
  ValueId x = b.input("small", {1, 4, 5});
  x = b.node("MatMul", "project", {x, b.constant("w", whole_numbers({5, kChannels}, 1))});
  x = b.node("Add", "biased", {x, b.constant("b", whole_numbers({kChannels}, 2))});
  x = b.node("Transpose", "channels first", {x}, {{"perm", ints({0, 2, 1})}});
  return b.node("Reshape", "image", {x, b.integers("image shape", {0, -1, 2, 2})});
}
std::vector<Tensor> inputs(const Shape& small) {
  return {whole_numbers({1, kChannels, 8, 8}, 3), whole_numbers({1, kChannels, 4, 4}, 4),
          whole_numbers(small, 5)};
}

TEST(HoistProducts, InFrontOfResize) {
  const GraphBuilder b = decoder(image);
  Graph graph = b.build();
  run_pass(graph, "fuse_activation");
  const PassLog log = run_pass(graph, "hoist_products");
  EXPECT_EQ(log.rewrites, 1) << joined_lines(log);
  EXPECT_EQ(ops_of(graph), (Names{"Conv", "Resize", "Conv", "Conv", "Resize", "Sum"}));
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "relu");
  EXPECT_EQ(graph.nodes.back().origins, (Names{"all", "fuse", "relu"}));
  expect_same(evaluate_graph(graph, inputs({1, kChannels, 2, 2})),
              evaluate_graph(b.build(), inputs({1, kChannels, 2, 2})));
  expect_pass_keeps_results(b.build(), "hoist_products", inputs({1, kChannels, 2, 2}));
}

TEST(HoistProducts, IntoTheLinearInFront) {
  const GraphBuilder b = decoder(linear);
  Graph graph = b.build();
  run_pass(graph, "recognize_linear");
  EXPECT_EQ(run_pass(graph, "hoist_products").rewrites, 1);
  EXPECT_EQ(ops_of(graph),
            (Names{"Linear", "Transpose", "Reshape", "Resize", "Conv", "Conv", "Resize", "Sum", "Relu"}));
  EXPECT_EQ(graph.nodes[0].origins, (Names{"project", "biased", "fuse"}));
  expect_same(evaluate_graph(graph, inputs({1, 4, 5})), evaluate_graph(b.build(), inputs({1, 4, 5})));
}

TEST(HoistProducts, LeavesOthersAlone) {
  const auto left = [](const GraphBuilder& b) {
    Graph graph = b.build();
    const PassLog log = run_pass(graph, "hoist_products");
    EXPECT_EQ(log.rewrites, 0);
    return joined_lines(log);
  };
  EXPECT_NE(left(decoder(image, 40)).find("has 48 channels, the result 40"), std::string::npos);
  GraphBuilder same;
  const ValueId x = same.input("x", {1, kChannels, 8, 8});
  const ValueId twice = same.node("Concat", "all", {x, x}, {{"axis", std::int64_t{1}}});
  same.output(same.conv("fuse", twice, {kChannels, 2 * kChannels, 1, 1}));
  EXPECT_NE(left(same).find("saves too little"), std::string::npos);
  GraphBuilder shown;
  const ValueId small = resized(shown, "up", shown.input("x", {1, kChannels, 2, 2}), 4, "linear");
  const ValueId all = shown.node("Concat", "all", {small, shown.input("y", {1, kChannels, 8, 8})},
                                 {{"axis", std::int64_t{1}}});
  shown.output(shown.conv("fuse", all, {kChannels, 2 * kChannels, 1, 1}));
  shown.output(all);
  EXPECT_EQ(left(shown), "");
}

}  // namespace
}  // namespace godwit::engine
