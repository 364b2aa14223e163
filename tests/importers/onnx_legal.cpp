// Files that are legal and unusual: words for "any size", inputs with defaults, types that differ within a
// node, tensors without elements.
#include <gtest/gtest.h>
#include <vector>

#include "engine/session.h"
#include "importers/importer.h"
#include "runtime/error.h"
#include "tests/importers/model_maker.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {
namespace {

constexpr int kU8 = 2, kS64 = 7, kF16 = 10;

onnx::TensorShape& shape_of(ModelMaker& maker, int input) {
  return *maker.graph().mutable_input(input)->mutable_type()->mutable_tensor_type()->mutable_shape();
}

std::vector<Float16> halves(const std::vector<float>& values) {
  std::vector<Float16> result;
  for (const float value : values) result.emplace_back(value);
  return result;
}

Tensor f16(const Shape& shape, const std::vector<float>& values) {
  return Tensor::of<Float16>(shape, std::span<const Float16>(halves(values)));
}

std::vector<float> reals(const Tensor& tensor) {
  std::vector<float> result;
  for (const Float16 value : tensor.values<Float16>()) result.push_back(static_cast<float>(value));
  return result;
}

TEST(OnnxLegal, WordsForAnySizeAreNoNames) {
  for (const char* word : {"?", "None", "none", "unknown", "dynamic", "-1"}) {
    ModelMaker maker = good_model();
    shape_of(maker, 0).mutable_dim(0)->set_dim_param(word);
    const engine::Graph graph = import(maker);
    EXPECT_EQ(graph.to_string(graph.value(graph.inputs[0]).desc.shape), "?x3") << word;
    EXPECT_EQ(run(graph, {Tensor::of<float>({1, 3}, {-1, 0, 1})})[0].shape(), (Shape{1, 3}));
  }
  ModelMaker number = good_model();
  shape_of(number, 0).mutable_dim(0)->set_dim_value(-1);
  number.graph().clear_output();
  number.output("y", {});
  EXPECT_EQ(import(number).value(import(number).inputs[0]).desc.shape, (Shape{kAnyDim, 3}));
}

TEST(OnnxLegal, ANameThatStandsForAllDimensionsSaysNothing) {
  ModelMaker maker = good_model();
  for (int axis = 0; axis < 2; ++axis) shape_of(maker, 0).mutable_dim(axis)->set_dim_param("size");
  const engine::Graph graph = import(maker);
  EXPECT_EQ(graph.to_string(graph.value(graph.inputs[0]).desc.shape), "?x?");
  EXPECT_EQ(values_of(run(graph, {Tensor::of<float>({1, 2}, {-1, 2})})[0]), (std::vector<float>{0, 2}));
}

ModelMaker with_default() {
  ModelMaker maker;
  maker.model.set_ir_version(8);
  maker.input("x", {2});
  maker.input("w", {2});
  maker.output("y");
  maker.constant("w", {2}, std::vector<float>{1, 2});
  maker.node("Mul", {"x", "w"}, {"y"});
  return maker;
}

TEST(OnnxLegal, InputsWithDefaults) {
  const Tensor x = Tensor::of<float>({2}, {3, 4});
  engine::Graph graph = import(with_default());
  ASSERT_EQ(graph.inputs.size(), 1U);
  ASSERT_EQ(graph.declared_inputs.size(), 2U);
  EXPECT_EQ(graph.value(graph.declared_inputs[1]).name, "w");
  EXPECT_EQ(values_of(run(graph, {x})[0]), (std::vector<float>{3, 8}));
  engine::make_known(graph, "w", Tensor::of<float>({2}, {-1, -2}));
  EXPECT_EQ(values_of(run(graph, {x})[0]), (std::vector<float>{-3, -8}));
  EXPECT_EQ(support::error_of([&] { engine::make_known(graph, "w", Tensor::of<std::int64_t>({1}, {1})); }),
            "input 'w' is f32, but s64 was given");
  EXPECT_EQ(support::error_of([&] { engine::make_known(graph, "v", x); }), "the model has no input 'v'");
}

TEST(OnnxLegal, DefaultsAreWrittenAndReadBack) {
  const TemporaryDirectory folder;
  save_onnx(import(with_default()), folder / "again.onnx");
  const engine::Graph again = load(folder / "again.onnx");
  EXPECT_EQ(again.declared_inputs.size(), 2U);
  EXPECT_EQ(again.inputs.size(), 1U);
}

TEST(OnnxLegal, OldFilesDeclareTheirWeightsAsInputs) {
  ModelMaker maker = with_default();
  maker.model.set_ir_version(3);
  EXPECT_TRUE(import(maker).declared_inputs.empty());
}

TEST(OnnxLegal, DefaultsHaveTheDeclaredType) {
  ModelMaker maker = with_default();
  maker.graph().mutable_input(1)->mutable_type()->mutable_tensor_type()->set_elem_type(kS64);
  expect_contains(import_error(maker), "input 'w': is declared s64, but its initializer is f32");
}

TEST(OnnxLegal, NormalizationWithStatisticsOfAnotherType) {
  for (const bool scale_too : {false, true}) {
    ModelMaker maker(15);
    maker.input("x", {1, 2, 1, 1}, kF16);
    maker.output("y");
    if (scale_too) {
      maker.constant("s", {2}, std::vector<float>{2, 4});
      maker.constant("b", {2}, std::vector<float>{1, 1});
    } else {
      maker.constant("s", {2}, halves({2, 4}), kF16);
      maker.constant("b", {2}, halves({1, 1}), kF16);
    }
    maker.constant("m", {2}, std::vector<float>{1, 2});
    maker.constant("v", {2}, std::vector<float>{4, 4});
    set_float(maker.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"}), "epsilon", 0);
    EXPECT_EQ(reals(run(import(maker), {f16({1, 2, 1, 1}, {3, 4})})[0]), (std::vector<float>{3, 5}));
    maker.constant("w", {2}, std::vector<double>{4, 4}, 11);
    maker.graph().mutable_node(0)->set_input(4, "w");
    expect_contains(import_error(maker), "input 4 is f64, expected f32 as input 3");
  }
}

TEST(OnnxLegal, QuantizationOfHalves) {
  ModelMaker maker(19);
  maker.input("x", {3}, kF16);
  maker.output("y");
  maker.constant("s", {}, halves({0.5F}), kF16);
  maker.constant<std::uint8_t>("z", {}, {10}, kU8);
  maker.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  maker.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  engine::CompileOptions as_it_is;
  for (const bool raised : {true, false}) {
    if (!raised) as_it_is.disabled_passes = {"raise_precision"};
    const engine::Graph graph = import(maker);
    engine::Session session(engine::compile(graph, as_it_is), {1});
    const std::vector<Tensor> src = {f16({3}, {-9, 0.25F, 1.75F})};
    // 0.5 and 3.5 steps are halfway between whole numbers.
    EXPECT_EQ(reals(session.run(src)[0]), (std::vector<float>{-5, 0, 2}));
  }
  const TemporaryDirectory folder;
  save_onnx(import(maker), folder / "again.onnx");
  expect_contains(load(folder / "again.onnx").format, "opset 19");
}

TEST(OnnxLegal, TensorsWithoutElements) {
  ModelMaker concat;
  concat.input("a", {1, 2});
  concat.input("b", {1, 0});
  concat.output("y");
  set_int(concat.node("Concat", {"a", "b"}, {"y"}), "axis", 1);
  EXPECT_EQ(
      values_of(run(import(concat), {Tensor::of<float>({1, 2}, {5, 6}), Tensor::of<float>({1, 0}, {})})[0]),
      (std::vector<float>{5, 6}));

  ModelMaker pool;
  pool.input("x", {1, 1, 5, 4});
  pool.output("y");
  onnx::Node& node = pool.node("MaxPool", {"x"}, {"y"});
  set_ints(node, "kernel_shape", {7, 2});
  set_ints(node, "strides", {2, 2});
  const std::vector<float> zeros(20, 0.0F);
  EXPECT_EQ(run(import(pool), {Tensor::of<float>({1, 1, 5, 4}, std::span<const float>(zeros))})[0].shape(),
            (Shape{1, 1, 0, 2}));

  ModelMaker conv;
  conv.input("x", {-1, 1, 2, 2});
  conv.output("y");
  conv.constant("w", {3, 1, 1, 1}, std::vector<float>{1, 2, 3});
  conv.node("Conv", {"x", "w"}, {"c"});
  conv.node("Relu", {"c"}, {"y"});
  engine::CompileOptions none;
  none.shapes["x"] = {0, 1, 2, 2};
  engine::Session session(engine::compile(import(conv), none), {2});
  const std::vector<Tensor> src = {Tensor({DType::f32, {0, 1, 2, 2}, Layout::nchw})};
  EXPECT_EQ(session.run(src)[0].shape(), (Shape{0, 3, 2, 2}));
}

TEST(OnnxLegal, CallersMayHandInAndTakeF32) {
  ModelMaker maker;
  maker.input("x", {1, 1, 2, 2}, kU8);
  maker.output("y", {}, kF16);
  set_int(maker.node("Cast", {"x"}, {"y"}), "to", kF16);
  maker.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  engine::CompileOptions options;
  options.f32_inputs = options.f32_outputs = true;
  engine::Session session(engine::compile(import(maker), options), {1});
  const std::vector<Tensor> src = {Tensor::of<float>({1, 1, 2, 2}, {0, 1, 128, 255})};
  EXPECT_EQ(values_of(session.run(src)[0]), (std::vector<float>{0, 1, 128, 255}));
  EXPECT_EQ(session.plan().outputs()[0].name, "y");
}

}  // namespace
}  // namespace godwit::importers::test
