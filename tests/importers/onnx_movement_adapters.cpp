// Older forms of operators that move data, resample or slide windows: the numbers are what the old definition
// says.
#include <gtest/gtest.h>
#include <vector>

#include "tests/importers/model_maker.h"

namespace godwit::importers::test {
namespace {

using Floats = std::vector<float>;

Tensor line(const Floats& values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
}
void set_floats(onnx::Node& node, const char* name, std::initializer_list<float> values) {
  onnx::Attribute& list = attribute(node, name, 6);
  for (const float value : values) list.add_floats(value);
}

// A model of one node that reads x and gives y.
struct Model : ModelMaker {
  Model(std::int64_t opset, const char* op, std::initializer_list<std::int64_t> dims,
        std::initializer_list<const char*> inputs = {"x"})
      : ModelMaker(opset), shape(dims), one(&add(op, dims, inputs)) {}

  onnx::Node& add(const char* op, std::initializer_list<std::int64_t> dims,
                  std::initializer_list<const char*> inputs) {
    input("x", dims);
    onnx::Node& added = node(op, inputs, {"y"}, "it");
    output("y");
    return added;
  }
  Floats results(const Floats& values) const {
    return values_of(test::run(import(*this), {Tensor::of<float>(shape, std::span<const float>(values))})[0]);
  }

  Shape shape;
  onnx::Node* one;
};

TEST(MovementAdapters, SplitSizesWereAnAttribute) {
  ModelMaker maker(11);
  maker.input("x", {5});
  set_ints(maker.node("Split", {"x"}, {"a", "b"}), "split", {2, 3});
  maker.output("b");
  EXPECT_EQ(values_of(run(import(maker), {line({0, 1, 2, 3, 4})})[0]), (Floats{2, 3, 4}));
}

TEST(MovementAdapters, SplitCountsResultsThatNobodyReads) {
  for (const std::int64_t opset : {2, 13}) {
    ModelMaker maker(opset);
    maker.input("x", {6});
    maker.node("Split", {"x"}, {"a", "b", "c"});
    maker.output("a");
    EXPECT_EQ(values_of(run(import(maker), {line({0, 1, 2, 3, 4, 5})})[0]), (Floats{0, 1}));
  }
}

TEST(MovementAdapters, TopKHadItsNumberAsAnAttribute) {
  ModelMaker maker(9);
  maker.input("x", {4});
  onnx::Node& node = maker.node("TopK", {"x"}, {"y", "where"}, "it");
  maker.output("y");
  expect_contains(import_error(maker), "attribute 'k' is required and missing");
  set_int(node, "k", 2);
  EXPECT_EQ(values_of(run(import(maker), {line({3, 1, 4, 1})})[0]), (Floats{4, 3}));
}

TEST(MovementAdapters, UpsampleBecameResize) {
  Model scaled(7, "Upsample", {2});
  set_floats(*scaled.one, "scales", {2});
  EXPECT_EQ(scaled.results({1, 2}), (Floats{1, 1, 2, 2}));
  Model image(1, "Upsample", {1, 1, 1, 2});
  attribute(*image.one, "height_scale", 1).set_f(1);
  expect_contains(import_error(image), "attribute 'width_scale' is required and missing");
  attribute(*image.one, "width_scale", 1).set_f(2);
  set_string(*image.one, "mode", "bilinear");
  EXPECT_EQ(image.results({1, 2}), (Floats{1, 1.5F, 2, 2}));
  Model by_input(9, "Upsample", {2}, {"x", "scales"});
  by_input.constant("scales", {1}, Floats{2});
  EXPECT_EQ(by_input.results({1, 2}), (Floats{1, 1, 2, 2}));
}

TEST(MovementAdapters, ResizePlacedItsSamplesOneWay) {
  const auto resized = [](float scale, const Floats& values) {
    Model model(10, "Resize", {4}, {"x", "scales"});
    model.constant("scales", {1}, Floats{scale});
    return model.results(values);
  };
  EXPECT_EQ(resized(1.5F, {1, 2, 3, 4}), (Floats{1, 1, 2, 3, 3, 4}));
  EXPECT_EQ(resized(0.6F, {1, 2, 3, 4}), (Floats{1, 3}));
  Model both(10, "Resize", {2, 2}, {"x", "scales"});
  both.constant("scales", {2}, Floats{2, 0.5F});
  expect_contains(import_error(both), "grows along one axis and shrinks along another");
}

TEST(MovementAdapters, ShapesAndAxesOfTheFirstOpsets) {
  Model reshape(1, "Reshape", {4});
  set_ints(*reshape.one, "shape", {2, -1});
  EXPECT_EQ(reshape.results({1, 2, 3, 4}), (Floats{1, 2, 3, 4}));
  Model concat(1, "Concat", {2, 1}, {"x", "x"});
  EXPECT_EQ(concat.results({1, 2}), (Floats{1, 1, 2, 2}));
  Model pad(1, "Pad", {1});
  set_ints(*pad.one, "paddings", {1, 0});
  EXPECT_EQ(pad.results({7}), (Floats{0, 7}));
  Model tile(1, "Tile", {2}, {"x", "tiles", "axis"});
  tile.constant("tiles", {1}, Floats{2});
  tile.constant("axis", {1}, Floats{0});
  EXPECT_EQ(tile.results({1, 2}), (Floats{1, 2, 1, 2}));
}

TEST(MovementAdapters, ScatterHadAnotherName) {
  Model model(9, "Scatter", {3}, {"x", "i", "u"});
  model.constant<std::int64_t>("i", {1}, {1}, 7);
  model.constant("u", {1}, Floats{9});
  EXPECT_EQ(model.results({1, 2, 3}), (Floats{1, 9, 3}));
}

TEST(MovementAdapters, NormsHadARealOrder) {
  for (const char* op : {"LpPool", "GlobalLpPool"}) {
    Model model(1, op, {1, 1, 2});
    if (std::string(op) == "LpPool") set_ints(*model.one, "kernel_shape", {2});
    onnx::Attribute& p = attribute(*model.one, "p", 1);
    p.set_f(1);
    EXPECT_EQ(model.results({3, -4}), (Floats{7}));
    p.set_f(1.5F);
    expect_contains(import_error(model), "attribute 'p' is 1.5, expected an integer");
  }
}

TEST(MovementAdapters, SamplingHadOtherWordsAndPlaces) {
  Model grid(16, "GridSample", {1, 1, 1, 2}, {"x", "grid"});
  grid.constant("grid", {1, 1, 1, 2}, Floats{0, 0});
  set_string(*grid.one, "mode", "bilinear");
  EXPECT_EQ(grid.results({1, 2}), (Floats{1.5F}));
  Model roi(10, "RoiAlign", {1, 1, 3, 3}, {"x", "rois", "images"});
  roi.constant("rois", {1, 4}, Floats{0, 0, 2, 2});
  roi.constant<std::int64_t>("images", {1}, {0}, 7);
  set_int(*roi.one, "sampling_ratio", 1);
  EXPECT_EQ(roi.results({0, 1, 2, 3, 4, 5, 6, 7, 8}), (Floats{4}));
  Model dft(17, "DFT", {2, 1, 1});
  set_int(*dft.one, "axis", 0);
  EXPECT_EQ(dft.results({1, 2}), (Floats{3, 0, -1, 0}));
}

}  // namespace
}  // namespace godwit::importers::test
