// QDQ graphs: where rounding stands, what weights and biases become, and what is refused.
#include "engine/quantize.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

#include "engine/compare_layers.h"
#include "engine/dequantized.h"
#include "engine/layer_noise.h"
#include "engine/plan.h"
#include "ops/kernel_table.h"
#include "ops/quantization.h"
#include "tests/engine/quantize_helpers.h"

namespace godwit::engine {
namespace {

Tensor random_weights(const Shape& shape, std::uint64_t seed) {
  return support::random_tensor<float>(shape, seed, -0.5, 0.5);
}

// conv1 → relu1 → pool → conv2 (+ relu1's branch) → add → relu2 → mean → flat → fc → softmax.
Graph residual_network() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const auto conv = [&](const char* name, ValueId src, const Shape& shape, std::uint64_t seed) {
    return builder.node("Conv", name,
                        {src, builder.constant(fmt::format("{}.w", name), random_weights(shape, seed)),
                         builder.constant(fmt::format("{}.b", name), random_weights({shape[0]}, seed + 1))},
                        {{"pads", ints({1, 1, 1, 1})}});
  };
  const ValueId relu1 = builder.node("Relu", "relu1", {conv("conv1", x, {8, 3, 3, 3}, 1)});
  const ValueId pool =
      builder.node("MaxPool", "pool", {relu1}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}});
  const ValueId add = builder.node("Add", "add", {conv("conv2", pool, {8, 8, 3, 3}, 3), pool});
  const ValueId mean = builder.node("GlobalAveragePool", "mean", {builder.node("Relu", "relu2", {add})});
  const ValueId flat = builder.node("Flatten", "flat", {mean});
  const ValueId fc = builder.node("Gemm", "fc",
                                  {flat, builder.constant("fc.w", random_weights({8, 5}, 5)),
                                   builder.constant("fc.b", random_weights({5}, 6))});
  builder.output(builder.node("Softmax", "prob", {fc}, {{"axis", std::int64_t{1}}}));
  return builder.build();
}

Graph quantized_of(const Graph& graph, const Names& keep = {}, bool corrects = false) {
  const Graph prepared = prepared_of(graph);
  const QuantizationScheme scheme = plan_quantization(prepared, keep);
  return quantize(prepared, scheme, calibrated(prepared, scheme, random_images(prepared, 4), corrects));
}

TEST(Quantize, RoundsAroundEveryLayerAndLeavesScoresInF32) {
  EXPECT_EQ(
      chain(quantized_of(residual_network())),
      "QuantizeLinear DequantizeLinear Conv Relu QuantizeLinear DequantizeLinear MaxPool QuantizeLinear "
      "DequantizeLinear Conv QuantizeLinear DequantizeLinear DequantizeLinear Add Relu QuantizeLinear "
      "DequantizeLinear GlobalAveragePool QuantizeLinear DequantizeLinear Flatten QuantizeLinear "
      "DequantizeLinear Gemm Softmax");
}

TEST(Quantize, MaxPoolAndFlattenKeepTheirOperandsScale) {
  const Graph graph = quantized_of(residual_network());
  const auto scale_of_value = [&](const char* name) {
    return node_named(graph, fmt::format("{}_QuantizeLinear", name)).inputs[1];
  };
  EXPECT_EQ(scale_of_value("pool"), scale_of_value("relu1"));
  EXPECT_EQ(scale_of_value("flat"), scale_of_value("mean"));
  EXPECT_NE(scale_of_value("mean"), scale_of_value("relu2"));
  for (const char* name : {"relu1", "relu2", "mean"}) {
    const ValueId zero = node_named(graph, fmt::format("{}_QuantizeLinear", name)).inputs[2];
    EXPECT_EQ(graph.value(zero).constant->values<std::uint8_t>()[0], 0) << name;
  }
}

TEST(Quantize, ScoresStayCloseToF32) {
  const Graph graph = residual_network();
  for (const bool corrects : {false, true}) {
    const Graph quantized = quantized_of(graph, {}, corrects);
    const Tensor x = support::random_tensor<float>({1, 3, 8, 8}, 50);
    const Tensor expected = run_graph(graph, {x})[0], actual = run_graph(quantized, {x})[0];
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 0.02);
  }
}

TEST(Quantize, KeptNodesReadAndGiveF32) {
  const Graph graph = quantized_of(residual_network(), {"conv2"});
  const Node& conv = node_named(graph, "conv2");
  EXPECT_TRUE(graph.value(conv.inputs[1]).constant.has_value()) << "its weights are f32 constants";
  EXPECT_EQ(error_of([] { (void)quantized_of(residual_network(), {"conv9"}); }),
            "the model has no node 'conv9' to keep in f32");
  const Graph all = prepared_of(residual_network());
  Names names;
  for (const Node& node : all.nodes) names.push_back(node.name);
  EXPECT_FALSE(is_quantized(quantized_of(residual_network(), names)));
}

TEST(Quantize, BatchNormIsFoldedAndTheActivationStaysANode) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 2, 4, 4});
  const ValueId conv = builder.conv("conv", x, {2, 2, 1, 1});
  std::vector<ValueId> operands{conv};
  for (const char* name : {"scale", "shift", "mean", "variance"})
    operands.push_back(builder.constant(name, Tensor::of<float>({2}, {0.5F, 2.0F})));
  const ValueId norm = builder.node("BatchNormalization", "bn", operands);
  const ValueId relu = builder.node("Relu", "relu", {norm});
  builder.output(
      builder.node("Conv", "last", {relu, builder.constant("w", random_weights({1, 2, 1, 1}, 1))}));
  EXPECT_EQ(chain(quantized_of(builder.build())),
            "QuantizeLinear DequantizeLinear Conv Relu QuantizeLinear DequantizeLinear Conv");
}

TEST(QuantizeWeights, EachChannelIsAtMostHalfAStepOff) {
  const Tensor weights = random_weights({6, 4, 3, 3}, 9);
  for (const int axis : {0, 1}) {
    const QuantizedWeights quantized = quantize_weights(weights, axis, {}, 0.1F);
    const Tensor reals = dequantize_weights(quantized, axis);
    for (std::size_t i = 0; i < 6 * 4 * 9; ++i) {
      const std::size_t channel = axis == 0 ? i / 36 : i / 9 % 4;
      const float scale = quantized.scales.values<float>()[channel];
      EXPECT_LE(std::abs(reals.values<float>()[i] - weights.values<float>()[i]), 0.5001F * scale);
      EXPECT_GE(quantized.numbers.values<std::int8_t>()[i], -127);
    }
  }
}

// Every weight within a step and a half of what it was, every pair of a row within 16 bits.
void expect_pairs_fit(const Graph& graph, const Shape& shape) {
  const Node& node = graph.nodes.back();
  const int axis = *weight_axis(graph, node);
  const Tensor weights = *graph.value(node.inputs[1]).constant;
  const QuantizedWeights quantized =
      quantize_weights(weights, axis, {}, 0.1F, paired_weights(node, shape, axis));
  const Tensor reals = dequantize_weights(quantized, axis);
  const auto numbers = quantized.numbers.values<std::int8_t>();
  float widest = 0;
  for (const float scale : quantized.scales.values<float>()) widest = std::max(widest, scale);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    EXPECT_LE(std::abs(reals.values<float>()[i] - weights.values<float>()[i]), 1.5001F * widest);
  std::size_t pairs = 0;
  paired_weights(node, shape, axis)([&](std::size_t i, std::size_t j) {
    ++pairs;
    EXPECT_TRUE(ops::pair_fits(numbers[i], numbers[j])) << i << " " << j;
  });
  EXPECT_GE(pairs * 3, numbers.size());
}

TEST(QuantizeWeights, PairsFitInto16Bits) {
  const auto weights_of = [](const Shape& shape) {
    Tensor weights = random_weights(shape, 7);
    const auto values = weights.mutable_values<float>();
    // Steps that meet the bound half way between two numbers.
    for (std::size_t i = 0; i < 8; ++i) values[i] = i % 2 == 0 ? 0.50390625F : 0.49609375F;
    return weights;
  };
  const auto conv = [&](const Shape& src, const Shape& shape) {
    GraphBuilder builder;
    const ValueId x = builder.input("x", src);
    builder.output(builder.node("Conv", "conv", {x, builder.constant("w", weights_of(shape))}));
    expect_pairs_fit(builder.build(), shape);
  };
  conv({1, 16, 5, 5}, {9, 16, 1, 1});
  conv({1, 13, 5, 5}, {9, 13, 3, 3});
  conv({1, 3, 9, 9}, {8, 3, 7, 7});  // whole rows of the kernel
  for (const bool transposed : {false, true}) {
    const Shape shape = transposed ? Shape{6, 34} : Shape{34, 6};
    GraphBuilder builder;
    const ValueId x = builder.input("x", {2, 34});
    builder.output(builder.node("Gemm", "fc", {x, builder.constant("w", weights_of(shape))},
                                {{"transB", std::int64_t{transposed ? 1 : 0}}}));
    expect_pairs_fit(builder.build(), shape);
  }
}

// paired_weights() pairs what the layers' algorithms add up first: their weights fit as they are packed.
TEST(QuantizeWeights, LayersFindTheirPairsWithin16Bits) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const auto conv = [&](const char* name, ValueId src, const Shape& shape) {
    return builder.node(
        "Relu", fmt::format("{}.relu", name),
        {builder.node("Conv", name,
                      {src, builder.constant(fmt::format("{}.w", name), random_weights(shape, 3))})});
  };
  const ValueId last = conv("c", conv("b", conv("a", x, {24, 3, 3, 3}), {13, 24, 1, 1}), {8, 13, 3, 3});
  const ValueId flat = builder.node("Flatten", "flat", {builder.node("GlobalAveragePool", "mean", {last})});
  builder.output(builder.node("MatMul", "fc", {flat, builder.constant("fc.w", random_weights({8, 5}, 5))}));
  const auto plan = compile(quantized_of(builder.build()), {});
  int products = 0;
  for (const Step& step : plan->steps()) {
    if (step.op->name != "QuantizedConv" && step.op->name != "QuantizedMatMul") continue;
    ++products;
    if (ops::maddubs_kernels(best_isa()) == nullptr) continue;
    // Kernels that skip zeros take pairs within 16 bits only, as well.
    EXPECT_TRUE(step.kernel.starts_with("gemm_maddubs_") || step.kernel.starts_with("sparse_gemm_s8_"))
        << step.name << ": " << step.kernel;
  }
  EXPECT_EQ(products, 4);
}

TEST(QuantizeWeights, DepthwiseConvolutionsHaveNoPairsAndFullRangeKeepsAllSteps) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 4, 5, 5});
  const ValueId depthwise =
      builder.node("Conv", "depthwise", {x, builder.constant("w", random_weights({4, 1, 3, 3}, 1))},
                   {{"group", std::int64_t{4}}});
  builder.output(depthwise);
  const Graph graph = builder.build();
  EXPECT_FALSE(paired_weights(graph.nodes.back(), {4, 1, 3, 3}, 0));

  const Graph prepared = prepared_of(residual_network());
  const QuantizationScheme scheme = plan_quantization(prepared, {});
  Quantization quantization = calibrated(prepared, scheme, random_images(prepared, 2), false);
  const auto largest = [&](NodeId node) {
    const QuantizedWeights weights = quantized_weights_of(prepared, node, quantization, 0.1F);
    int most = 0;
    for (const std::int8_t number : weights.numbers.values<std::int8_t>())
      most = std::max(most, std::abs(number));
    return most;
  };
  const auto conv =
      static_cast<NodeId>(std::ranges::find(prepared.nodes, "conv2", &Node::name) - prepared.nodes.begin());
  EXPECT_LT(largest(conv), 127);
  quantization.full_range = true;
  EXPECT_EQ(largest(conv), 127);
}

TEST(QuantizeWeights, NoScaleIs0AndNoBiasOverflows) {
  const Tensor weights = Tensor::of<float>({4, 1}, {1.0F, 0.0F, 1e-35F, 1e-8F});
  const std::vector<double> bias{0, 0.75, 0, 5};
  const QuantizedWeights quantized = quantize_weights(weights, 0, bias, 0.01F);
  const Tensor steps = quantize_bias(bias, 0.01F, quantized.scales);
  for (std::size_t c = 0; c < 4; ++c) {
    const float scale = quantized.scales.values<float>()[c];
    EXPECT_GE(scale, std::numeric_limits<float>::min());
    EXPECT_LE(std::abs(steps.values<std::int32_t>()[c]), 1 << 30);
    EXPECT_NEAR(static_cast<double>(steps.values<std::int32_t>()[c]) * static_cast<double>(0.01F * scale),
                bias[c], static_cast<double>(0.01F * scale))
        << c;
  }
  EXPECT_EQ(quantized.numbers.values<std::int8_t>()[1], 0);
  const QuantizedWeights nothing = quantize_weights(Tensor::of<float>({2}, {0.0F, 0.0F}), 0, {}, 1);
  EXPECT_FLOAT_EQ(nothing.scales.values<float>()[0], 1.0F / 127);
}

TEST(Quantize, WhatCannotBeQuantised) {
  const Graph quantized = quantized_of(residual_network());
  EXPECT_NE(error_of([&] { (void)prepared_of(quantized); }).find("quantised already"), std::string::npos);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Graph graph = residual_network();
    Tensor weights = copy_of(*graph.value(graph.find_value("conv2.w")).constant);
    weights.mutable_values<float>()[3] = bad;
    graph.value(graph.find_value("conv2.w")).constant = weights;
    const Graph prepared = prepared_of(graph);
    const std::string error = error_of([&] { (void)plan_quantization(prepared, {}); });
    EXPECT_NE(error.find("node 'conv2' (Conv): weight 'conv2.w' has a value of"), std::string::npos) << error;
    EXPECT_NO_THROW((void)plan_quantization(prepared, {"conv2"}));
  }
}

TEST(Quantize, AConstantActivationIsExact) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, 2, 2});
  const ValueId none = builder.node("Mul", "none", {x, builder.number("zero", 0)});
  const ValueId same = builder.node("Add", "same", {none, builder.number("three", 3)});
  const ValueId w = builder.constant("w", Tensor::of<float>({1, 1, 1, 1}, {1.0F}));
  builder.output(builder.node("Conv", "a", {none, w})).output(builder.node("Conv", "b", {same, w}));
  const Graph graph = builder.build();
  const std::vector<Tensor> outputs =
      run_graph(quantized_of(graph), {support::random_tensor<float>({1, 1, 2, 2}, 1)});
  EXPECT_EQ(outputs[0].values<float>()[0], 0.0F);
  EXPECT_NEAR(outputs[1].values<float>()[0], 3.0F, 1e-5F);
}

TEST(CorrectBias, TakesTheMeanErrorOfEveryChannelAway) {
  const Graph prepared = prepared_of(residual_network());
  const QuantizationScheme scheme = plan_quantization(prepared, {});
  const CalibrationImages images = random_images(prepared, 8);
  Quantization quantization = calibrated(prepared, scheme, images, true);
  double before = 0, after = 0;
  const auto first = quantization.bias_shifts;
  for (const auto& [node, shift] : first)
    for (const double value : shift) before = std::max(before, std::abs(value));
  for (const auto& [node, shift] : correct_bias(prepared, scheme, quantization, images))
    for (const double value : shift) after = std::max(after, std::abs(value));
  EXPECT_EQ(first.size(), 3U);
  EXPECT_GT(before, 1e-4);
  EXPECT_LT(after, before / 50) << "what is left is the rounding of the bias itself";
}

TEST(WithoutQuantization, GivesTheGraphWithRoundedWeights) {
  const Graph plain = without_quantization(quantized_of(residual_network()));
  EXPECT_EQ(chain(plain), "Conv Relu MaxPool Conv Add Relu GlobalAveragePool Flatten Gemm Softmax");
  EXPECT_NE(error_of([] { (void)without_quantization(residual_network()); }).find("expected a QDQ model"),
            std::string::npos);
}

TEST(CompareLayers, TellsTheModelsOwnLayers) {
  const Graph reference = residual_network(), quantized = quantized_of(reference);
  const std::vector<LayerPair> pairs = pair_layers(reference, quantized);
  Names names;
  for (const LayerPair& pair : pairs) names.push_back(pair.layers);
  EXPECT_EQ(names, (Names{"conv1 + relu1", "pool", "conv2", "add + relu2", "mean", "flat", "fc", "prob"}));
  const CalibrationImages images = random_images(reference, 3);
  for (const Difference& difference : compare_layers(reference, images, quantized, images.compile, pairs)) {
    EXPECT_GT(difference.sqnr_db(), 20);
    EXPECT_GT(difference.cosine(), 0.99);
    EXPECT_GT(difference.largest(), 0);
  }
  for (const Difference& same :
       compare_layers(reference, images, reference, images.compile, pair_layers(reference, reference))) {
    EXPECT_EQ(same.sqnr_db(), std::numeric_limits<double>::infinity());
    EXPECT_DOUBLE_EQ(same.cosine(), 1);
    EXPECT_EQ(same.largest(), 0);
  }
}

// One channel of conv1 a thousand times as large, and conv2's weights for it a thousandth: the same f32
// network, whose other channels a per-tensor scale loses.
TEST(MeasureLayers, RanksAPlantedBadLayerFirst) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 6, 6});
  ValueId value = x;
  for (int layer = 0; layer < 4; ++layer) {
    const std::string name = fmt::format("conv{}", layer);
    Tensor weights = random_weights({8, layer == 0 ? 3 : 8, 1, 1}, static_cast<std::uint64_t>(layer) + 20);
    const auto w = weights.mutable_values<float>();
    for (std::size_t i = 0; i < 8 && layer == 1; ++i) w[2 * 8 + i] *= 1000;
    for (std::size_t oc = 0; oc < 8 && layer == 2; ++oc) w[oc * 8 + 2] /= 1000;
    value = builder.node(
        "Relu", fmt::format("relu{}", layer),
        {builder.node("Conv", name, {value, builder.constant(fmt::format("{}.w", name), weights)})});
  }
  builder.output(builder.node("GlobalAveragePool", "mean", {value}));
  const Graph prepared = prepared_of(builder.build());
  const QuantizationScheme scheme = plan_quantization(prepared, {});
  const CalibrationImages images = random_images(prepared, 4);
  const Quantization quantization = calibrated(prepared, scheme, images);
  const std::vector<LayerNoise> layers =
      measure_layers(prepared, scheme, quantization, kept_in_memory(images));
  ASSERT_EQ(layers.size(), layers_to_measure(prepared, scheme));
  EXPECT_EQ(layers[0].name, "conv1 + relu1");
  EXPECT_LT(layers[0].result.channel_sqnr_db(), 10);
  EXPECT_LT(layers[0].scores.sqnr_db() + 10, layers[1].scores.sqnr_db());
}

}  // namespace
}  // namespace godwit::engine
