// Written models can be read again, by us and by ONNX's own tools.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <utility>

#include "importers/importer.h"
#include "importers/onnx/writer.h"
#include "runtime/memory.h"
#include "tests/importers/model_maker.h"
#include "tests/importers/python.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

onnx::Model parsed(const std::string& path) {
  onnx::Model model;
  EXPECT_TRUE(model.ParseFromString(bytes_of(path)));
  return model;
}

std::vector<std::string> files_in(const TemporaryDirectory& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

// A convolution with a symbolic batch, attributes and constants of several types, and metadata.
ModelMaker rich_model() {
  ModelMaker maker(13);
  maker.input("x", {-1, 3, 8, 8});
  maker.constant("w", {4, 3, 3, 3}, std::vector<float>(108, 0.5F));
  maker.constant("b", {4}, std::vector<float>{1, 2, 3, 4});
  maker.constant<std::int64_t>("shape", {2}, {0, -1}, 7);
  maker.constant<std::uint8_t>("three", {3}, {1, 2, 3}, 2);
  onnx::Node& conv = maker.node("Conv", {"x", "w", "b"}, {"conv"}, "conv1");
  set_ints(conv, "pads", {1, 1, 1, 1});
  set_ints(conv, "kernel_shape", {3, 3});
  set_float(maker.node("LeakyRelu", {"conv"}, {"relu"}, "relu1"), "alpha", 0.25F);
  maker.node("Reshape", {"relu", "shape"}, {"flat"}, "flat1");
  set_int(maker.node("Softmax", {"flat"}, {"y"}, "softmax1"), "axis", -1);
  set_int(maker.node("Cast", {"three"}, {"z"}, "cast1"), "to", 1);
  maker.output("y", {-1, 256});
  maker.output("z", {3});
  onnx::KeyValue& entry = *maker.model.add_metadata_props();
  entry.set_key("godwit.preprocess");
  entry.set_value("torch");
  return maker;
}

void expect_same(const engine::Graph& a, const engine::Graph& b) {
  EXPECT_EQ(engine::print(a), engine::print(b));
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.outputs, b.outputs);
  EXPECT_EQ(a.metadata, b.metadata);
  EXPECT_EQ(a.symbols, b.symbols);
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_EQ(a.values[i].name, b.values[i].name);
    EXPECT_EQ(a.values[i].desc, b.values[i].desc);
    ASSERT_EQ(a.values[i].constant.has_value(), b.values[i].constant.has_value());
    if (!a.values[i].constant) continue;
    const Tensor &x = *a.values[i].constant, &y = *b.values[i].constant;
    ASSERT_EQ(x.bytes(), y.bytes());
    EXPECT_EQ(std::memcmp(x.data(), y.data(), x.bytes()), 0) << a.values[i].name;
  }
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    EXPECT_EQ(a.nodes[i].name, b.nodes[i].name);
    EXPECT_EQ(a.nodes[i].op, b.nodes[i].op);
    EXPECT_EQ(a.nodes[i].inputs, b.nodes[i].inputs);
    EXPECT_EQ(a.nodes[i].outputs, b.nodes[i].outputs);
    EXPECT_EQ(a.nodes[i].origins, b.nodes[i].origins);
  }
}

TEST(OnnxWriter, RoundTripGivesTheSameGraph) {
  const TemporaryDirectory folder;
  const engine::Graph first = load(rich_model().save(folder));
  save_onnx(first, folder / "second.onnx");
  const engine::Graph second = load(folder / "second.onnx");
  expect_same(first, second);
  save_onnx(second, folder / "third.onnx");
  EXPECT_EQ(bytes_of(folder / "second.onnx"), bytes_of(folder / "third.onnx"));
}

TEST(OnnxWriter, AModelMayBeWrittenOverItself) {
  const TemporaryDirectory folder;
  const engine::Graph graph = load(rich_model().save(folder));
  save_onnx(graph, folder / "model.onnx");
  expect_same(graph, load(folder / "model.onnx"));
}

TEST(OnnxWriter, SaysWhatItIs) {
  const TemporaryDirectory folder;
  save_onnx(load(rich_model().save(folder)), folder / "w.onnx");
  const onnx::Model model = parsed(folder / "w.onnx");
  EXPECT_EQ(model.ir_version(), 7);
  EXPECT_EQ(model.producer_name(), "godwit");
  EXPECT_FALSE(model.producer_version().empty());
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), 13);
  const auto& dims = model.graph().input(0).type().tensor_type().shape();
  EXPECT_EQ(dims.dim(0).dim_param(), "N");
  EXPECT_EQ(dims.dim(1).dim_value(), 3);
}

TEST(OnnxWriter, InitializersLieAlignedInTheFile) {
  const TemporaryDirectory folder;
  save_onnx(load(rich_model().save(folder)), folder / "w.onnx");
  const MappedFile file(folder / "w.onnx");
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const onnx::Model model = parsed(folder / "w.onnx");
  for (const onnx::Tensor& tensor : model.graph().initializer()) {
    const std::size_t position = text.rfind(tensor.raw_data());
    ASSERT_NE(position, std::string_view::npos);
    EXPECT_EQ(position % 8, 0U) << tensor.name();
  }
}

TEST(OnnxWriter, TheOpsetFollowsTheOperators) {
  const auto opset_of = [](std::int64_t opset, const auto& fill) {
    ModelMaker maker(opset);
    maker.input("x", {2, 3});
    fill(maker);
    maker.output("y");
    const TemporaryDirectory folder;
    save_onnx(load(maker.save(folder)), folder / "w.onnx");
    const onnx::Model model = parsed(folder / "w.onnx");
    EXPECT_NO_THROW((void)load(folder / "w.onnx"));
    return std::pair(model.opset_import(0).version(), model.ir_version());
  };
  using Versions = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(opset_of(7, [](ModelMaker& m) { m.node("Relu", {"x"}, {"y"}); }), (Versions{13, 7}));
  EXPECT_EQ(opset_of(14, [](ModelMaker& m) { m.node("HardSwish", {"x"}, {"y"}); }), (Versions{14, 7}));
  EXPECT_EQ(opset_of(15, [](ModelMaker& m) { set_int(m.node("Shape", {"x"}, {"y"}), "start", 1); }),
            (Versions{15, 8}));
  EXPECT_EQ(opset_of(13, [](ModelMaker& m) { set_ints(m.node("ReduceMean", {"x"}, {"y"}), "axes", {1}); }),
            (Versions{18, 8}));
  EXPECT_EQ(opset_of(19,
                     [](ModelMaker& m) {
                       onnx::Node& cast = m.node("Cast", {"x"}, {"y"});
                       set_int(cast, "to", 10);
                       set_int(cast, "saturate", 1);
                     }),
            (Versions{19, 9}));
}

TEST(OnnxWriter, AdaptedModelsGiveTheSameAnswers) {
  ModelMaker maker(9);
  maker.input("x", {-1, 3, 2});
  set_float(maker.node("Clip", {"x"}, {"a"}), "max", 4);
  maker.node("Softmax", {"a"}, {"y"});
  maker.output("y");
  const TemporaryDirectory folder;
  const engine::Graph first = load(maker.save(folder));
  save_onnx(first, folder / "w.onnx");
  const Tensor x = Tensor::of<float>({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2});
  EXPECT_EQ(values_of(run(load(folder / "w.onnx"), {x})[0]), values_of(run(first, {x})[0]));
}

TEST(OnnxWriter, LargeWeightsGoToAFileBeside) {
  const TemporaryDirectory folder;
  ModelMaker maker(13);
  maker.input("x", {2});
  maker.constant("big", {1024}, std::vector<float>(1024, 1));
  maker.constant("other", {1024}, std::vector<float>(1024, 2));
  maker.constant("small", {1}, std::vector<float>{3});
  maker.node("Concat", {"x", "big", "other", "small"}, {"y"}).add_attribute()->CopyFrom([] {
    onnx::Attribute axis;
    axis.set_name("axis");
    axis.set_type(2);
    axis.set_i(0);
    return axis;
  }());
  maker.output("y");
  const engine::Graph graph = load(maker.save(folder));
  write_onnx(graph, folder / "big.onnx", {.external_above = 4096});
  EXPECT_EQ(files_in(folder), (std::vector<std::string>{"big.onnx", "big.onnx.data", "model.onnx"}));
  const onnx::Model model = parsed(folder / "big.onnx");
  EXPECT_EQ(model.graph().initializer(0).data_location(), 1);
  EXPECT_EQ(model.graph().initializer(1).external_data(1).value(), "4096");
  EXPECT_TRUE(model.graph().initializer(2).has_raw_data());
  expect_same(graph, load(folder / "big.onnx"));
}

TEST(OnnxWriter, ValuesWithoutAUsableNameGetOne) {
  engine::Graph graph = import(good_model());
  graph.value(graph.outputs[0]).name = "x";
  const TemporaryDirectory folder;
  save_onnx(graph, folder / "w.onnx");
  const engine::Graph read = load(folder / "w.onnx");
  EXPECT_EQ(read.value(read.inputs[0]).name, "x");
  EXPECT_EQ(read.value(read.outputs[0]).name, "value_1");
}

TEST(OnnxWriter, WhatOnnxCannotSayIsRefused) {
  const TemporaryDirectory folder;
  const auto error_of_graph = [&](const engine::Graph& graph) {
    return support::error_of([&] { save_onnx(graph, folder / "w.onnx"); });
  };
  engine::Graph fused = import(good_model());
  fused.nodes[0].epilogue.minimum = 0;
  expect_contains(error_of_graph(fused),
                  "writing w.onnx: node 'relu' (Relu): does more than its operator (a fused epilogue)");
  engine::Graph internal = import(good_model());
  internal.nodes[0].op = ops::find_op("Reorder", "godwit");
  ASSERT_NE(internal.nodes[0].op, nullptr);
  expect_contains(error_of_graph(internal), "node 'relu' (Reorder): is an operator of godwit's own");
  EXPECT_TRUE(files_in(folder).empty()) << "nothing is left behind";
}

TEST(OnnxWriter, FoldersThatCannotBeWritten) {
  const TemporaryDirectory folder;
  const engine::Graph graph = import(good_model());
  const std::string path = folder / "absent/w.onnx";
  expect_contains(support::error_of([&] { save_onnx(graph, path); }),
                  "writing w.onnx: cannot write '" + path + "': No such file");
  std::filesystem::create_directory(folder / "taken.onnx");
  expect_contains(support::error_of([&] { save_onnx(graph, folder / "taken.onnx"); }), "Is a directory");
  EXPECT_EQ(files_in(folder), std::vector<std::string>{"taken.onnx"});
}

TEST(OnnxWriter, OnnxsOwnCheckerAgrees) {
  if (!python_has_onnx()) {
    GTEST_SKIP() << "python3-onnx is not installed: ONNX's checker has not seen what is written here";
  }
  // Loaded first: given a path, some versions of the full check write the shapes that they find into the
  // file.
  const char* check =
      "import onnx, sys\n"
      "onnx.checker.check_model(sys.argv[1])\n"
      "onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)\n";
  const TemporaryDirectory folder;
  const engine::Graph graph = load(rich_model().save(folder));
  save_onnx(graph, folder / "w.onnx");
  EXPECT_EQ(run_python(check, folder / "w.onnx"), 0);
  write_onnx(graph, folder / "external.onnx", {.external_above = 0});
  EXPECT_EQ(run_python(check, folder / "external.onnx"), 0);
  const std::string resnet = GODWIT_SOURCE_DIR "/models/resnet50.onnx";
  if (!std::filesystem::exists(resnet))
    GTEST_SKIP() << "models/resnet50.onnx is not there (tools/fetch_resnet50)";
  EXPECT_EQ(run_python(check, resnet), 0);
}

}  // namespace
}  // namespace godwit::importers::test
