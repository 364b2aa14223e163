// Operators of com.microsoft that fused models use: the numbers of what they stand for, and refusals.
#include <cmath>
#include <gtest/gtest.h>

#include "tests/importers/model_maker.h"

namespace godwit::importers::test {
namespace {

using Floats = std::vector<float>;

struct Fused {
  Fused(const char* op, std::initializer_list<const char*> inputs,
        std::initializer_list<const char*> outputs) {
    maker.import_opset("com.microsoft", 1);
    node = &maker.node(op, inputs, outputs, "node");
    node->set_domain("com.microsoft");
    for (const char* output : outputs) {
      if (*output != '\0') maker.output(output);
    }
  }
  Floats run_on(const std::vector<Tensor>& src) const { return values_of(run(import(maker), src)[0]); }

  ModelMaker maker;
  onnx::Node* node;
};

Tensor row(const Floats& values) {
  return Tensor::of<float>({1, static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
}

TEST(OnnxFusedForms, Gelu) {
  Fused bias("BiasGelu", {"x", "b"}, {"y"});
  bias.maker.input("x", {1, 2});
  bias.maker.constant("b", {2}, Floats{1, -2});
  const Floats exact = bias.run_on({row({0, 0})});
  EXPECT_NEAR(exact[0], 0.8413447F, 1e-6);
  EXPECT_NEAR(exact[1], -0.0455003F, 1e-6);
  Fused fast("FastGelu", {"x"}, {"y"});
  fast.maker.input("x", {1, 1});
  EXPECT_NEAR(fast.run_on({row({1})})[0], 0.8411920F, 1e-6);
  Fused quick("QuickGelu", {"x"}, {"y"});
  quick.maker.input("x", {1, 1});
  EXPECT_NEAR(quick.run_on({row({1})})[0], 1 / (1 + std::exp(-1.702)), 1e-6);
}

TEST(OnnxFusedForms, Products) {
  Fused product("FusedMatMul", {"x", "w"}, {"y"});
  product.maker.input("x", {1, 2});
  product.maker.constant("w", {2, 2}, Floats{1, 2, 3, 4});
  set_int(*product.node, "transB", 1);
  set_float(*product.node, "alpha", 0.5F);
  EXPECT_EQ(product.run_on({row({2, 4})}), (Floats{5, 11}));
  set_int(*product.node, "transBatchA", 1);
  expect_contains(import_error(product.maker), "attribute 'transBatchA' is 1, which is not supported");
}

TEST(OnnxFusedForms, NormalisedSums) {
  Fused skip("SkipLayerNormalization", {"x", "s", "g", "b"}, {"y", "", "", "sum"});
  skip.maker.input("x", {1, 2});
  skip.maker.constant("s", {1, 2}, Floats{1, 1});
  skip.maker.constant("g", {2}, Floats{2, 2});
  skip.maker.constant("b", {2}, Floats{1, 1});
  const auto results = run(import(skip.maker), {row({0, 4})});
  EXPECT_NEAR(values_of(results[0])[0], -1, 1e-5);
  EXPECT_NEAR(values_of(results[0])[1], 3, 1e-5);
  EXPECT_EQ(values_of(results[1]), (Floats{1, 5}));
  Fused simple("SkipSimplifiedLayerNormalization", {"x", "s", "g"}, {"y"});
  simple.maker.input("x", {1, 2});
  simple.maker.constant("s", {1, 2}, Floats{0, 0});
  simple.maker.constant("g", {2}, Floats{1, 1});
  EXPECT_NEAR(simple.run_on({row({3, 4})})[0], 3 / std::sqrt(12.5), 1e-6);
}

TEST(OnnxFusedForms, AttentionOfOneOperand) {
  // Queries and keys are 0, values twice the input: the mean of both rows.
  Fused attention("Attention", {"x", "w", "b"}, {"y"});
  attention.maker.input("x", {1, 2, 1});
  attention.maker.constant("w", {1, 3}, Floats{0, 0, 2});
  attention.maker.constant("b", {3}, Floats{0, 0, 1});
  set_int(*attention.node, "num_heads", 1);
  const Tensor src = Tensor::of<float>({1, 2, 1}, {1, 3});
  EXPECT_EQ(attention.run_on({src}), (Floats{5, 5}));
  set_int(*attention.node, "unidirectional", 1);
  EXPECT_EQ(attention.run_on({src}), (Floats{3, 5}));
}

TEST(OnnxFusedForms, AttentionOfThree) {
  Fused attention("MultiHeadAttention", {"q", "k", "v", "", "mask"}, {"y"});
  for (const char* name : {"q", "k", "v"}) attention.maker.input(name, {1, 2, 2});
  attention.maker.constant<std::int32_t>("mask", {1, 2}, {1, 0}, 6);
  set_int(*attention.node, "num_heads", 2);
  const Tensor zero = Tensor::of<float>({1, 2, 2}, {0, 0, 0, 0});
  EXPECT_EQ(attention.run_on({zero, zero, Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4})}), (Floats{1, 2, 1, 2}));
  Fused packed("MultiHeadAttention", {"q"}, {"y"});
  packed.maker.input("q", {1, 2, 2});
  set_int(*packed.node, "num_heads", 1);
  expect_contains(import_error(packed.maker), "queries, keys and values in one operand are not supported");
}

TEST(OnnxFusedForms, RefuseWhatTheyDoNotKnow) {
  Fused gelu("Gelu", {"x"}, {"y"});
  gelu.maker.input("x", {1});
  set_int(*gelu.node, "speed", 9);
  expect_contains(import_error(gelu.maker), "attribute 'speed' is not known for this operator");
  Fused bias("BiasGelu", {"x"}, {"y"});
  bias.maker.input("x", {1});
  expect_contains(import_error(bias.maker), "has 1 input, expected 2 to 2");
}

}  // namespace
}  // namespace godwit::importers::test
