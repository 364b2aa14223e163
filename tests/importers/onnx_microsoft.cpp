// Operators of com.microsoft, as what they stand for in ONNX.
#include <gtest/gtest.h>

#include "tests/importers/model_maker.h"

namespace godwit::importers::test {
namespace {

using Floats = std::vector<float>;
using Bytes = std::vector<std::uint8_t>;
constexpr int kU8 = 2, kS8 = 3, kS32 = 6;

ModelMaker microsoft_model() {
  ModelMaker maker;
  maker.import_opset("com.microsoft", 1);
  return maker;
}
onnx::Node& add_node(ModelMaker& maker, const char* op, std::initializer_list<const char*> inputs) {
  onnx::Node& node = maker.node(op, inputs, {"y"}, "node");
  node.set_domain("com.microsoft");
  maker.output("y");
  return node;
}
void add_linear(ModelMaker& maker, const char* scale, float step, const char* zero, std::uint8_t point) {
  maker.constant(scale, {}, Floats{step});
  maker.constant(zero, {}, Bytes{point}, kU8);
}
Tensor bytes(std::initializer_list<std::uint8_t> values) {
  return Tensor::of<std::uint8_t>({static_cast<std::int64_t>(values.size())}, values);
}

TEST(OnnxMicrosoft, SumsAndProductsOfQuantisedTensors) {
  for (const bool adds : {true, false}) {
    ModelMaker maker = microsoft_model();
    maker.input("a", {3}, kU8);
    maker.input("b", {3}, kU8);
    add_linear(maker, "as", 0.5F, "az", 10);
    add_linear(maker, "bs", 0.25F, "bz", 4);
    add_linear(maker, "ys", 1, "yz", 100);
    add_node(maker, adds ? "QLinearAdd" : "QLinearMul", {"a", "as", "az", "b", "bs", "bz", "ys", "yz"});
    // a is 2, 4, -5 and b is 1, 2, 59.
    const auto y = run(import(maker), {bytes({14, 18, 0}), bytes({8, 12, 240})})[0];
    EXPECT_EQ(values_of<std::uint8_t>(y), adds ? (Bytes{103, 106, 154}) : (Bytes{102, 108, 0}));
  }
}

TEST(OnnxMicrosoft, ActivationsOfQuantisedTensors) {
  ModelMaker maker = microsoft_model();
  maker.input("x", {3}, kU8);
  add_linear(maker, "xs", 1, "xz", 100);
  add_linear(maker, "ys", 0.5F, "yz", 50);
  set_float(add_node(maker, "QLinearLeakyRelu", {"x", "xs", "xz", "ys", "yz"}), "alpha", 0.25F);
  const auto y = run(import(maker), {bytes({80, 100, 110})})[0];
  EXPECT_EQ(values_of<std::uint8_t>(y), (Bytes{40, 50, 70}));
}

TEST(OnnxMicrosoft, PartsWithScalesOfTheirOwn) {
  ModelMaker maker = microsoft_model();
  maker.input("a", {2}, kU8);
  maker.input("b", {1}, kU8);
  add_linear(maker, "as", 1, "az", 0);
  add_linear(maker, "bs", 2, "bz", 10);
  add_linear(maker, "ys", 1, "yz", 5);
  set_int(add_node(maker, "QLinearConcat", {"ys", "yz", "a", "as", "az", "b", "bs", "bz"}), "axis", 0);
  EXPECT_EQ(values_of<std::uint8_t>(run(import(maker), {bytes({1, 2}), bytes({13})})[0]), (Bytes{6, 7, 11}));
}

// a is 1, 2 and b 1, 3 (by columns of their own scale), the bias 4 steps of 0.5 and 2 of 1.
TEST(OnnxMicrosoft, AGemmOfQuantisedMatrices) {
  for (const bool real : {true, false}) {
    ModelMaker maker = microsoft_model();
    maker.input("a", {1, 2}, kU8);
    add_linear(maker, "as", 0.5F, "az", 0);
    maker.constant("b", {2, 2}, std::vector<std::int8_t>{1, 1, 3, 2}, kS8);
    maker.constant("bs", {2}, Floats{1, 2});
    maker.constant("bz", {2}, std::vector<std::int8_t>{0, 0}, kS8);
    maker.constant("c", {2}, std::vector<std::int32_t>{4, 2}, kS32);
    add_linear(maker, "ys", 0.5F, "yz", 1);
    if (real)
      add_node(maker, "QGemm", {"a", "as", "az", "b", "bs", "bz", "c"});
    else
      add_node(maker, "QGemm", {"a", "as", "az", "b", "bs", "bz", "c", "ys", "yz"});
    const auto y = run(import(maker), {Tensor::of<std::uint8_t>({1, 2}, {2, 4})})[0];
    // 1·1 + 2·3 + 4·0.5 and 1·2 + 2·4 + 2·1.
    if (real)
      EXPECT_EQ(values_of(y), (Floats{9, 12}));
    else
      EXPECT_EQ(values_of<std::uint8_t>(y), (Bytes{19, 25}));
  }
}

TEST(OnnxMicrosoft, AConvolutionWithASumAndAnActivation) {
  ModelMaker maker = microsoft_model();
  maker.input("x", {1, 1, 1, 3});
  maker.input("z", {1, 1, 1, 3});
  maker.constant("w", {1, 1, 1, 1}, Floats{2});
  maker.constant("b", {1}, Floats{-1});
  onnx::Node& node = add_node(maker, "FusedConv", {"x", "w", "b", "z"});
  set_string(node, "activation", "LeakyRelu");
  attribute(node, "activation_params", 6).add_floats(0.5F);
  const auto y = run(import(maker), {Tensor::of<float>({1, 1, 1, 3}, {1, -3, 2}),
                                     Tensor::of<float>({1, 1, 1, 3}, {10, 3, -20})})[0];
  EXPECT_EQ(values_of(y), (Floats{11, -2, -8.5F}));
  set_string(*maker.graph().mutable_node(0), "colour", "red");
  expect_contains(import_error(maker), "attribute 'colour' is not known for this operator");
}

TEST(OnnxMicrosoft, AMaximumOverWindowsOfChannelsLast) {
  ModelMaker maker = microsoft_model();
  maker.input("x", {1, 2, 2, 2}, kU8);
  set_ints(add_node(maker, "NhwcMaxPool", {"x"}), "kernel_shape", {2, 2});
  const auto y = run(import(maker), {Tensor::of<std::uint8_t>({1, 2, 2, 2}, {1, 8, 2, 7, 3, 6, 4, 5})})[0];
  EXPECT_EQ(y.shape(), Shape({1, 1, 1, 2}));
  EXPECT_EQ(values_of<std::uint8_t>(y), (Bytes{4, 8}));
}

TEST(OnnxMicrosoft, ProductsOfIntegersMadeReal) {
  ModelMaker maker = microsoft_model();
  maker.input("a", {1, 2}, kU8);
  maker.constant("b", {2, 1}, std::vector<std::int8_t>{3, -1}, kS8);
  add_linear(maker, "as", 0.5F, "az", 2);
  maker.constant("bs", {}, Floats{4});
  maker.constant("bias", {1}, Floats{100});
  add_node(maker, "MatMulIntegerToFloat", {"a", "b", "as", "bs", "az", "", "bias"});
  // (4 - 2)·3 - (5 - 2) = 3 steps of 2.
  EXPECT_EQ(values_of(run(import(maker), {Tensor::of<std::uint8_t>({1, 2}, {4, 5})})[0]), (Floats{106}));
}

TEST(OnnxMicrosoft, AProductThatQuantisesItsOperand) {
  ModelMaker maker = microsoft_model();
  maker.input("a", {1, 2});
  maker.constant("b", {2, 1}, std::vector<std::int8_t>{2, 1}, kS8);
  maker.constant("bs", {}, Floats{0.5F});
  add_node(maker, "DynamicQuantizeMatMul", {"a", "b", "bs"});
  // A range of 0 to 255 has steps of 1.
  EXPECT_EQ(values_of(run(import(maker), {Tensor::of<float>({1, 2}, {255, 10})})[0]), (Floats{260}));
}

TEST(OnnxMicrosoft, OperatorsThatAreMissingAreNamed) {
  ModelMaker maker = microsoft_model();
  maker.input("x", {2});
  add_node(maker, "Inverse", {"x"});
  expect_contains(import_error(maker), "operator Inverse, domain com.microsoft");
}

}  // namespace
}  // namespace godwit::importers::test
