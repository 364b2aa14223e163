// Files that are broken in every way: each answer is one line that names the file and says what is wrong with
// it, in words of our own.
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "tests/runtime/image/encode.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

// Words that only other libraries, or the language, would say.
const Strings kForeignWords = {
    "json.exception", "[json",     "nlohmann", "protobuf",     "CLI::",     "libpng", "spng",
    "std::",          "terminate", "what()",   "basic_string", "bad_alloc", "errno"};

enum class Form { file, directory, fifo, device, dangling_link, absent };

struct Broken {
  std::string name;
  std::string contents;
  std::string golden;  // stands in the answer
  Form form = Form::file;
};

std::string text_of(const std::vector<unsigned char>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string cut(const std::string& text, std::size_t kept) { return text.substr(0, kept); }

// An .npy file of version 1 with this header.
std::string npy(const std::string& header, const std::string& data = "") {
  std::string file = std::string("\x93NUMPY\x01", 7) + std::string(1, '\0');
  file += static_cast<char>(header.size() & 0xffU);
  file += static_cast<char>(header.size() >> 8U);
  return file + header + data;
}
std::string npy_of(const char* descr, const char* order, const char* shape, const std::string& data = "") {
  return npy(fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, order, shape),
             data);
}

class BrokenInputs : public testing::Test {
 protected:
  BrokenInputs() : model(save_tiny_model(folder)) { folder.write("good.png", plain_png(1, 2, 3)); }

  std::string make(const Broken& broken) const {
    std::string path = folder / ("broken/" + broken.name);
    fs::create_directories(folder / "broken");
    switch (broken.form) {
      case Form::file:
        folder.write("broken/" + broken.name, broken.contents);
        break;
      case Form::directory:
        fs::create_directory(path);
        break;
      case Form::fifo:
        EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
        break;
      case Form::device:
        fs::create_symlink("/dev/zero", path);
        break;
      case Form::dangling_link:
        fs::create_symlink("nowhere", path);
        break;
      case Form::absent:
        break;
    }
    return path;
  }

  // Every form of a file that is none, by this ending.
  static std::vector<Broken> no_files(const std::string& ending) {
    return {{"folder" + ending, "", "not a regular file", Form::directory},
            {"fifo" + ending, "", "not a regular file", Form::fifo},
            {"device" + ending, "", "not a regular file", Form::device},
            {"dangling" + ending, "", "No such file or directory", Form::dangling_link},
            {"absent" + ending, "", "No such file or directory", Form::absent}};
  }

  // Runs the command that `arguments` makes of the path, and checks the answer. Returns the number of files.
  std::size_t expect_answers(const std::vector<Broken>& list,
                             const std::function<Strings(const std::string&)>& arguments) const {
    for (const Broken& broken : list) {
      const std::string path = make(broken);
      SCOPED_TRACE(broken.name);
      const Outcome outcome = godwit(arguments(path));
      EXPECT_TRUE(outcome.exit_code >= 1 && outcome.exit_code <= 3) << outcome.exit_code;
      EXPECT_TRUE(outcome.err.starts_with("godwit: error: ")) << outcome.err;
      EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
      EXPECT_NE(outcome.err.find(broken.name), std::string::npos) << outcome.err;
      EXPECT_NE(outcome.err.find(broken.golden), std::string::npos) << outcome.err << broken.golden;
      for (const std::string& word : kForeignWords)
        EXPECT_EQ(outcome.err.find(word), std::string::npos) << outcome.err;
    }
    return list.size();
  }

  TemporaryDirectory folder;
  std::string model;
};

TEST_F(BrokenInputs, OnnxModels) {
  const std::string good = read_all(model);
  std::vector<Broken> list = {
      {"empty.onnx", "", "the file is empty"},
      {"text.onnx", "hello\n", "the file is"},
      {"half.onnx", cut(good, good.size() / 2), "the file is cut short or not ONNX: at byte "},
      {"last_byte.onnx", cut(good, good.size() - 1), "the file is cut short or not ONNX: at byte "},
      {"claim.onnx", "\x3a\xff\xff\xff\xff\x07", "at byte 0 it announces 2147483647 bytes, 0 are there"},
      {"zeros.onnx", std::string(100, '\0'), "malformed at byte 0"},
      {"ones.onnx", std::string(64, '\xff'), "malformed at byte 0"},
      {"json.onnx", R"({"a": 1})", "the file is"},
      {"image.onnx", text_of(plain_png(1, 2, 3)), "the file is"},
      {"no_graph.onnx", "\x08\x08", "the file has no graph; is it an ONNX model?"},
      {"model.pt", good, "cannot tell the format"},
      {"model", good, "expected one that ends in .onnx or .json"},
  };
  const std::vector<Broken> forms = no_files(".onnx");
  list.insert(list.end(), forms.begin(), forms.end());
  EXPECT_GE(expect_answers(list, [](const std::string& path) { return Strings{"inspect", path}; }), 17U);
}

TEST_F(BrokenInputs, TfjsModels) {
  const auto layers = [](const std::string& list) {
    return R"({"modelTopology": {"class_name": "Model", "config": {"name": "m", "layers": )" + list +
           R"(, "output_layers": [["a", 0, 0]]}}, "weightsManifest": []})";
  };
  std::vector<Broken> list = {
      {"empty.json", "", "is not valid JSON: there is nothing in it"},
      {"text.json", "hello", "is not valid JSON: line 1, column 1 cannot be read"},
      {"open.json", "{\"a\":\n ", "is not valid JSON: it ends too early, in line 2"},
      {"comma.json", "{\"a\": 1,\n}", "is not valid JSON: line 2, column 1 cannot be read"},
      {"utf8.json", "\"\xff\"", "is not valid JSON: line 1, column 2 cannot be read"},
      {"nul.json", std::string("{\0}", 3), "is not valid JSON: line 1, column 2 cannot be read"},
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
      {"shape.json",
       layers(R"([{"config": {"name": "a"}, "class_name": "InputLayer", "inbound_nodes": []}])"),
       "layer 'a' (InputLayer): has neither 'batch_input_shape' nor 'batch_shape'"},
      {"sizes.json",
       layers(
           R"([{"config": {"name": "a", "batch_shape": [1, "x"]}, "class_name": "InputLayer", "inbound_nodes": []}])"),
       "layer 'a' (InputLayer): a shape has size \"x\""},
      {"kind.json",
       layers(R"([{"config": {"name": "a"}, "class_name": "LSTM", "inbound_nodes": [[["b", 0, 0]]]}])"),
       "1 layer is of a kind that is not supported (LSTM)"},
      {"manifest.json", R"({"modelTopology": {"class_name": "Model", "config": {"layers": [],
        "output_layers": []}}, "weightsManifest": 3})",
       "'weightsManifest' is no list of groups"},
      {"shard.json", R"({"modelTopology": {"class_name": "Model", "config": {"layers": [],
        "output_layers": []}}, "weightsManifest": [{"weights": [], "paths": ["gone.bin"]}]})",
       "external file 'gone.bin' cannot be found"},
      {"outputs.json", R"({"modelTopology": {"class_name": "Model", "config": {"layers": [],
        "output_layers": []}}, "weightsManifest": []})",
       "the model has no outputs"},
  };
  const std::vector<Broken> forms = no_files(".json");
  list.insert(list.end(), forms.begin(), forms.end());
  EXPECT_GE(expect_answers(list, [](const std::string& path) { return Strings{"inspect", path}; }), 30U);
}

TEST_F(BrokenInputs, DescriptionsOfPreprocessing) {
  const std::vector<Broken> list = {
      {"empty.json", "", "not valid JSON: there is nothing in it"},
      {"text.json", "torch\n", "not valid JSON: line 1, column 2 cannot be read"},
      {"open.json", "{\n\"crop\": 3", "not valid JSON: it ends too early, in line 2"},
      {"list.json", "[1, 2]", "[1,2] is not a JSON object"},
      {"key.json", R"({"size": 3})", "key 'size': unknown key: expected resize,"},
      {"value.json", R"({"crop": "a"})", "key 'crop': \"a\" is not a whole number from 0 to 16384"},
      {"number.json", R"({"scale": 1e999})", "not valid JSON: line 1, "},
      {"folder.json", "", "is not a regular file", Form::directory},
      {"fifo.json", "", "is not a regular file", Form::fifo},
      {"device.json", "", "is not a regular file", Form::device},
      {"absent.json", "", "is neither a file nor a preset", Form::absent},
  };
  expect_answers(list, [&](const std::string& path) {
    return Strings{"preprocess", folder / "good.png", "--output", folder / "x.npy", "--preprocess", path};
  });
}

TEST_F(BrokenInputs, Tensors) {
  const std::string good = npy_of("<f4", "False", "(1, 3, 8, 8)", std::string(768, '\0'));
  std::vector<Broken> list = {
      {"empty.npy", "", "not an .npy file"},
      {"text.npy", "1, 2, 3\n", "not an .npy file"},
      {"header.npy", cut(good, 40), "the file ends inside its header"},
      {"data.npy", cut(good, good.size() - 1), "needs 768 bytes of data, the file has 767"},
      {"more.npy", good + "x", "needs 768 bytes of data, the file has 769"},
      {"claim.npy", npy_of("<f4", "False", "(4611686018427387904, 3)"), "more elements than fit"},
      {"large.npy", npy_of("<f4", "False", "(1000000, 3, 8, 8)"), "the file has 0"},
      {"order.npy", npy_of("<f4", "True", "(1, 3, 8, 8)", std::string(768, '\0')), "in Fortran order"},
      {"objects.npy", npy_of("|O", "False", "(1,)"), "element type '|O' is not supported"},
      {"big_endian.npy", npy_of(">f4", "False", "(1,)", "1234"), "element type '>f4' is not supported"},
      {"negative.npy", npy_of("<f4", "False", "(-1, 3)"), "its header is malformed"},
      {"keys.npy", npy("{'descr': '<f4'}\n"), "its header is malformed"},
      {"nonsense.npy", npy("import os\n"), "its header is malformed"},
      {"version.npy", "\x93NUMPY\x09" + cut(good.substr(7), 200), "its format version is 9"},
      {"shape.npy", npy_of("<f4", "False", "(1, 3, 8, 9)", std::string(864, '\0')),
       "but input 'input' is f32"},
      {"type.npy", npy_of("<i8", "False", "(1,)", std::string(8, '\0')), "holds s64 1, but input"},
      {"ending.txt", good, "is neither .npy nor .pb"},
      {"empty.pb", "", "the file is empty"},
      {"text.pb", "hello\n", "the file is"},
      {"claim.pb", "\x4a\xff\xff\xff\xff\x07", "it announces 2147483647 bytes, 0 are there"},
  };
  const std::vector<Broken> forms = no_files(".npy");
  list.insert(list.end(), forms.begin(), forms.end());
  EXPECT_GE(expect_answers(list,
                           [&](const std::string& path) {
                             return Strings{"run", model, "--input", path, "--output-dir", folder / "out"};
                           }),
            25U);
}

TEST_F(BrokenInputs, Images) {
  const std::string jpeg = text_of(some_jpeg()), png = text_of(plain_png(1, 2, 3));
  std::string crc = png;
  crc[29] = static_cast<char>(crc[29] ^ 1);  // of the header
  std::string wide = png;
  std::memset(wide.data() + 16, 0x7f, 4);
  const std::vector<Broken> list = {
      {"empty.jpg", "", "the file is empty, expected a JPEG or PNG image"},
      {"text.jpg", "This is no image.\n", "the file is neither a JPEG nor a PNG image"},
      {"half.jpg", cut(jpeg, jpeg.size() / 2), "cannot decode the JPEG"},
      {"marker.jpg", cut(jpeg, 2), "the file is neither a JPEG nor a PNG image"},
      {"claim.jpg", std::string("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xdc\xff\xdc\x01\x01\x11\x00\xff\xd9", 17),
       "cannot decode the JPEG"},
      {"animation.gif", "GIF89a" + std::string(20, '\0'), "the file is neither a JPEG nor a PNG image"},
      {"signature.png", cut(png, 8), "cannot decode the PNG: it has no pixels"},
      {"half.png", cut(png, png.size() / 2), "cannot decode the PNG"},
      {"crc.png", crc, "chunk IHDR has a wrong checksum"},
      {"wide.png", wide, "chunk IHDR has a wrong checksum"},
      {"folder.png", "", "has no .jpg, .jpeg or .png file", Form::directory},
      {"fifo.png", "", "not a regular file", Form::fifo},
      {"device.png", "", "not a regular file", Form::device},
      {"dangling.png", "", "does not exist", Form::dangling_link},
      {"absent.png", "", "does not exist", Form::absent},
  };
  EXPECT_EQ(expect_answers(list,
                           [&](const std::string& path) {
                             return Strings{"classify", model, path, "--strict"};
                           }),
            15U);
}

TEST_F(BrokenInputs, Tables) {
  const std::vector<Broken> lists = {
      {"empty.csv", "", "is empty, expected CSV with a header line"},
      {"column.csv", "name,class\na.png,1\n", "has no column 'file'; its columns are name, class"},
      {"quote.csv", "file\n\"a.png\n", "line 2: a quoted field does not end"},
      {"long.csv", "file,class\na.png,1,2,3\n", "line 2 has 4 fields, expected 2"},
      {"folder.csv", "", "is not a regular file", Form::directory},
      {"fifo.csv", "", "is not a regular file", Form::fifo},
      {"absent.csv", "", "No such file or directory", Form::absent},
  };
  expect_answers(lists, [&](const std::string& path) {
    return Strings{"classify", model, "--list", path, "--strict"};
  });
  const std::vector<Broken> plans = {
      {"empty.plan", "", "is no plan file, or a damaged one"},
      {"yaml.plan", "steps:\n  - a: b\n", "is no plan file, or a damaged one"},
      {"open.plan", "{\"schema\": ", "is no plan file, or a damaged one"},
      {"folder.plan", "", "is not a regular file", Form::directory},
      {"fifo.plan", "", "is not a regular file", Form::fifo},
      {"absent.plan", "", "No such file or directory", Form::absent},
  };
  const std::string tensor =
      folder.write("x.npy", npy_of("<f4", "False", "(1, 3, 8, 8)", std::string(768, '\0')));
  expect_answers(plans, [&](const std::string& path) {
    return Strings{"run", model, "--input", tensor, "--output-dir", folder / "out", "--plan", path};
  });
}

}  // namespace
}  // namespace godwit::tools
