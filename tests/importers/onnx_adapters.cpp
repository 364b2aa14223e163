// Nodes of older opsets, brought into the form of today and run: the numbers are what the old definition
// says.
#include <cmath>
#include <gtest/gtest.h>

#include "tests/importers/model_maker.h"

namespace godwit::importers::test {
namespace {

std::vector<float> counted(std::int64_t n) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(static_cast<float>(i));
  return values;
}

// A model of one node that reads x and gives y.
struct OneNode {
  OneNode(std::int64_t opset, const char* op, std::initializer_list<std::int64_t> dims)
      : maker(opset), shape(dims) {
    maker.input("x", dims);
    node = &maker.node(op, {"x"}, {"y"}, "it");
    maker.output("y");
  }
  Tensor run_counted() const {
    const std::vector<float> values = counted(shape.elements());
    return test::run(import(maker), {Tensor::of<float>(shape, std::span<const float>(values))})[0];
  }

  ModelMaker maker;
  Shape shape;
  onnx::Node* node;
};

TEST(OpsetAdapters, SqueezeAxesAttribute) {
  OneNode model(11, "Squeeze", {1, 2, 1});
  EXPECT_EQ(model.run_counted().shape(), (Shape{2}));
  set_ints(*model.node, "axes", {2});
  EXPECT_EQ(model.run_counted().shape(), (Shape{1, 2}));
}

TEST(OpsetAdapters, UnsqueezeAxesAttribute) {
  OneNode model(11, "Unsqueeze", {2, 3});
  expect_contains(import_error(model.maker),
                  "node 'it' (Unsqueeze): attribute 'axes' is required and missing");
  set_ints(*model.node, "axes", {0, 3});
  EXPECT_EQ(model.run_counted().shape(), (Shape{1, 2, 3, 1}));
}

TEST(OpsetAdapters, ReduceMeanAxesAttribute) {
  OneNode model(13, "ReduceMean", {2, 3});
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{2.5F}));
  set_ints(*model.node, "axes", {1});
  set_int(*model.node, "keepdims", 0);
  const Tensor mean = model.run_counted();
  EXPECT_EQ(mean.shape(), (Shape{2}));
  EXPECT_EQ(values_of(mean), (std::vector<float>{1, 4}));
}

TEST(OpsetAdapters, AxesAttributeInANewOpsetIsAnError) {
  OneNode model(18, "ReduceMean", {2, 3});
  set_ints(*model.node, "axes", {1});
  expect_contains(import_error(model.maker), "node 'it' (ReduceMean): attribute 'axes' is not known");
}

TEST(OpsetAdapters, AxesInputInAnOldOpsetIsAnError) {
  OneNode model(13, "ReduceMean", {2, 3});
  model.maker.constant<std::int64_t>("axes", {1}, {1}, 7);
  model.node->add_input("axes");
  expect_contains(import_error(model.maker), "node 'it' (ReduceMean): has 2 inputs, expected 1");
}

TEST(OpsetAdapters, ClipBoundsAsAttributes) {
  OneNode model(7, "Clip", {4});
  set_float(*model.node, "max", 2);
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{0, 1, 2, 2}));
  set_float(*model.node, "min", 1);
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{1, 1, 2, 2}));
}

TEST(OpsetAdapters, ClipBoundsTakeTheOperandsType) {
  ModelMaker maker(7);
  maker.input("x", {2}, 11);
  set_float(maker.node("Clip", {"x"}, {"y"}), "max", 2);
  maker.output("y");
  const engine::Graph graph = import(maker);
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).desc.dtype, DType::f64);
}

TEST(OpsetAdapters, PadAttributes) {
  OneNode model(7, "Pad", {2});
  expect_contains(import_error(model.maker), "attribute 'pads' is required and missing");
  set_ints(*model.node, "pads", {1, 2});
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{0, 0, 1, 0, 0}));
  set_float(*model.node, "value", 9);
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{9, 0, 1, 9, 9}));
}

TEST(OpsetAdapters, SliceAttributes) {
  OneNode model(9, "Slice", {2, 4});
  set_ints(*model.node, "starts", {1});
  expect_contains(import_error(model.maker), "attribute 'ends' is required and missing");
  set_ints(*model.node, "ends", {-1});
  set_ints(*model.node, "axes", {1});
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{1, 2, 5, 6}));
}

TEST(OpsetAdapters, DropoutRatioAttribute) {
  OneNode model(7, "Dropout", {3});
  set_float(*model.node, "ratio", 0.5F);
  EXPECT_EQ(values_of(model.run_counted()), counted(3));
  model.node->add_output("mask");
  EXPECT_EQ(values_of(model.run_counted()), counted(3)) << "a mask that nobody reads is no obstacle";
  model.maker.output("mask");
  expect_contains(import_error(model.maker), "its mask is used, which is not supported before opset 10");
}

TEST(OpsetAdapters, BatchNormalizationSpatial) {
  ModelMaker maker(7);
  maker.input("x", {1, 1, 1, 2});
  for (const char* name : {"scale", "bias", "mean"}) maker.constant(name, {1}, std::vector<float>{1});
  maker.constant("var", {1}, std::vector<float>{4});
  // The four further results belong to training; nobody reads them.
  onnx::Node& node = maker.node("BatchNormalization", {"x", "scale", "bias", "mean", "var"},
                                {"y", "m", "v", "sm", "sv"}, "bn");
  set_float(node, "epsilon", 0);
  onnx::Attribute& spatial = attribute(node, "spatial", 2);
  spatial.set_i(1);
  maker.output("y");
  EXPECT_EQ(values_of(run(import(maker), {Tensor::of<float>({1, 1, 1, 2}, {1, 5})})[0]),
            (std::vector<float>{1, 3}));
  spatial.set_i(0);
  expect_contains(import_error(maker), "node 'bn' (BatchNormalization): attribute 'spatial' is 0");
  spatial.set_i(1);
  maker.model.mutable_opset_import(0)->set_version(9);
  expect_contains(import_error(maker), "attribute 'spatial' is not known");
}

TEST(OpsetAdapters, BatchNormalizationInTrainingIsAnError) {
  ModelMaker maker(14);
  maker.input("x", {1, 1, 1, 2});
  for (const char* name : {"scale", "bias", "mean", "var"}) maker.constant(name, {1}, std::vector<float>{1});
  set_int(maker.node("BatchNormalization", {"x", "scale", "bias", "mean", "var"}, {"y"}, "bn"),
          "training_mode", 1);
  maker.output("y");
  expect_contains(import_error(maker), "node 'bn' (BatchNormalization)");
}

// The old definition: dimensions from `axis` on are one.
std::vector<float> softmax_of_rows(const std::vector<float>& src, std::size_t row) {
  std::vector<float> dst;
  for (std::size_t begin = 0; begin < src.size(); begin += row) {
    double sum = 0;
    for (std::size_t i = 0; i < row; ++i) sum += std::exp(static_cast<double>(src[begin + i]));
    for (std::size_t i = 0; i < row; ++i) {
      dst.push_back(static_cast<float>(std::exp(static_cast<double>(src[begin + i])) / sum));
    }
  }
  return dst;
}

void expect_softmax(const OneNode& model, std::size_t row) {
  const Tensor dst = model.run_counted();
  EXPECT_EQ(dst.shape(), model.shape);
  const std::vector<float> expected = softmax_of_rows(counted(model.shape.elements()), row);
  // An exponential good to a few units in the last place, a sum of `row` terms and a division, each relative
  // to 1.
  const float bound = static_cast<float>(row + 8) * 0x1p-24F;
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values_of(dst)[i], expected[i], bound) << i;
}

TEST(OpsetAdapters, SoftmaxOverTheLastAxisStaysOneNode) {
  OneNode model(11, "Softmax", {2, 3});
  EXPECT_EQ(import(model.maker).nodes.size(), 1U);
  expect_softmax(model, 3);
  OneNode negative(11, "Softmax", {2, 2, 3});
  set_int(*negative.node, "axis", -1);
  EXPECT_EQ(import(negative.maker).nodes.size(), 1U);
  expect_softmax(negative, 3);
  OneNode pixels(11, "Softmax", {2, 3, 1, 1});
  EXPECT_EQ(import(pixels.maker).nodes.size(), 1U);
  expect_softmax(pixels, 3);
}

TEST(OpsetAdapters, SoftmaxOverSeveralAxesIsFlattened) {
  OneNode model(11, "Softmax", {2, 3, 2});
  const engine::Graph graph = import(model.maker);
  EXPECT_GT(graph.nodes.size(), 1U);
  for (const engine::Node& node : graph.nodes) EXPECT_EQ(node.origins, std::vector<std::string>{"it"});
  expect_softmax(model, 6);
  set_int(*model.node, "axis", 0);
  expect_softmax(model, 12);
}

TEST(OpsetAdapters, SoftmaxOfUnknownRankIsFlattened) {
  OneNode model(11, "Softmax", {2, 3, 2});
  model.maker.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  expect_softmax(model, 6);
}

TEST(OpsetAdapters, SoftmaxOfTodayNormalisesOneAxis) {
  OneNode model(13, "Softmax", {2, 3, 2});
  expect_softmax(model, 2);
}

TEST(OpsetAdapters, SoftmaxAxisOutOfRange) {
  OneNode model(11, "Softmax", {2, 3});
  set_int(*model.node, "axis", 5);
  expect_contains(import_error(model.maker), "node 'it' (Softmax): attribute 'axis' is 5, expected -2 to 1");
}

TEST(OpsetAdapters, GeneratedNamesDoNotCollide) {
  OneNode model(11, "Squeeze", {1, 2});
  set_ints(*model.node, "axes", {0});
  model.maker.node("Relu", {"y"}, {"it_axes"});
  model.maker.output("it_axes");
  const engine::Graph graph = import(model.maker);
  EXPECT_EQ(graph.value(graph.outputs[1]).name, "it_axes");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[1]).name, "it_axes_2");
}

TEST(OpsetAdapters, ConstantsInEveryForm) {
  const auto constant_of = [](const auto& fill) {
    ModelMaker maker(13);
    maker.input("x", {2});
    fill(maker.node("Constant", {}, {"c"}, "c"));
    maker.node("Add", {"x", "c"}, {"y"});
    maker.output("y");
    return values_of(run(import(maker), {Tensor::of<float>({2}, {1, 2})})[0]);
  };
  EXPECT_EQ(constant_of([](onnx::Node& n) { set_float(n, "value_float", 5); }), (std::vector<float>{6, 7}));
  EXPECT_EQ(constant_of([](onnx::Node& n) { attribute(n, "value_floats", 6).mutable_floats()->Add(3); }),
            (std::vector<float>{4, 5}));
  EXPECT_EQ(constant_of([](onnx::Node& n) {
              set_raw(*attribute(n, "value", 4).mutable_t(), 1, {2}, std::vector<float>{1, 2});
            }),
            (std::vector<float>{2, 4}));
}

TEST(OpsetAdapters, IntegerConstantsAreShapes) {
  ModelMaker maker(13);
  maker.input("x", {4});
  set_ints(maker.node("Constant", {}, {"shape"}), "value_ints", {2, 2});
  maker.node("Reshape", {"x", "shape"}, {"y"});
  maker.output("y", {2, 2});
  const engine::Graph graph = import(maker);
  EXPECT_EQ(graph.nodes.size(), 1U);
}

TEST(OpsetAdapters, AConstantThatIsAnAnswerStaysANode) {
  ModelMaker maker(13);
  set_int(maker.node("Constant", {}, {"y"}), "value_int", 42);
  maker.output("y", {}, 7);
  const engine::Graph graph = import(maker);
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(values_of<std::int64_t>(run(graph, {})[0]), (std::vector<std::int64_t>{42}));
}

TEST(OpsetAdapters, ConstantsThatAreNotSupported) {
  const auto error_with = [](const auto& fill) {
    ModelMaker maker(13);
    fill(maker.node("Constant", {}, {"c"}, "c"));
    maker.node("Identity", {"c"}, {"y"});
    maker.output("y");
    return import_error(maker);
  };
  expect_contains(error_with([](onnx::Node& n) { set_string(n, "value_string", "x"); }),
                  "node 'c' (Constant): attribute 'value_string' is not supported");
  expect_contains(error_with([](onnx::Node&) {}), "has 0 inputs, 1 output and 0 values, expected 0, 1 and 1");
  expect_contains(error_with([](onnx::Node& n) { set_int(n, "valeu", 1); }),
                  "attribute 'valeu' is not known");
}

// A model of two operands, of which the second one is a constant.
Tensor run_with(std::int64_t opset, const char* op, std::initializer_list<std::int64_t> shape,
                const std::vector<float>& values,
                std::initializer_list<std::pair<const char*, std::int64_t>> attributes) {
  OneNode model(opset, op, {2, 3, 2});
  model.node->add_input("c");
  model.maker.constant<float>("c", shape, values);
  for (const auto& [name, value] : attributes) set_int(*model.node, name, value);
  return model.run_counted();
}

TEST(OpsetAdapters, OperandsAlignedWithAnAxis) {
  const std::vector<float> added =
      values_of(run_with(6, "Add", {3}, {10, 20, 30}, {{"broadcast", 1}, {"axis", 1}}));
  EXPECT_EQ(added, (std::vector<float>{10, 11, 22, 23, 34, 35, 16, 17, 28, 29, 40, 41}));
  EXPECT_EQ(values_of(run_with(6, "Mul", {2}, {0, 2}, {{"broadcast", 1}}))[3], 6);
  EXPECT_EQ(values_of(run_with(6, "Sub", {2, 3}, {1, 1, 1, 2, 2, 2}, {{"broadcast", 1}, {"axis", 0}}))[6], 4);
}

TEST(OpsetAdapters, HintsOfTheFirstOpsetsSayNothing) {
  OneNode model(1, "Relu", {3});
  set_ints(*model.node, "consumed_inputs", {0});
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{0, 1, 2}));
}

TEST(OpsetAdapters, SlopesOfChannels) {
  const std::vector<float> values = values_of(run_with(6, "PRelu", {3}, {1, 2, 3}, {}));
  EXPECT_EQ(values[1], 1);
}

TEST(OpsetAdapters, ReductionsTookAxesAsAttributes) {
  for (const char* op : {"ReduceL1", "ReduceMax", "ReduceSumSquare"}) {
    OneNode model(13, op, {2, 3});
    set_ints(*model.node, "axes", {1});
    EXPECT_EQ(model.run_counted().shape(), (Shape{2, 1})) << op;
  }
}

TEST(OpsetAdapters, HardmaxOverSeveralAxes) {
  OneNode model(11, "Hardmax", {2, 2, 2});
  EXPECT_EQ(values_of(model.run_counted()), (std::vector<float>{0, 0, 0, 1, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace godwit::importers::test
