// Models that are broken: ONNX by its bytes, TensorFlow.js by its JSON.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "importers/importer.h"
#include "tests/support/errors.h"
#include "tests/tools/broken.h"

namespace godwit::tools {
namespace {

std::string text_of(const std::vector<unsigned char>& bytes) { return {bytes.begin(), bytes.end()}; }

// An ONNX tensor 'w' of f32 with these dimensions and further fields.
std::string tensor(const std::vector<std::int64_t>& dims, const std::string& more) {
  std::string bytes;
  for (const std::int64_t dim : dims) bytes += field(1, static_cast<std::uint64_t>(dim));
  return bytes + field(2, 1) + field(8, "w") + more;
}
// A type of f32 with these sizes.
std::string type_of(const std::vector<std::int64_t>& dims) {
  std::string shape;
  for (const std::int64_t dim : dims) shape += field(1, field(1, static_cast<std::uint64_t>(dim)));
  return field(1, field(1, 1) + field(2, shape));
}
// A model that adds 'w' to its input 'x'; `node` in place of that.
std::string adding(const std::string& w, const std::vector<std::int64_t>& dims = {2},
                   const std::string& node = "") {
  const std::string add = field(1, "x") + field(1, "w") + field(2, "y") + field(3, "sum") + field(4, "Add");
  const std::string graph = field(1, node.empty() ? add : node) + field(2, "g") + field(5, w) +
                            field(11, field(1, "x") + field(2, type_of(dims))) +
                            field(12, field(1, "y") + field(2, type_of(dims)));
  return field(1, 8) + field(7, graph) + field(8, field(2, 13));
}
std::string external(const std::string& location, const std::string& more = "") {
  return field(13, field(1, "location") + field(2, location)) + more + field(14, 1);
}
std::string entry(const std::string& key, const std::string& value) {
  return field(13, field(1, key) + field(2, value));
}

TEST_F(BrokenFiles, OnnxModels) {
  const std::string good = model_bytes();
  const std::string eight(8, '\0');
  folder.write("broken/data.bin", std::string(4, '\0'));
  std::vector<Broken> list = {
      {"empty.onnx", "", "the file is empty"},
      {"text.onnx", "hello\n", "the file is "},
      {"half.onnx", good.substr(0, good.size() / 2), "the file is cut short or not ONNX: at byte "},
      {"last_byte.onnx", good.substr(0, good.size() - 1), "the file is cut short or not ONNX: at byte "},
      {"claim.onnx", "\x3a\xff\xff\xff\xff\x07", "at byte 0 it announces 2147483647 bytes, 0 are there"},
      {"negative_claim.onnx", "\x3a" + varint(static_cast<std::uint64_t>(-1)), "at byte 0"},
      {"zeros.onnx", std::string(100, '\0'), "malformed at byte 0"},
      {"ones.onnx", std::string(64, '\xff'), "malformed at byte 0"},
      {"groups.onnx", std::string(5000, '\x0b'), "malformed at byte 0"},
      {"json.onnx", R"({"a": 1})", "the file is "},
      {"image.onnx", text_of(plain_png(1, 2, 3)), "the file is "},
      {"no_graph.onnx", field(1, 8), "the file has no graph; is it an ONNX model?"},
      {"graph_is_number.onnx", field(1, 8) + field(7, 1), "the file has no graph"},
      {"opset.onnx", field(1, 8) + field(7, field(2, "g")) + field(8, field(2, 99)),
       "the model uses opset 99"},
      {"no_outputs.onnx", field(1, 8) + field(7, field(2, "g")) + field(8, field(2, 13)),
       "the graph has no outputs"},
      {"no_operator.onnx", adding(tensor({2}, field(9, eight)), {2}, field(1, "x") + field(2, "y")), ""},
      {"operator_is_number.onnx",
       adding(tensor({2}, field(9, eight)), {2}, field(1, "x") + field(2, "y") + field(4, 3)), ""},
      {"short_weights.onnx", adding(tensor({2}, field(9, "1234"))),
       "has 4 bytes of data, its shape 2 of f32 takes 8"},
      {"negative_dim.onnx", adding(tensor({-2}, field(9, eight))), "'w'"},
      {"huge_dims.onnx", adding(tensor({1LL << 62, 1LL << 62}, field(9, eight))), "'w'"},
      {"huge_input.onnx", adding(tensor({1}, field(9, "1234")), {1LL << 40, 1LL << 40}), ""},
      {"gone.onnx", adding(tensor({2}, external("gone.bin"))), "external file 'gone.bin' cannot be found"},
      {"absolute.onnx", adding(tensor({2}, external("/etc/passwd"))), "is an absolute path"},
      {"above.onnx", adding(tensor({2}, external("../tiny.onnx"))), "has '..' in its path"},
      {"short_data.onnx", adding(tensor({2}, external("data.bin"))), "data.bin"},
      {"offset.onnx", adding(tensor({2}, external("data.bin", entry("offset", "-8")))),
       "offset is not a number of bytes"},
      {"length.onnx", adding(tensor({2}, external("data.bin", entry("length", "1e3")))),
       "length is not a number of bytes"},
      {"model.pt", good, "cannot tell the format"},
      {"model", good, "expected one that ends in .onnx or .json"},
  };
  append(list, no_files(".onnx"));
  expect_answers(list, [](const std::string& path) { return Strings{"bench", path, "--iterations", "1"}; });
}

// Each cut ends in an error or in a smaller model, and nothing is written beside.
TEST_F(BrokenFiles, OnnxModelsCutAnywhere) {
  const std::string good = model_bytes(), path = folder / "broken/cut.onnx";
  std::size_t refused = 0;
  for (std::size_t size = 0; size < good.size(); ++size) {
    folder.write("broken/cut.onnx", good.substr(0, size));
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const std::string error = support::error_of([&] { (void)importers::load(path); });
    EXPECT_EQ(testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr(), "") << size;
    if (error.empty()) continue;
    ++refused;
    EXPECT_TRUE(error.starts_with("importing cut.onnx: ")) << error;
    EXPECT_EQ(foreign_word(error), "") << error;
  }
  EXPECT_GT(refused, good.size() / 2);
}

// Changes of any byte: an error in our words or a model, never an exception of another kind.
TEST_F(BrokenFiles, OnnxModelsWithAByteChanged) {
  const std::string good = model_bytes(), path = folder / "broken/changed.onnx";
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    for (const int flip : {0x01, 0x07, 0x80, 0xff}) {
      bytes[at] = static_cast<char>(good[at] ^ flip);
      folder.write("broken/changed.onnx", bytes);
      testing::internal::CaptureStderr();
      const std::string error = support::error_of([&] { (void)importers::load(path); });
      EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << at;
      EXPECT_EQ(foreign_word(error), "") << error;
    }
  }
}

TEST_F(BrokenFiles, TfjsModels) {
  const auto topology = [](const std::string& config, const std::string& manifest = "[]") {
    return fmt::format(
        R"({{"modelTopology": {{"class_name": "Model", "config": {}}}, "weightsManifest": {}}})", config,
        manifest);
  };
  const auto layers = [&](const std::string& list) {
    return topology(fmt::format(R"({{"name": "m", "layers": {}, "output_layers": [["a", 0, 0]]}})", list));
  };
  std::vector<Broken> list = {
      {"empty.json", "", "is not valid JSON: there is nothing in it"},
      {"text.json", "hello", "is not valid JSON: line 1, column 1 cannot be read"},
      {"open.json", "{\"a\":\n ", "is not valid JSON: it ends too early, in line 2"},
      {"comma.json", "{\"a\": 1,\n}", "is not valid JSON: line 2, column 1 cannot be read"},
      {"utf8.json", "\"\xff\"", "is not valid JSON: line 1, column 2 cannot be read"},
      {"nul.json", std::string("{\0}", 3), "is not valid JSON: line 1, column 2 cannot be read"},
      {"nan.json", R"({"a": NaN})", "is not valid JSON: line 1, column 7 cannot be read"},
      {"large_number.json", R"({"a": 1e999})", "is not valid JSON: line 1, "},
      {"yaml.json", "model:\n  - a\n", "is not valid JSON: line 1, column 1 cannot be read"},
      {"deep.json", std::string(100'000, '[') + std::string(100'000, ']'), "nests deeper than 200"},
      {"list.json", "[1]", "not of the form of a layers-model"},
      {"null.json", "null", "not of the form of a layers-model"},
      {"object.json", "{}", "is it a TensorFlow.js layers-model?"},
      {"graph.json", R"({"format": "graph-model"})", "the model is a 'graph-model'"},
      {"format.json", R"({"format": 3})", "the model is a 3, expected a 'layers-model'"},
      {"bare.json", R"({"modelTopology": {}, "weightsManifest": []})", "has no 'class_name'"},
      {"type.json", R"({"modelTopology": 3, "weightsManifest": []})", "3 stands where an object is expected"},
      {"layers.json", layers("3"), "'layers' is 3, expected a list"},
      {"layer.json", layers("[4]"), "4 stands where an object is expected"},
      {"name.json", layers(R"([{"config": {}, "class_name": "Add"}])"), "has no 'name'"},
      {"calls.json", layers(R"([{"config": {"name": "a"}, "class_name": "Add"}])"), "has no 'inbound_nodes'"},
      {"kind.json",
       layers(R"([{"config": {"name": "a"}, "class_name": "LSTM", "inbound_nodes": [[["b", 0, 0]]]}])"),
       "1 layer is of a kind that is not supported (LSTM)"},
      {"shape.json",
       layers(R"([{"config": {"name": "a"}, "class_name": "InputLayer", "inbound_nodes": []}])"),
       "layer 'a' (InputLayer): has neither 'batch_input_shape' nor 'batch_shape'"},
      {"sizes.json", layers(R"([{"config": {"name": "a", "batch_shape": [1, "x"]},
        "class_name": "InputLayer", "inbound_nodes": []}])"),
       "layer 'a' (InputLayer): a shape has size \"x\""},
      {"manifest.json", topology(R"({"layers": [], "output_layers": []})", "3"),
       "'weightsManifest' is no list of groups"},
      {"shard.json",
       topology(R"({"layers": [], "output_layers": []})", R"([{"weights": [], "paths": ["gone.bin"]}])"),
       "external file 'gone.bin' cannot be found"},
      {"outputs.json", topology(R"({"layers": [], "output_layers": []})"), "the model has no outputs"},
  };
  append(list, no_files(".json"));
  expect_answers(list, [](const std::string& path) { return Strings{"inspect", path}; });
}

// A broken tensor fails its case, and the others go on.
TEST_F(BrokenFiles, OnnxCases) {
  folder.write("case/model.onnx", model_bytes());
  folder.write("case/test_data_set_0/input_0.pb", "hello");
  folder.write("case/test_data_set_0/output_0.pb", "");
  const Outcome outcome = godwit({"verify", folder / "case"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.out.find("input_0.pb"), std::string::npos) << outcome.out;
  EXPECT_EQ(foreign_word(outcome.out + outcome.err), "") << outcome.out << outcome.err;
}

}  // namespace
}  // namespace godwit::tools
