// skip_zeros: which convolutions look for zeros, and that it changes no bit of any result.
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/engine/qdq_builder.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

// The names of the nodes that look for zeros.
Names looking(const GraphBuilder& b, bool fused) {
  Graph graph = b.build();
  if (fused) run_pass(graph, "fuse_activation");
  run_pass(graph, "skip_zeros");
  Names names;
  for (const Node& node : graph.nodes) {
    if (node.hints.sparse_input) names.push_back(node.name);
  }
  return names;
}

TEST(SkipZeros, BehindARectifier) {
  for (const bool fused : {false, true}) {
    GraphBuilder b;
    ValueId x = b.conv("first", b.input("image", {1, 4, 8, 8}), {8, 4, 1, 1});
    x = b.node("Relu", "relu", {x});
    b.output(b.conv("second", x, {8, 8, 1, 1}));
    x = b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({2, 2})}});
    x = b.conv("third", x, {8, 8, 3, 3});
    b.output(b.conv("fourth", x, {8, 8, 1, 1}));
    EXPECT_EQ(looking(b, fused), (Names{"second", "third"}));
    Graph graph = b.build();
    const PassLog log = run_pass(graph, "skip_zeros");
    EXPECT_EQ(log.rewrites, 2);
    EXPECT_NE(joined_lines(log).find("node 'second' (Conv)"), std::string::npos);
    EXPECT_NE(print(graph).find(" skipping zeros"), std::string::npos);
  }
}

TEST(SkipZeros, OnlyWhereTheClampIsAtZero) {
  GraphBuilder b;
  const ValueId image = b.input("image", {1, 4, 8, 8});
  const auto clip = [&](const std::string& name, float low) {
    const ValueId x = b.conv(name + ".in", image, {8, 4, 1, 1});
    return b.node("Clip", name, {x, b.constant(name + ".low", Tensor::of<float>({}, {low}))});
  };
  b.output(b.conv("above", clip("zero", 0), {8, 8, 1, 1}));
  b.output(b.conv("below", clip("minus", -1), {8, 8, 1, 1}));
  EXPECT_EQ(looking(b, true), Names{"above"});
}

TEST(SkipZeros, ThroughConcatenation) {
  GraphBuilder b;
  const ValueId image = b.input("image", {1, 4, 8, 8});
  const ValueId left = b.node("Relu", "left", {b.conv("a", image, {8, 4, 1, 1})});
  const ValueId right = b.node("Relu", "right", {b.conv("b", image, {8, 4, 1, 1})});
  const auto joined = [&](const std::string& name, ValueId second) {
    return b.node("Concat", name, {left, second}, {{"axis", std::int64_t{1}}});
  };
  b.output(b.conv("both", joined("clamped", right), {8, 16, 1, 1}));
  b.output(b.conv("one", joined("half", image), {8, 12, 1, 1}));
  EXPECT_EQ(looking(b, false), Names{"both"});
}

// A network of all that can be skipped: one tap and several, with strides, residuals and odd sizes.
GraphBuilder network() {
  GraphBuilder b;
  const auto conv = [&](const std::string& name, ValueId src, const Shape& weights,
                        const GraphBuilder::Attributes& attributes) {
    const std::uint64_t seed = b.graph().values.size();
    return b.node("Conv", name, {src, b.constant(name + ".w", support::random_tensor(weights, seed))},
                  attributes);
  };
  const auto relu = [&](ValueId src) { return b.node("Relu", "relu" + std::to_string(src), {src}); };
  ValueId x =
      relu(conv("stem", b.input("image", {2, 3, 23, 19}), {52, 3, 3, 3}, {{"strides", ints({2, 2})}}));
  const ValueId inner = relu(conv("reduce", x, {40, 52, 1, 1}, {}));
  const ValueId middle =
      relu(conv("strided", inner, {72, 40, 3, 3}, {{"strides", ints({2, 2})}, {"pads", ints({1, 1, 1, 1})}}));
  const ValueId branch = conv("branch", x, {136, 52, 1, 1}, {{"strides", ints({2, 2})}});
  x = relu(b.node("Add", "add", {conv("expand", middle, {136, 72, 1, 1}, {}), branch}));
  b.output(conv("last", x, {30, 136, 1, 1}, {}));
  return b;
}

TEST(SkipZeros, GivesTheSameBits) {
  const Graph graph = network().build();
  const Tensor image = support::random_tensor({2, 3, 23, 19}, 5);
  for (const Precision precision : {Precision::f32, Precision::f16, Precision::bf16}) {
    for (const Isa isa : isas_of_build()) {
      if (!cpu_supports(isa)) continue;
      CompileOptions options;
      options.target = {isa};
      options.precision = precision;
      const std::vector<Tensor> skipping = run_graph(graph, {image}, options);
      EXPECT_TRUE(same_bytes(run_graph(graph, {image}, options, 3)[0], skipping[0]));
      options.disabled_passes = {"skip_zeros"};
      EXPECT_TRUE(same_bytes(run_graph(graph, {image}, options)[0], skipping[0])) << name_of(isa);
    }
  }
}

// Two convolutions on 8-bit numbers; the second one's begin at 0 or do not.
Graph quantized(int zero_point) {
  QdqBuilder b;
  const ValueId image = b.both("image", b.input("image", {1, 4, 6, 6}), 0.5F, 7);
  ValueId x = b.node("Relu", "relu", {b.node("Conv", "first", {image, b.weights("first.w", {24, 4, 1, 1})})});
  x = b.both("x", x, 0.25F, zero_point);
  x = b.node("Conv", "second", {x, b.weights("second.w", {20, 24, 3, 3})});
  b.output(b.both("y", x, 2.0F, 128));
  return b.build();
}

TEST(SkipZeros, NumbersThatBeginAtZero) {
  for (const int zero_point : {0, 3}) {
    Graph graph = quantized(zero_point);
    run_pass(graph, "fold_quantization");
    const PassLog log = run_pass(graph, "skip_zeros");
    EXPECT_EQ(log.rewrites, zero_point == 0 ? 1 : 0) << joined_lines(log);
    const Tensor image = support::random_tensor({1, 4, 6, 6}, 5, -3, 3);
    CompileOptions options;
    const std::vector<Tensor> skipping = run_graph(quantized(zero_point), {image}, options);
    options.disabled_passes = {"skip_zeros"};
    EXPECT_TRUE(same_bytes(run_graph(quantized(zero_point), {image}, options)[0], skipping[0]));
  }
}

}  // namespace
}  // namespace godwit::engine
