// Faults of a model as a whole: its file, versions, operators, names and order of nodes.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "importers/importer.h"
#include "tests/importers/model_maker.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {
namespace {

std::string error_of_file(std::string_view name, std::string_view bytes) {
  const TemporaryDirectory folder;
  const std::string path = folder.write(name, bytes);
  return support::error_of([&] { (void)load(path); });
}

TEST(OnnxStructure, AGoodModelLoads) {
  const engine::Graph graph = import(good_model());
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.name, "test");
  EXPECT_EQ(graph.nodes[0].name, "relu");
  EXPECT_EQ(graph.nodes[0].origins, std::vector<std::string>{"relu"});
  EXPECT_EQ(graph.value(graph.outputs[0]).desc.shape, (Shape{2, 3}));
  EXPECT_NO_THROW(engine::verify(graph));
}

TEST(OnnxStructure, UnnamedNodesAreCalledByOperatorAndPosition) {
  ModelMaker maker;
  maker.input("x", {2});
  maker.node("Relu", {"x"}, {"a"});
  maker.node("Sigmoid", {"a"}, {"y"});
  maker.output("y");
  const engine::Graph graph = import(maker);
  EXPECT_EQ(graph.nodes[0].name, "Relu_0");
  EXPECT_EQ(graph.nodes[1].name, "Sigmoid_1");
}

TEST(OnnxStructure, SymbolsAndMetadataAreKept) {
  ModelMaker maker;
  maker.input("x", {-1, 3});
  maker.node("Relu", {"x"}, {"y"});
  maker.output("y", {-1, 3});
  onnx::KeyValue& entry = *maker.model.add_metadata_props();
  entry.set_key("godwit.preprocess");
  entry.set_value("caffe");
  const engine::Graph graph = import(maker);
  EXPECT_EQ(graph.symbols, std::vector<std::string>{"N"});
  EXPECT_EQ(graph.to_string(graph.value(graph.outputs[0]).desc.shape), "Nx3");
  EXPECT_EQ(graph.metadata.at("godwit.preprocess"), "caffe");
}

TEST(OnnxStructure, DimensionsWithoutValueAreUnknown) {
  ModelMaker maker;
  onnx::ValueInfo& x = maker.input("x", {2});
  x.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim();
  maker.node("Relu", {"x"}, {"y"});
  maker.output("y");
  EXPECT_EQ(import(maker).values[0].desc.shape, (Shape{2, kAnyDim}));
  x.mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_FALSE(import(maker).values[0].desc.shape.ranked());
}

TEST(OnnxStructure, FilesThatAreNoModels) {
  expect_contains(error_of_file("empty.onnx", ""), "importing empty.onnx: the file is empty");
  expect_contains(error_of_file("text.onnx", "This is no model, it is a sentence.\n"),
                  "importing text.onnx: the file is");
  expect_contains(error_of_file("zeros.onnx", std::string(100, '\0')), "malformed at byte 0");
  expect_contains(error_of_file("model.xyz", "x"), "expected one that ends in .onnx or .json");
  expect_contains(error_of_file("model", "x"), "expected one that ends in .onnx or .json");
  const TemporaryDirectory folder;
  expect_contains(support::error_of([&] { (void)load(folder / "absent.onnx"); }),
                  "absent.onnx': No such file");
  std::filesystem::create_directory(folder / "folder.onnx");
  expect_contains(support::error_of([&] { (void)load(folder / "folder.onnx"); }), "is not a regular file");
}

TEST(OnnxStructure, ATruncatedModelSaysHowMuchIsMissing) {
  const std::string bytes = good_model().model.SerializeAsString();
  const std::string error = error_of_file("cut.onnx", std::string_view(bytes).substr(0, bytes.size() - 12));
  expect_contains(error, "importing cut.onnx: the file is cut short or not ONNX: at byte ");
}

TEST(OnnxStructure, AModelWithoutGraphOrOutputs) {
  ModelMaker none;
  none.model.clear_graph();
  expect_contains(import_error(none), "the file has no graph; is it an ONNX model?");
  ModelMaker silent = good_model();
  silent.graph().clear_output();
  expect_contains(import_error(silent), "the graph has no outputs");
}

TEST(OnnxStructure, OpsetsOutsideOfTheSupportedOnes) {
  for (const std::int64_t opset : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{28}, INT64_MAX}) {
    ModelMaker maker = good_model();
    maker.model.mutable_opset_import(0)->set_version(opset);
    expect_contains(import_error(maker),
                    fmt::format("the model uses opset {}; 1 to 27 are supported", opset));
  }
  for (const std::int64_t opset : {1, 7, 22, 27}) {
    ModelMaker maker = good_model();
    maker.model.mutable_opset_import(0)->set_version(opset);
    EXPECT_NO_THROW((void)import(maker));
  }
  ModelMaker none = good_model();
  none.model.clear_opset_import();
  EXPECT_NO_THROW((void)import(none));  // of the time before there were opsets
  ModelMaker twice = good_model();
  twice.import_opset("ai.onnx", 12);
  expect_contains(import_error(twice), "opset 13 and opset 12 of domain 'ai.onnx' are both imported");
}

TEST(OnnxStructure, AllUnsupportedOperatorsAreReportedAtOnce) {
  ModelMaker maker = good_model();
  maker.import_opset("com.example", 3);
  for (int i = 0; i < 30; ++i) {
    onnx::Node& node =
        maker.node("Frobnicate", {"x"}, {fmt::format("z{}", i).c_str()}, fmt::format("f{}", i).c_str());
    if (i == 7) node.set_domain("com.example");
    if (i == 8) node.set_domain("com.other");
    if (i == 9) node.set_op_type("StringSplit");
  }
  const std::string error = import_error(maker);
  expect_contains(error,
                  "importing model.onnx: 30 nodes have an operator that is not supported: Frobnicate x29, "
                  "StringSplit x1\n");
  expect_contains(error, "\n  node 'f0': operator Frobnicate, domain ai.onnx, opset 13");
  expect_contains(error, "\n  node 'f7': operator Frobnicate, domain com.example, opset 3");
  expect_contains(error, "\n  node 'f8': operator Frobnicate, domain com.other, no opset imported");
  expect_contains(error, "\n  node 'f9': operator StringSplit, domain ai.onnx, opset 13");
  EXPECT_EQ(std::ranges::count(error, '\n'), 30);
}

TEST(OnnxStructure, OperatorsOfOurOwnCannotBeImported) {
  ModelMaker maker = good_model();
  maker.node("Reorder", {"x"}, {"z"}, "r").set_domain("godwit");
  expect_contains(import_error(maker), "node 'r': operator Reorder, domain godwit");
}

TEST(OnnxStructure, CyclesNameANodeOnTheCycle) {
  ModelMaker maker;
  maker.input("x", {2});
  maker.node("Add", {"x", "c"}, {"a"}, "one");
  maker.node("Relu", {"a"}, {"b"}, "two");
  maker.node("Relu", {"b"}, {"c"}, "three");
  maker.node("Relu", {"c"}, {"y"}, "behind");
  maker.output("y");
  const std::string error = import_error(maker);
  expect_contains(error, "is part of a cycle");
  EXPECT_EQ(error.find("behind"), std::string::npos) << error;

  ModelMaker self;
  self.node("Relu", {"a"}, {"a"}, "self");
  self.output("a");
  expect_contains(import_error(self), "node 'self' (Relu) is part of a cycle");
}

TEST(OnnxStructure, NodesOutOfOrderAreSortedStably) {
  ModelMaker maker;
  maker.input("x", {2});
  maker.node("Relu", {"b"}, {"y"}, "last");
  maker.node("Relu", {"x"}, {"a"}, "first");
  maker.node("Relu", {"a"}, {"b"}, "second");
  maker.node("Relu", {"x"}, {"z"}, "free");
  maker.output("y");
  maker.output("z");
  const engine::Graph graph = import(maker);
  std::vector<std::string> names;
  for (const engine::Node& node : graph.nodes) names.push_back(node.name);
  EXPECT_EQ(names, (std::vector<std::string>{"first", "second", "last", "free"}));
}

TEST(OnnxStructure, NamesThatNobodyOrMoreThanOneMakes) {
  ModelMaker missing = good_model();
  missing.graph().mutable_node(0)->set_input(0, "nowhere");
  expect_contains(import_error(missing),
                  "node 'relu' (Relu): input 'nowhere' is no graph input, no initializer");

  ModelMaker twice = good_model();
  twice.node("Relu", {"x"}, {"y"}, "again");
  expect_contains(import_error(twice), "node 'again' (Relu): output 'y' is also made by node 'relu' (Relu)");

  ModelMaker shadow = good_model();
  shadow.node("Relu", {"x"}, {"x"}, "shadow");
  expect_contains(import_error(shadow),
                  "node 'shadow' (Relu): output 'x' is also a graph input or an initializer");

  ModelMaker inputs = good_model();
  inputs.input("x", {2, 3});
  expect_contains(import_error(inputs), "input 'x' is declared twice");

  ModelMaker constants = good_model();
  constants.constant("w", {1}, std::vector<float>{1});
  constants.constant("w", {1}, std::vector<float>{1});
  expect_contains(import_error(constants), "initializer 'w': is given twice");

  ModelMaker outputs = good_model();
  outputs.output("y");
  expect_contains(import_error(outputs), "output 'y': is declared twice");

  ModelMaker absent = good_model();
  absent.output("nothing");
  expect_contains(import_error(absent), "output 'nothing': is no node's output");

  ModelMaker unnamed = good_model();
  unnamed.input("", {2});
  expect_contains(import_error(unnamed), "input '': has no name");
}

TEST(OnnxStructure, NamesThatCannotBeShown) {
  ModelMaker control = good_model();
  control.graph().mutable_node(0)->set_name("re\x1b[2Jlu");
  expect_contains(import_error(control), "node 0: its name has a control character in it");
  for (const char* bytes : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80"}) {
    ModelMaker maker = good_model();
    maker.graph().mutable_node(0)->set_output(0, bytes);
    expect_contains(import_error(maker), "node 0: the name of an output is not valid UTF-8");
  }
  ModelMaker fine = good_model();
  fine.graph().mutable_node(0)->set_name("Schicht-\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa6");
  EXPECT_NO_THROW((void)import(fine));
}

TEST(OnnxStructure, InputsThatAreInitializersAreConstants) {
  ModelMaker maker;
  maker.model.set_ir_version(3);
  maker.input("x", {2});
  maker.input("w", {2});
  maker.constant("w", {2}, std::vector<float>{3, 4});
  maker.node("Add", {"x", "w"}, {"y"});
  maker.output("y");
  const engine::Graph graph = import(maker);
  ASSERT_EQ(graph.inputs.size(), 1U);
  EXPECT_EQ(values_of(run(graph, {Tensor::of<float>({2}, {1, 1})})[0]), (std::vector<float>{4, 5}));
}

TEST(OnnxStructure, OptionalOperandsMayBeLeftOut) {
  ModelMaker maker;
  maker.input("x", {3});
  maker.constant("most", {}, std::vector<float>{2});
  maker.node("Clip", {"x", "", "most"}, {"a"});
  maker.node("Clip", {"a", "", ""}, {"y"});
  maker.output("y");
  const engine::Graph graph = import(maker);
  EXPECT_EQ(graph.nodes[0].inputs[1], engine::kNoValue);
  EXPECT_EQ(graph.nodes[1].inputs.size(), 1U);
  EXPECT_EQ(values_of(run(graph, {Tensor::of<float>({3}, {-5, 1, 9})})[0]), (std::vector<float>{-5, 1, 2}));
}

TEST(OnnxStructure, OptionalResultsThatNobodyReadsAreDropped) {
  ModelMaker maker;
  maker.input("x", {3});
  maker.node("Dropout", {"x"}, {"y", "mask"});
  maker.output("y");
  EXPECT_EQ(import(maker).nodes[0].outputs.size(), 1U);
  maker.output("mask");
  EXPECT_EQ(import(maker).nodes[0].outputs.size(), 2U);
}

TEST(OnnxStructure, UnusedInitializersAreDropped) {
  ModelMaker maker = good_model();
  maker.constant("unused", {1}, std::vector<float>{1});
  EXPECT_EQ(import(maker).find_value("unused"), engine::kNoValue);
}

TEST(OnnxStructure, WrongDimensions) {
  ModelMaker negative = good_model();
  negative.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(-2);
  expect_contains(import_error(negative), "input 'x': dimension -2 is negative");

  ModelMaker overflow = good_model();
  ModelMaker::describe(*overflow.graph().mutable_input(0), "x", {-1, INT64_MAX, 3}, 1);
  overflow.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  expect_contains(import_error(overflow), "input 'x': shape ");

  ModelMaker deep = good_model();
  auto& shape = *deep.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  while (shape.dim_size() < 9) shape.add_dim()->set_dim_value(1);
  expect_contains(import_error(deep), "input 'x': a tensor has more than 8 dimensions");
}

TEST(OnnxStructure, TypesThatAreNotSupported) {
  ModelMaker text = good_model();
  text.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(8);
  expect_contains(import_error(text), "input 'x': element type 8 (string) is not supported");
  ModelMaker sequence = good_model();
  sequence.graph().mutable_input(0)->mutable_type()->clear_tensor_type();
  expect_contains(import_error(sequence), "input 'x': is no tensor");
}

TEST(OnnxStructure, DeclaredOutputsMustAgree) {
  ModelMaker shape = good_model();
  ModelMaker::describe(*shape.graph().mutable_output(0), "y", {2, 4}, 1);
  const std::vector<std::string> warnings = import(shape).warnings;
  ASSERT_EQ(warnings.size(), 1U) << "a shape that is out of date is no fault of the graph";
  expect_contains(warnings[0], "output 'y' is declared ");
  expect_contains(warnings[0], ", but its node gives 2x3");
  EXPECT_TRUE(import(good_model()).warnings.empty());
  ModelMaker type = good_model();
  type.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(7);
  expect_contains(import_error(type), "output 'y': is declared s64, but its node gives f32");
}

TEST(OnnxStructure, FeaturesThatWouldChangeTheMeaning) {
  ModelMaker sparse = good_model();
  sparse.graph().add_sparse_initializer("");
  expect_contains(import_error(sparse), "the model has sparse initializers");
}

TEST(OnnxStructure, InferenceErrorsNameTheNode) {
  ModelMaker maker;
  maker.input("x", {1, 3, 8, 8});
  maker.constant("w", {4, 3, 3, 3}, std::vector<float>(108, 1));
  set_ints(maker.node("Conv", {"x", "w"}, {"y"}, "conv1"), "pads", {1, 1, 1});
  maker.output("y");
  expect_contains(import_error(maker),
                  "importing model.onnx: node 'conv1' (Conv): attribute 'pads' has 3 values, expected 4");
}

}  // namespace
}  // namespace godwit::importers::test
