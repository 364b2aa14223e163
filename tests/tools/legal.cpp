// Small twins of the legal files that were refused once; they need no folder.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "importers/importer.h"
#include "runtime/npy.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

using Strings = std::vector<std::string>;

class Legal : public testing::Test {
 protected:
  std::string save(const engine::Graph& graph) const {
    importers::save_onnx(graph, folder / "model.onnx");
    return folder / "model.onnx";
  }
  std::string tensor(const std::string& name, const Tensor& value) const {
    write_npy(folder / name, value.view());
    return folder / name;
  }
  TemporaryDirectory folder;
};

TEST_F(Legal, ShapesThatAreInputs) {
  support::GraphBuilder b;
  b.output(b.node("Reshape", "y", {b.input("x", {2, 3}), b.input("shape", {2}, DType::s64)}));
  const std::string model = save(b.graph());
  const std::string x = tensor("x.npy", Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const std::string shape = tensor("s.npy", Tensor::of<std::int64_t>({2}, {3, -1}));
  const Outcome outcome = godwit(
      {"run", model, "--input", "x=" + x, "--input", "shape=" + shape, "--output-dir", folder / "out"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_npy(folder / "out/y.npy").shape(), (Shape{3, 2}));
}

TEST_F(Legal, TwoSizesOfOneNameAreTakenAsTwoNames) {
  support::GraphBuilder b;
  const std::int64_t n = b.graph().symbol("N");
  b.output(b.node("Add", "y", {b.input("a", {n, 2}), b.input("b", {n, 2})}));
  const std::string model = save(b.graph());
  const std::string a = tensor("a.npy", Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
  const std::string one = tensor("b.npy", Tensor::of<float>({1, 2}, {10, 20}));
  const Outcome outcome =
      godwit({"run", model, "--input", "a=" + a, "--input", "b=" + one, "--output-dir", folder / "out"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_npy(folder / "out/y.npy").values<float>()[3], 24);
}

TEST_F(Legal, SixteenBitsOfAModelWithoutSuchLayersRunInF32WithANote) {
  support::GraphBuilder b;
  b.output(b.node("Relu", "y", {b.input("x", {1, 2})}));
  const std::string model = save(b.graph());
  const std::string x = tensor("x.npy", Tensor::of<float>({1, 2}, {-1, 1}));
  for (const char* precision : {"f16", "bf16"}) {
    const Outcome outcome = godwit(
        {"run", model, "--input", x, "--output-dir", folder / "out", "--precision", precision, "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json().at("precision"), "f32");
    EXPECT_NE(outcome.err.find("no layer of this model can be stored in"), std::string::npos) << outcome.err;
  }
}

// The model says 1x5 of its output and gives 1x4: told once by every command that reads it.
TEST_F(Legal, StaleShapesAreTold) {
  engine::Graph stale = tiny_model();
  for (const engine::ValueId output : stale.outputs) stale.value(output).desc.shape = Shape{1, 5};
  const std::string model = save(stale), image = folder.write("photos/red.png", plain_png(255, 0, 0));
  const Strings commands[] = {
      {"inspect", model},
      {"explain", model},
      {"bench", model, "--seconds", "0.01"},
      {"classify", model, image},
      {"run", model, "--image", image, "--output-dir", folder / "out"},
      {"convert", model, folder / "out.onnx"},
      {"compare", model, "--precision", "bf16", "--data", image},
      {"quantize", model, "--calibration", folder / "photos", "--output", folder / "q.onnx"},
  };
  for (const Strings& command : commands) {
    const Outcome outcome = godwit(command);
    EXPECT_EQ(outcome.exit_code, 0) << command.front() << outcome.err;
    const std::size_t at = outcome.err.find("output 'prob' is declared 1x5, but its node gives");
    ASSERT_NE(at, std::string::npos) << command.front() << outcome.err;
    EXPECT_EQ(outcome.err.find("is declared", at + 20), std::string::npos) << command.front() << ": twice";
  }
  EXPECT_EQ(godwit({"inspect", model, "--json"}).json().at("warnings").size(), 1U);
}

// A TensorProto of two elements by hand: dims, data_type, raw_data.
std::string two_elements(int type, const std::string& bytes) {
  return std::string("\x08\x02\x10") + static_cast<char>(type) + "\x4a" + static_cast<char>(bytes.size()) +
         bytes;
}

TEST_F(Legal, VerifyTakesInputsOfOtherTypes) {
  constexpr int kF32 = 1, kU8 = 2, kF16 = 10, kBf16 = 16;  // as ONNX numbers them
  struct Case {
    const char* name;
    DType dtype;
    int type, result;
    std::string input, output;  // little-endian
  };
  using namespace std::string_literals;
  const std::vector<Case> cases = {
      {"u8", DType::u8, kU8, kF32, "\x01\xc8"s, "\0\0\x80\x3f\0\0\x48\x43"s},  // 1, 200
      {"f16", DType::f16, kF16, kF16, "\0\xbc\0\x40"s, "\0\0\0\x40"s},         // -1 and 2, then 0
      {"bf16", DType::bf16, kBf16, kBf16, "\x80\xbf\0\x40"s, "\0\0\0\x40"s}};  // the same
  for (const Case& each : cases) {
    support::GraphBuilder b;
    const engine::ValueId x = b.input("x", {2}, each.dtype);
    b.output(each.dtype == DType::u8 ? b.node("Cast", "y", {x}, {{"to", std::int64_t{kF32}}})
                                     : b.node("Relu", "y", {x}));
    const std::string data = fmt::format("cases/{}/test_data_set_0/", each.name);
    folder.write(data + "input_0.pb", two_elements(each.type, each.input));
    folder.write(data + "output_0.pb", two_elements(each.result, each.output));
    importers::save_onnx(b.build(), folder / fmt::format("cases/{}/model.onnx", each.name));
  }
  const Outcome outcome = godwit({"verify", folder / "cases/", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.json().at("passed"), 3);
}

}  // namespace
}  // namespace godwit::tools
