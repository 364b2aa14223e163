// Operators that no pass has heard of: they are defined here alone and say what kind of thing they are.
#include "engine/node_properties.h"

#include <gtest/gtest.h>

#include "ops/known_ops.h"
#include "ops/movement.h"
#include "tests/engine/helpers.h"
#include "tests/engine/quantize_helpers.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

std::vector<TensorDesc> infer_mirror(const ops::NodeView& node) { return {node.input(0)}; }

void mirror_reference(const ops::NodeView&, std::span<const TensorView> src,
                      std::span<const TensorView> dst) {
  const std::int64_t width = src[0].desc.shape[3];
  for (std::int64_t i = 0; i < src[0].desc.shape.elements(); ++i)
    ops::copy_element(src[0], i / width * width + width - 1 - i % width, dst[0], i);
}

// Columns of an image in reverse order.
const ops::OpDef& mirror() {
  static const ops::OpDef def{
      .name = "Mirror",
      .domain = "test",
      .sentence = "the columns of an image in reverse order",
      .kind = ops::OpKind::movement,
      .moves = ops::moves_first,
      .infer = infer_mirror,
      .reference = mirror_reference,
      .cost = ops::no_arithmetic,
  };
  return def;
}

std::vector<TensorDesc> infer_halves(const ops::NodeView& node) {
  TensorDesc half = node.input(0);
  if (half.shape.ranked() && is_known(half.shape[1])) half.shape[1] /= 2;
  return {half, half};
}

void halves_reference(const ops::NodeView&, std::span<const TensorView> src,
                      std::span<const TensorView> dst) {
  const Shape& shape = dst[0].desc.shape;
  const std::int64_t half = shape.product(1, 4);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    for (std::int64_t part = 0; part < 2; ++part)
      ops::copy_element(src[0], (i / half * 2 + part) * half + i % half, dst[static_cast<std::size_t>(part)],
                        i);
  }
}

// Two results: the first half of an image's channels and the second.
const ops::OpDef& halves() {
  static const ops::OpDef def{
      .name = "Halves",
      .domain = "test",
      .sentence = "the first half of the channels and the second",
      .min_outputs = 2,
      .max_outputs = 2,
      .kind = ops::OpKind::movement,
      .moves = ops::moves_first,
      .infer = infer_halves,
      .reference = halves_reference,
      .cost = ops::no_arithmetic,
  };
  return def;
}

ValueId apply(GraphBuilder& b, const ops::OpDef& op, const std::string& name, ValueId src,
              std::size_t outputs = 1) {
  const ValueId result = b.node("Identity", name, {src}, {}, outputs);
  b.graph().nodes.back().op = &op;
  return result;
}

ValueId random_conv(GraphBuilder& b, const std::string& name, ValueId src, const Shape& weights) {
  return b.node("Conv", name, {src, b.constant(name + ".w", support::random_tensor(weights, 3, -1, 1))});
}

// Conv → Conv → Relu → Mirror → Halves → two of Conv, joined.
Graph network() {
  GraphBuilder b;
  ValueId x = random_conv(b, "first", b.input("x", {1, 4, 6, 5}), {16, 4, 1, 1});
  x = random_conv(b, "second", x, {16, 16, 1, 1});
  x = apply(b, mirror(), "mirror", b.node("Relu", "relu", {x}));
  const ValueId half = apply(b, halves(), "halves", x, 2);
  const ValueId left = random_conv(b, "left", half, {8, 8, 1, 1});
  const ValueId right = random_conv(b, "right", half + 1, {8, 8, 1, 1});
  b.output(random_conv(b, "last", b.node("Concat", "both", {left, right}, {{"axis", std::int64_t{1}}}),
                       {3, 16, 1, 1}));
  return b.build();
}

const Step& step_named(const Plan& plan, std::string_view name) {
  for (const Step& step : plan.steps()) {
    if (step.name == name) return step;
  }
  throw Error("no step " + std::string(name));
}

void expect_stored_as(const Plan& plan, DType dtype) {
  for (const char* name : {"mirror", "halves", "both"}) {
    const Step& step = step_named(plan, name);
    for (const TensorDesc& desc : step.src_descs) EXPECT_EQ(desc.dtype, dtype) << name;
    for (const TensorDesc& desc : step.dst_descs) EXPECT_EQ(desc.dtype, dtype) << name;
  }
}

TEST(UnknownMovement, IsQuantized) {
  const Graph prepared = prepared_of(network());
  const QuantizationScheme scheme = plan_quantization(prepared, {});
  const ValueId relu = prepared.find_value("relu");
  ASSERT_TRUE(scheme.rounds(relu));
  for (const char* name : {"mirror", "halves", "halves.1"})
    EXPECT_EQ(scheme.rounded_as[static_cast<std::size_t>(prepared.find_value(name))], relu) << name;
  const Graph quantized =
      quantize(prepared, scheme, calibrated(prepared, scheme, random_images(prepared, 2)));
  const auto plan = compile(quantized, {});
  EXPECT_EQ(plan->precision(), Precision::int8);
  expect_stored_as(*plan, DType::u8);
}

TEST(UnknownMovement, IsStoredIn16Bits) {
  for (const Precision precision : {Precision::bf16, Precision::f16}) {
    CompileOptions options;
    options.precision = precision;
    const auto plan = compile(network(), options);
    expect_stored_as(*plan, *stored_dtype(precision));
    int casts = 0;
    for (const Step& step : plan->steps()) casts += step.op == &ops::op_cast() ? 1 : 0;
    EXPECT_EQ(casts, 1);  // behind the first layer, which stays f32
  }
}

TEST(UnknownMovement, HandsOnThatZerosAreLikely) {
  Graph graph = network();
  run_pass(graph, "skip_zeros");
  EXPECT_FALSE(node_named(graph, "first").hints.sparse_input);
  EXPECT_TRUE(node_named(graph, "left").hints.sparse_input);
  EXPECT_TRUE(node_named(graph, "right").hints.sparse_input);
  EXPECT_FALSE(node_named(graph, "last").hints.sparse_input);
}

TEST(UnknownMovement, IsTakenOutWhereItIsAnIdentity) {
  ops::OpDef nothing = mirror();
  nothing.is_identity = ops::always;
  GraphBuilder b;
  const ValueId x = apply(b, nothing, "nothing", b.conv("first", b.input("x", {1, 4, 6, 5}), {4, 4, 1, 1}));
  b.output(b.conv("second", x, {4, 4, 1, 1}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "eliminate_identity").rewrites, 1);
  EXPECT_EQ(ops_of(graph), (Names{"Conv", "Conv"}));
}

// Every operator that passes do not know by identity.
Graph under_other_names(Graph graph, std::vector<std::unique_ptr<ops::OpDef>>& defs) {
  static constexpr const ops::OpDef& (*kKnown[])() = {
      ops::op_add,     ops::op_batch_normalization, ops::op_cast,     ops::op_dequantize_linear,
      ops::op_mat_mul, ops::op_global_average_pool, ops::op_pad,      ops::op_quantize_linear,
      ops::op_reorder, ops::op_requantize,          ops::op_identity, ops::op_transpose};
  for (Node& node : graph.nodes) {
    bool known = false;
    for (const auto op : kKnown) known |= node.op == &op();
    if (known) continue;
    defs.push_back(std::make_unique<ops::OpDef>(*node.op));
    defs.back()->name = "SomethingElse";
    node.op = defs.back().get();
  }
  return graph;
}

// Products, clamps, poolings and movements in all forms that passes rewrite.
Graph classifier() {
  GraphBuilder b;
  ValueId x = b.input("x", {2, 3, 12, 12});
  x = b.node("Pad", "pad", {x, b.integers("pads", {0, 0, 1, 1, 0, 0, 1, 1})});
  x = b.conv("stem", x, {8, 3, 3, 3});
  const std::vector<ValueId> norm{
      x, b.constant("scale", whole_numbers({8}, 5, 1, 3)), b.constant("shift", whole_numbers({8}, 6)),
      b.constant("mean", whole_numbers({8}, 7)), b.constant("variance", whole_numbers({8}, 8, 1, 4))};
  x = b.node("Relu", "relu", {b.node("BatchNormalization", "norm", norm)});
  const ValueId low = b.number("low", 0), high = b.number("high", 6);
  const ValueId inner = b.node("Clip", "clip", {b.conv("inner", x, {8, 8, 1, 1}), low, high});
  x = b.node("Concat", "joined", {b.node("Add", "sum", {b.conv("outer", inner, {8, 8, 1, 1}), x}), inner},
             {{"axis", std::int64_t{1}}});
  x = b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}});
  x = b.node("AveragePool", "mean_pool", {x}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}});
  x = b.node("Flatten", "flat", {b.node("Transpose", "turned", {x}, {{"perm", ints({0, 1, 3, 2})}})});
  x = b.node(
      "Gemm", "fc",
      {x, b.constant("fc.w", whole_numbers({10, 144}, 9)), b.constant("fc.b", whole_numbers({10}, 10))},
      {{"transB", std::int64_t{1}}, {"beta", 0.5F}});
  b.output(b.node("Softmax", "prob", {x}));
  return b.build();
}

// The kinds of what the steps compute in and between: all that may not depend on a name.
std::vector<std::string> facts_of(const Plan& plan) {
  std::vector<std::string> facts;
  for (const Step& step : plan.steps()) {
    std::string text = step.name + " " + std::string(step.implementation) + " " + step.kernel;
    for (const TensorDesc& desc : step.dst_descs) text += " " + desc.to_string();
    facts.push_back(text);
  }
  return facts;
}

TEST(UnknownOperators, AreTreatedByTheirKind) {
  const Tensor image = support::random_tensor({2, 3, 12, 12}, 5, -1, 1);
  for (const Precision precision : {Precision::f32, Precision::bf16, Precision::f16}) {
    std::vector<std::unique_ptr<ops::OpDef>> defs;
    const Graph graph = classifier(), renamed = under_other_names(classifier(), defs);
    CompileOptions options;
    options.precision = precision;
    EXPECT_EQ(facts_of(*compile(renamed, options)), facts_of(*compile(graph, options)));
    const Tensor expected = copy_of(run_graph(graph, {image}, options)[0]);
    EXPECT_TRUE(same_bytes(run_graph(renamed, {image}, options)[0], expected));
  }
}

TEST(UnknownOperators, AreQuantizedByTheirKind) {
  std::vector<std::unique_ptr<ops::OpDef>> defs;
  const auto quantized_of = [](const Graph& graph) {
    const Graph prepared = prepared_of(graph);
    const QuantizationScheme scheme = plan_quantization(prepared, {});
    return quantize(prepared, scheme, calibrated(prepared, scheme, random_images(prepared, 2), true));
  };
  const Graph graph = quantized_of(classifier());
  const Graph renamed = quantized_of(under_other_names(classifier(), defs));
  EXPECT_EQ(facts_of(*compile(renamed, {})), facts_of(*compile(graph, {})));
  const Tensor image = support::random_tensor({2, 3, 12, 12}, 5, -1, 1);
  const Tensor expected = copy_of(run_graph(graph, {image})[0]);
  EXPECT_TRUE(same_bytes(run_graph(renamed, {image})[0], expected));
}

}  // namespace
}  // namespace godwit::engine
