// A small quantised network end to end: the same bits on every instruction set, for every batch and number of
// threads.
#include <cstring>
#include <gtest/gtest.h>

#include "runtime/cpu.h"
#include "tests/engine/qdq_builder.h"

namespace godwit::engine {
namespace {

// A stem, a 3×3 convolution, a depthwise one, a residual block, pooling and a fully connected layer; scales
// as they come, so that every result is rounded.
Graph network(std::int64_t batch) {
  QdqBuilder b;
  const ValueId in = b.input("in", {batch, 3, 19, 17});
  ValueId x = b.quantize("x", in, 0.0173F, 117);
  int count = 0;
  const auto conv = [&](ValueId src, float src_scale, int src_zero, const Shape& weights,
                        const GraphBuilder::Attributes& attributes, bool relu) {
    const std::string name = "conv" + std::to_string(count++);
    ValueId y = b.node(
        "Conv", name,
        {b.dequantize(name + ".src", src, src_scale, src_zero), b.weights(name + ".w", weights)}, attributes);
    if (relu) y = b.node("Relu", name + ".relu", {y});
    return y;
  };
  const GraphBuilder::Attributes same{{"pads", ints({1, 1, 1, 1})}};
  x = b.quantize(
      "a",
      conv(x, 0.0173F, 117, {32, 3, 3, 3}, {{"strides", ints({2, 2})}, {"pads", ints({1, 1, 1, 1})}}, true),
      0.0291F, 0);
  const ValueId block = x;
  x = b.quantize("b", conv(x, 0.0291F, 0, {32, 32, 3, 3}, same, true), 0.31F, 0);
  x = b.quantize(
      "c",
      conv(x, 0.31F, 0, {32, 1, 3, 3}, {{"pads", ints({1, 1, 1, 1})}, {"group", std::int64_t{32}}}, true),
      0.83F, 3);
  const ValueId last = b.both("d", conv(x, 0.83F, 3, {32, 32, 1, 1}, {}, false), 7.7F, 131);
  const ValueId sum = b.node("Add", "add", {last, b.dequantize("block", block, 0.0291F, 0)});
  x = b.both("e", b.node("Relu", "add.relu", {sum}), 5.1F, 0);
  x = b.both("f", b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({3, 3})}, {"strides", ints({2, 2})}}),
             5.1F, 0);
  x = b.both("g", b.node("Flatten", "flat", {x}), 5.1F, 0);
  b.output(b.node("MatMul", "fc", {x, b.weights("fc.w", {32 * 4 * 4, 10}, 1)}));
  return b.build();
}

Tensor images(std::int64_t batch) { return support::random_tensor({batch, 3, 19, 17}, 11, -2, 2.4); }

TEST(QuantizedNetwork, RunsInIntegersThroughout) {
  const auto plan = compile(network(1));
  EXPECT_EQ(plan->precision(), Precision::int8);
  Names names;
  for (const Step& step : plan->steps()) names.emplace_back(step.op->name);
  EXPECT_EQ(names, (Names{"QuantizeLinear", "Reorder", "QuantizedConv", "QuantizedConv", "QuantizedConv",
                          "QuantizedConv", "MaxPool", "Reorder", "QuantizedMatMul"}));
}

TEST(QuantizedNetwork, TheSameBitsOnEveryInstructionSet) {
  std::vector<Tensor> expected;
  for (const Isa isa : isas_of_build()) {
    if (!cpu_supports(isa)) continue;
    CompileOptions options;
    options.target.isa = isa;
    const std::vector<Tensor> actual = run_graph(network(2), {images(2)}, options);
    if (expected.empty()) expected = actual;
    EXPECT_TRUE(same_bytes(actual[0], expected[0])) << name_of(isa);
  }
}

TEST(QuantizedNetwork, TheSameBitsForEveryBatchAndNumberOfThreads) {
  const Tensor all = images(3);
  const std::vector<Tensor> expected = run_graph(network(3), {all});
  for (const int threads : {2, 3}) {
    EXPECT_TRUE(same_bytes(run_graph(network(3), {all}, {}, threads)[0], expected[0]))
        << threads << " threads";
  }
  const std::size_t image = all.bytes() / 3, scores = expected[0].bytes() / 3;
  for (std::size_t n = 0; n < 3; ++n) {
    Tensor one({DType::f32, {1, 3, 19, 17}, Layout::nchw});
    std::memcpy(one.mutable_data(), static_cast<const std::byte*>(all.data()) + n * image, image);
    const std::vector<Tensor> alone = run_graph(network(1), {one});
    EXPECT_EQ(
        std::memcmp(alone[0].data(), static_cast<const std::byte*>(expected[0].data()) + n * scores, scores),
        0);
  }
}

}  // namespace
}  // namespace godwit::engine
