// lower_precision and raise_precision: what is stored in 16 bits, where casts stand, what stays f32.
#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/tolerance.h"

namespace godwit::engine {
namespace {

using support::random_tensor;
using support::stored;

CompileOptions with(Precision precision) { return {.precision = precision}; }

// conv1 → conv2 + conv1 → MaxPool → GlobalAveragePool → Flatten → Gemm → Softmax
GraphBuilder network() {
  GraphBuilder b;
  const auto weights = [&](const std::string& name, const Shape& shape) {
    return b.constant(name, random_tensor(shape, 7, -0.3, 0.3));
  };
  const ValueId x = b.input("x", {b.graph().symbol("N"), 3, 9, 9});
  const ValueId conv1 = b.node("Conv", "conv1", {x, weights("w1", {8, 3, 3, 3})});
  const ValueId conv2 = b.node("Conv", "conv2", {conv1, weights("w2", {8, 8, 3, 3}), weights("b2", {8})},
                               {{"pads", ints({1, 1, 1, 1})}});
  const ValueId sum = b.node("Relu", "relu", {b.node("Add", "add", {conv2, conv1})});
  const ValueId pool = b.node("MaxPool", "pool", {sum}, {{"kernel_shape", ints({2, 2})}});
  const ValueId mean = b.node("Flatten", "flatten", {b.node("GlobalAveragePool", "mean", {pool})});
  const ValueId scores = b.node("Gemm", "scores", {mean, weights("w3", {8, 5}), weights("b3", {5})});
  b.output(b.node("Softmax", "prob", {scores}));
  return b;
}

const Step& step_of(const Plan& plan, std::string_view op, std::size_t nth = 0) {
  for (const Step& step : plan.steps()) {
    if (step.op->name == op && nth-- == 0) return step;
  }
  throw Error(std::string("no step ") + std::string(op));
}

TEST(LowerPrecision, StoresWhatLiesBetweenTheFirstProductAndTheLast) {
  for (const Precision precision : {Precision::f16, Precision::bf16}) {
    const DType dtype = *stored_dtype(precision);
    const auto plan = compile(network().build(), with(precision));
    EXPECT_EQ(plan->precision(), precision);
    // The first layer computes in f32; its result is cast once, for both of its readers.
    EXPECT_EQ(step_of(*plan, "Conv").src_descs[0].dtype, DType::f32);
    EXPECT_EQ(step_of(*plan, "Conv").dst_descs[0].dtype, DType::f32);
    EXPECT_EQ(std::ranges::count(plan->steps(), "Cast", [](const Step& step) { return step.op->name; }), 1);
    EXPECT_EQ(step_of(*plan, "Cast").implementation, "cast_spans");
    const Step& conv2 = step_of(*plan, "Conv", 1);
    EXPECT_EQ(conv2.src_descs[0].dtype, dtype);
    EXPECT_EQ(conv2.src_descs[1].dtype, dtype);
    EXPECT_EQ(conv2.src_descs[2].dtype, DType::f32);  // the bias
    EXPECT_EQ(conv2.dst_descs[0].dtype, dtype);
    EXPECT_EQ(step_of(*plan, "MaxPool").implementation, "max_pool_nhwc");
    EXPECT_EQ(step_of(*plan, "GlobalAveragePool").dst_descs[0].dtype, dtype);
    // Nobody wants the scores in 16 bits.
    EXPECT_EQ(step_of(*plan, "Gemm").implementation, "gemm_panels");
    EXPECT_EQ(step_of(*plan, "Gemm").src_descs[0].dtype, dtype);
    EXPECT_EQ(step_of(*plan, "Gemm").dst_descs[0].dtype, DType::f32);
    EXPECT_EQ(step_of(*plan, "Softmax").src_descs[0].dtype, DType::f32);
  }
}

TEST(LowerPrecision, GivesTheSameBitsForEveryBatchAndNumberOfThreads) {
  for (const Precision precision : {Precision::f16, Precision::bf16}) {
    const auto one = compile(network().build(), with(precision));
    const auto three = one->with_shapes({{"x", {3, 3, 9, 9}}});
    const Tensor images = random_tensor({3, 3, 9, 9}, 1);
    const Tensor all = run_plan(three, {images}, 2)[0];
    EXPECT_TRUE(same_bytes(all, run_plan(three, {images}, 1)[0]));
    for (std::int64_t i = 0; i < 3; ++i) {
      Tensor image(TensorDesc{DType::f32, {1, 3, 9, 9}, Layout::nchw});
      std::memcpy(image.mutable_data(), images.values<float>().data() + i * 243, image.bytes());
      const Tensor result = run_plan(one, {image}, 2)[0];
      EXPECT_EQ(std::memcmp(result.data(), all.values<float>().data() + i * 5, result.bytes()), 0);
    }
  }
}

TEST(LowerPrecision, AgreesWithTheReferencesOfItsOwnGraph) {
  for (const Precision precision : {Precision::f16, Precision::bf16}) {
    Graph graph = network().build();
    bind_input(graph, "x", {1, 3, 9, 9});
    infer_shapes(graph);
    run_pipeline(graph, {}, {.disabled = {"choose_layout", "prepack_weights"}, .precision = precision});
    const std::vector<Tensor> inputs{random_tensor({1, 3, 9, 9}, 1)};
    const Tensor expected = evaluate_graph(graph, inputs)[0];
    CompileOptions options = with(precision);
    options.shapes = {{"x", {1, 3, 9, 9}}};
    // Sums that differ in their last bits may be stored as neighbours: a few roundings of numbers near 1.
    const double unit = support::stored_units(*stored_dtype(precision)).roundoff;
    support::expect_close(run_graph(network().build(), inputs, options)[0], expected,
                          [&](const support::Element&) { return 16 * unit; });
  }
}

TEST(LowerPrecision, LeavesTheCallersOutputsInF32) {
  GraphBuilder b = network();
  b.output(b.graph().find_value("relu"));
  const auto plan = compile(b.build(), with(Precision::f16));
  for (const PlanInput& output : plan->outputs()) EXPECT_EQ(output.desc.dtype, DType::f32) << output.name;
  EXPECT_EQ(step_of(*plan, "MaxPool").src_descs[0].dtype, DType::f16);
  const auto results = run_plan(plan, {random_tensor({1, 3, 9, 9}, 1)});
  // The caller gets the stored values.
  support::expect_close(stored(stored(results[1], DType::f16), DType::f32), results[1], support::exact());
}

TEST(LowerPrecision, JoinsAndMovesWithoutCasts) {
  GraphBuilder b;
  const ValueId conv1 = b.conv("conv1", b.input("x", {1, 2, 6, 6}), {4, 2, 1, 1});
  const ValueId left = b.conv("left", conv1, {4, 4, 1, 1}), right = b.conv("right", conv1, {4, 4, 1, 1});
  const ValueId both = b.node("Concat", "both", {left, right}, {{"axis", std::int64_t{1}}});
  b.output(b.conv("last", both, {3, 8, 1, 1}));
  const auto plan = compile(b.build(), with(Precision::f16));
  EXPECT_EQ(step_of(*plan, "Concat").dst_descs[0].dtype, DType::f16);
  EXPECT_EQ(std::ranges::count(plan->steps(), "Cast", [](const Step& step) { return step.op->name; }), 1);
}

TEST(LowerPrecision, SaysWhenNothingCanBeStored) {
  GraphBuilder b;
  b.output(b.conv("conv", b.input("x", {1, 2, 4, 4}), {4, 2, 1, 1}));
  const auto plan = compile(b.build(), with(Precision::f16));
  EXPECT_EQ(plan->precision(), Precision::f32);
  EXPECT_EQ(plan->notes(),
            (std::vector<std::string>{"no layer of this model can be stored in f16, so it runs in f32"}));
  EXPECT_TRUE(compile(b.build(), with(Precision::f32))->notes().empty());
}

// The same network as somebody would have exported it in 16 bits.
GraphBuilder exported(DType dtype) {
  GraphBuilder b = network();
  Graph& graph = b.graph();
  for (Value& value : graph.values) {
    if (value.constant) value.constant = stored(*value.constant, dtype);
    value.desc.dtype = dtype;
  }
  return b;
}

TEST(RaisePrecision, ComputesASixteenBitModelAsTheSameModelStoredSo) {
  for (const Precision precision : {Precision::f16, Precision::bf16}) {
    const DType dtype = *stored_dtype(precision);
    const Graph graph = exported(dtype).build();
    const auto plan = compile(graph);
    EXPECT_EQ(plan->precision(), precision);
    EXPECT_EQ(plan->inputs()[0].desc.dtype, dtype);
    EXPECT_EQ(plan->outputs()[0].desc.dtype, dtype);
    EXPECT_EQ(step_of(*plan, "Conv", 1).src_descs[0].dtype, dtype);
    EXPECT_EQ(compile(graph, with(Precision::f32))->precision(), Precision::f32);

    // Weights that were rounded before give what --precision makes of them; the caller's tensors are rounded.
    GraphBuilder real = network();
    for (Value& value : real.graph().values) {
      if (value.constant) value.constant = stored(stored(*value.constant, dtype), DType::f32);
    }
    const Tensor image = stored(random_tensor({1, 3, 9, 9}, 1), dtype);
    const Tensor expected = run_graph(real.build(), {stored(image, DType::f32)}, with(precision))[0];
    EXPECT_TRUE(same_bytes(run_plan(plan, {image})[0], stored(expected, dtype)));
  }
}

TEST(RaisePrecision, WithoutItTheReferencesCompute) {
  const Graph graph = exported(DType::f16).build();
  const std::vector<Tensor> inputs{stored(random_tensor({1, 3, 9, 9}, 1), DType::f16)};
  CompileOptions options;
  options.disabled_passes = {"raise_precision"};
  const Tensor plain = run_graph(graph, inputs, options)[0];
  support::expect_close(run_graph(graph, inputs)[0], plain,
                        [](const support::Element&) { return 16 * 0x1p-11; });
}

TEST(RaisePrecision, LeavesModelsThatOnlyCast) {
  GraphBuilder b;
  const ValueId narrow = b.node("Cast", "narrow", {b.input("x", {4})}, {{"to", std::int64_t{10}}});
  b.output(b.node("Cast", "wide", {narrow}, {{"to", std::int64_t{1}}}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "raise_precision").rewrites, 0);
  const Tensor src = Tensor::of<float>({4}, {1.0F, 1.0001F, 70000.0F, -3.3F});
  support::expect_close(run_graph(b.build(), {src})[0], stored(stored(src, DType::f16), DType::f32),
                        support::exact());
}

TEST(RaisePrecision, KeepsWhatAnAttributeTypes) {
  GraphBuilder b;
  Tensor value(TensorDesc{DType::f16, {1}, Layout::nchw});
  value.mutable_values<Float16>()[0] = Float16(1.5F);
  const ValueId shape = b.node("Shape", "shape", {b.input("x", {2, 3}, DType::f16)});
  const ValueId filled = b.node("ConstantOfShape", "filled", {shape}, {{"value", value}});
  b.output(b.node("Add", "add", {filled, b.graph().find_value("x")}));
  CompileOptions options;
  options.disabled_passes = {"fold_constants"};
  const Tensor src = stored(random_tensor({2, 3}, 1), DType::f16);
  Tensor expected = stored(src, DType::f32);
  for (float& x : expected.mutable_values<float>()) x += 1.5F;
  EXPECT_TRUE(same_bytes(run_graph(b.build(), {src}, options)[0], stored(expected, DType::f16)));
}

}  // namespace
}  // namespace godwit::engine
