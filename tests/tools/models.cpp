// run, bench, inspect, explain, convert and verify on small models.
#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "importers/importer.h"
#include "runtime/cpu.h"
#include "runtime/npy.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

using support::GraphBuilder;

class Models : public testing::Test {
 protected:
  Models() : model(save_tiny_model(folder)) {}

  std::string save(const std::string& name, const Tensor& tensor) {
    std::string path = folder / name;
    write_npy(path, tensor.view());
    return path;
  }
  static Tensor image(std::int64_t batch) {
    Tensor tensor(TensorDesc{DType::f32, Shape{batch, 3, 8, 8}, Layout::nchw});
    std::ranges::fill(tensor.mutable_values<float>(), 0.5F);
    return tensor;
  }

  TemporaryDirectory folder;
  std::string model;
};

TEST_F(Models, RunWritesEveryOutput) {
  const std::string input = save("x.npy", image(2));
  const std::string results = folder / "new/results";
  const Outcome outcome =
      godwit({"run", model, "--input", "input=" + input, "--output-dir", results, "--json"});
  const Json json = outcome.json();
  EXPECT_EQ(json.at("schema"), "godwit.run/1");
  ASSERT_EQ(json.at("outputs").size(), 1U);
  EXPECT_EQ(json.at("outputs").at(0).at("name"), "prob");
  EXPECT_EQ(json.at("outputs").at(0).at("shape"), (Json{2, 4}));
  const Tensor prob = read_npy(results + "/prob.npy");
  ASSERT_EQ(prob.shape(), (Shape{2, 4}));
  // All four scores are 2.
  for (const float value : prob.values<float>()) EXPECT_EQ(value, 0.25F);
}

TEST_F(Models, RunComputesAnyValueAskedFor) {
  const std::string input = save("x.npy", image(1));
  const Outcome outcome = godwit({"run", model, "--input", input, "--output-dir", folder / "out", "--output",
                                  "scores", "--output", "mean"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_npy(folder / "out/scores.npy").values<float>()[0], 2.0F);
  EXPECT_EQ(read_npy(folder / "out/mean.npy").shape(), (Shape{1, 3, 1, 1}));
  EXPECT_FALSE(std::filesystem::exists(folder / "out/prob.npy"));
  expect_error(
      godwit({"run", model, "--input", input, "--output-dir", folder / "out", "--output", "nothing"}), 2,
      "nothing");
}

TEST_F(Models, RunWritesSizesThatTheDataDecides) {
  GraphBuilder builder;
  builder.output(builder.node("NonZero", "found", {builder.input("x", Shape{2, 3})}));
  const std::string counts = folder / "counts.onnx";
  importers::save_onnx(builder.build(), counts);
  const std::string input = save("x.npy", Tensor::of<float>({2, 3}, {0, 5, 0, 6, 0, 0}));
  const Outcome outcome = godwit({"run", counts, "--input", input, "--output-dir", folder / "out", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json().at("outputs").at(0).at("shape"), (Json{2, 2}));
  const Tensor found = read_npy(folder / "out/found.npy");
  ASSERT_EQ(found.shape(), (Shape{2, 2}));
  EXPECT_EQ(found.values<std::int64_t>()[1], 1);
  EXPECT_EQ(godwit({"inspect", counts, "--json"}).json().at("outputs").at(0).at("shape"), (Json{2, "<=6"}));
  EXPECT_EQ(godwit({"bench", counts, "--seconds", "0.01"}).exit_code, 0);
}

TEST_F(Models, RunRefusesWhatDoesNotFit) {
  const std::string good = save("x.npy", image(1));
  const std::string wide = save("wide.npy", Tensor::of<float>({1, 3, 1, 2}, {1, 2, 3, 4, 5, 6}));
  const std::string whole = save("whole.npy", Tensor::of<std::int64_t>({1}, {1}));
  const std::string out = folder / "out";
  expect_error(godwit({"run", model, "--input", "input=" + wide, "--output-dir", out}), 2,
               "wide.npy' holds f32 1x3x1x2, but input 'input' is f32 Nx3x8x8");
  expect_error(godwit({"run", model, "--input", "input=" + whole, "--output-dir", out}), 2,
               "whole.npy' holds s64 1, but input 'input' is f32 Nx3x8x8");
  expect_error(godwit({"run", model, "--input", "image=" + good, "--output-dir", out}), 2,
               "no input 'image'; its inputs are input");
  expect_error(godwit({"run", model, "--output-dir", out}), 2, "input 'input' is not given");
  expect_error(godwit({"run", model, "--input", good, "--input", good, "--output-dir", out}), 2,
               "given twice");
  expect_error(godwit({"run", model, "--input", folder / "absent.npy", "--output-dir", out}), 2,
               "absent.npy");
  expect_error(godwit({"run", model, "--input", model, "--output-dir", out}), 2, "neither .npy nor .pb");
  EXPECT_FALSE(std::filesystem::exists(out));
  const std::string result = save("prob.npy", image(1));
  expect_error(godwit({"run", model, "--input", result, "--output-dir", folder.path().string()}), 2,
               "prob.npy' is a file that is read; write to another");
  EXPECT_EQ(read_npy(result).shape(), (Shape{1, 3, 8, 8}));
  // A folder below a file can be made by nobody, not even root.
  expect_error(godwit({"run", model, "--input", good, "--output-dir", good + "/out"}), 2,
               "cannot make folder");
  expect_error(godwit({"run", model, "--input", good, "--output-dir", good}), 2, good);
}

TEST_F(Models, NamesOfOutputsCannotLeaveTheFolder) {
  GraphBuilder builder;
  const auto input = builder.input("x", Shape{1});
  builder.output(builder.node("Relu", "../a/b", {input})).output(builder.node("Neg", "..?a?b", {input}));
  importers::save_onnx(builder.build(), folder / "names.onnx");
  const std::string x = save("x.npy", Tensor::of<float>({1}, {-3}));
  const Outcome outcome =
      godwit({"run", folder / "names.onnx", "--input", x, "--output-dir", folder / "out"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_npy(folder / "out/_.._a_b.npy").values<float>()[0], 0.0F);
  EXPECT_EQ(read_npy(folder / "out/_.._a_b-2.npy").values<float>()[0], 3.0F);
}

TEST_F(Models, BenchReportsItsSchema) {
  const Json json = godwit({"bench", model, "--seconds", "0.01", "--min-repetitions", "5", "--batch", "2",
                            "--threads", "2", "--isa", "generic", "--profile", "--json"})
                        .json();
  EXPECT_EQ(json.at("schema"), "godwit.bench/1");
  EXPECT_EQ(json.at("model"), model);
  EXPECT_EQ(json.at("precision"), "f32");
  EXPECT_EQ(json.at("isa"), "generic");
  EXPECT_EQ(json.at("threads"), 2);
  EXPECT_EQ(json.at("macs"), 12);  // of one image: 3 × 4
  EXPECT_GE(json.at("flops"), 24);
  for (const char* key : {"load_ms", "peak_rss_mib", "weights_mib", "arena_mib"})
    EXPECT_GT(json.at(key), 0) << key;
  EXPECT_TRUE(json.at("energy").is_null());
  ASSERT_EQ(json.at("results").size(), 1U);
  const Json& result = json.at("results").at(0);
  EXPECT_EQ(result.at("batch"), 2);
  EXPECT_GE(result.at("repetitions"), 5);
  EXPECT_GE(result.at("seconds"), 0.01);
  const Json& latency = result.at("latency_ms");
  EXPECT_LE(latency.at("min"), latency.at("median"));
  EXPECT_LE(latency.at("median"), latency.at("p90"));
  EXPECT_LE(latency.at("p90"), latency.at("p99"));
  EXPECT_TRUE(latency.contains("mean"));
  EXPECT_DOUBLE_EQ(result.at("images_per_second"), 2e3 / latency.at("median").get<double>());
  double sum = 0;
  for (const Json& layer : json.at("profile").at("layers")) sum += layer.at("ms").get<double>();
  EXPECT_DOUBLE_EQ(json.at("profile").at("sum_ms"), sum);
}

TEST_F(Models, BenchDoublesTheBatchUntilTheLimit) {
  const Json json =
      godwit({"bench", model, "--batch", "auto", "--seconds", "0.05", "--min-repetitions", "1", "--json"})
          .json();
  std::int64_t expected = 1;
  for (const Json& result : json.at("results")) {
    EXPECT_EQ(result.at("batch"), expected);
    expected *= 2;
  }
  EXPECT_GT(expected, 2);
}

TEST_F(Models, BenchShowsLayersByTheModelsNames) {
  const Outcome outcome = godwit({"bench", model, "--seconds", "0.01", "--profile"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* words :
       {"median ms", "MACs", "GFLOP/s", "implementation", "kernel", "scores", "sum of layers"}) {
    EXPECT_NE(outcome.out.find(words), std::string::npos) << words << "\n" << outcome.out;
  }
}

TEST_F(Models, BenchMeasuresEachKernelAgainstThePeak) {
  const Json kernels =
      godwit({"bench", model, "--seconds", "0.01", "--kernels", "--json"}).json().at("kernels");
  const double peak = kernels.at("peak_gflops_per_second");
  EXPECT_GT(peak, 0);
  ASSERT_FALSE(kernels.at("shapes").empty());
  for (const Json& shape : kernels.at("shapes")) {
    EXPECT_GT(shape.at("m"), 0);
    EXPECT_GT(shape.at("n"), 0);
    EXPECT_GT(shape.at("k"), 0);
    EXPECT_GT(shape.at("gflops_per_second"), 0);
    EXPECT_FALSE(shape.at("kernel").get<std::string>().empty());
  }
}

TEST_F(Models, BenchFromPhotographToLabel) {
  folder.write("photos/a.png", plain_png(255, 0, 0));
  const Json json =
      godwit({"bench", model, "--images", folder / "photos", "--seconds", "0.01", "--batch", "2", "--json"})
          .json();
  EXPECT_EQ(json.at("images"), folder / "photos");
  EXPECT_EQ(json.at("results").at(0).at("batch"), 2);
  EXPECT_GT(json.at("results").at(0).at("preprocess_share"), 0);
  expect_error(godwit({"bench", model, "--preprocess", "tf"}), 2, "--preprocess needs --images");
}

TEST_F(Models, InspectTellsWhatTheModelIs) {
  const Json json = godwit({"inspect", model, "--layers", "--json"}).json();
  EXPECT_EQ(json.at("schema"), "godwit.inspect/1");
  EXPECT_EQ(json.at("format"), "ONNX, opset 13");
  EXPECT_EQ(json.at("inputs").at(0).at("name"), "input");
  EXPECT_EQ(json.at("inputs").at(0).at("shape"), (Json{"N", 3, 8, 8}));
  EXPECT_EQ(json.at("outputs").at(0).at("shape"), (Json{"N", 4}));
  EXPECT_EQ(json.at("operators").at("Gemm"), 1);
  EXPECT_EQ(json.at("parameters"), 16);
  EXPECT_EQ(json.at("macs"), 12);
  EXPECT_GE(json.at("memory").at("arena_bytes"), json.at("memory").at("lower_bound_bytes"));
  EXPECT_FALSE(json.at("layers").empty());
  EXPECT_TRUE(json.at("metadata").contains("godwit.labels"));
  const std::string text = godwit({"inspect", model}).out;
  for (const char* words :
       {"input: f32 Nx3x8x8", "1 Softmax", "12 MACs; ", " FLOPs", "16 parameters", "least possible"}) {
    EXPECT_NE(text.find(words), std::string::npos) << words << "\n" << text;
  }
}

TEST_F(Models, ExplainGivesReasonsAndChoices) {
  const Json json = godwit({"explain", model, "--json", "--isa", "generic"}).json();
  EXPECT_EQ(json.at("schema"), "godwit.explain/1");
  EXPECT_EQ(json.at("isa"), "generic");
  EXPECT_EQ(json.at("passes").at(0).at("name"), "fold_constants");
  for (const Json& step : json.at("steps")) {
    int chosen = 0;
    for (const Json& candidate : step.at("candidates")) chosen += candidate.at("chosen").get<bool>() ? 1 : 0;
    EXPECT_EQ(chosen, 1) << step;
    EXPECT_EQ(step.at("candidates").back().at("implementation"), "reference");
    const std::string kernel = step.at("kernel");
    EXPECT_TRUE(kernel.empty() || kernel.ends_with("_generic")) << kernel;
  }
  const Outcome one = godwit({"explain", model, "--node", "scores"});
  EXPECT_NE(one.out.find("scores (Gemm)"), std::string::npos) << one.out;
  EXPECT_EQ(one.out.find("mean"), std::string::npos);
  expect_error(godwit({"explain", model, "--node", "score"}), 2, "no node 'score'");
}

// Two convolutions with a tensor between them that the L2 does not hold.
TEST_F(Models, ExplainTellsOfChains) {
  const std::int64_t channels = static_cast<std::int64_t>(cache_sizes().l2 / (16 * 16 * sizeof(float))) + 8;
  GraphBuilder b;
  const engine::ValueId wide = b.conv("wide", b.input("image", {1, 4, 16, 16}), {channels, 4, 1, 1});
  b.output(b.conv("narrow", wide, {4, channels, 1, 1}));
  const std::string path = folder / "chain.onnx";
  importers::save_onnx(b.build(), path);
  const Outcome text = godwit({"explain", path, "--node", "narrow"});
  EXPECT_NE(text.out.find("in a chain from wide to narrow: "), std::string::npos) << text.out;
  const Json json = godwit({"explain", path, "--json", "--node", "wide"}).json();
  const Json chain = json.at("steps").at(0).at("chain");
  EXPECT_EQ(chain.at("steps"), (Json{"wide", "narrow"}));
  EXPECT_GE(chain.at("lines_at_a_time"), 1);
  EXPECT_GT(chain.at("buffer_bytes"), 0);
  const Json without = godwit({"explain", path, "--json", "--disable-pass", "stream_rows"}).json();
  for (const Json& step : without.at("steps")) EXPECT_TRUE(step.at("chain").is_null()) << step;
}

TEST_F(Models, ConvertKeepsNamesAndPutsInMetadata) {
  folder.write("labels.txt", "eins\nzwei\ndrei\nvier\n");
  const std::string output = folder / "copy.onnx";
  const Outcome outcome =
      godwit({"convert", model, output, "--labels", folder / "labels.txt", "--preprocess", "tf"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const engine::Graph graph = importers::load(output);
  EXPECT_EQ(graph.metadata.at("godwit.labels"), R"(["eins","zwei","drei","vier"])");
  EXPECT_EQ(graph.metadata.at("godwit.preprocess"), "tf");
  EXPECT_EQ(graph.nodes.size(), importers::load(model).nodes.size());
  expect_error(godwit({"convert", model, folder / "copy.pb"}), 2, "ends in .onnx");
  expect_error(godwit({"convert", model, model}), 2, "is a file that is read; write to another");
  expect_error(godwit({"convert", model, model + "/x.onnx"}), 1, "x.onnx");
}

// A TensorProto of f32 values, by hand: dims, data_type, raw_data.
std::string tensor_proto(const std::vector<std::int64_t>& dims, const std::vector<float>& values) {
  std::string text;
  for (const std::int64_t dim : dims) text += std::string("\x08") + static_cast<char>(dim);
  text += std::string("\x10\x01\x4a") + static_cast<char>(values.size() * sizeof(float));
  return text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

class Verify : public Models {
 protected:
  // A folder with the model and one data set of these tensors.
  void add_case(const std::string& name, const engine::Graph& graph, const std::vector<std::string>& inputs,
                const std::string& output) {
    folder.write("cases/" + name + "/test_data_set_0/output_0.pb", output);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      folder.write("cases/" + name + "/test_data_set_0/input_" + std::to_string(i) + ".pb", inputs[i]);
    }
    importers::save_onnx(graph, folder / ("cases/" + name + "/model.onnx"));
  }
  static engine::Graph relu() {
    GraphBuilder builder;
    builder.output(builder.node("Relu", "y", {builder.input("x", Shape{2, 2})}));
    return builder.build();
  }
};

TEST_F(Verify, PassFailAndUnsupportedWithReasons) {
  const std::string input = tensor_proto({2, 2}, {-1, 2, -3, 4});
  add_case("a_good", relu(), {input}, tensor_proto({2, 2}, {0, 2.001F, 0, 4}));
  add_case("b_wrong", relu(), {input}, tensor_proto({2, 2}, {0, 2, 0, 5}));
  add_case("c_shape", relu(), {input}, tensor_proto({4}, {0, 2, 0, 4}));
  add_case("d_few", relu(), {}, tensor_proto({4}, {0, 2, 0, 4}));
  folder.write("cases/e_text/model.onnx", "no model");
  const Outcome outcome = godwit({"verify", folder / "cases/", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  const Json json = outcome.json();
  EXPECT_EQ(json.at("schema"), "godwit.verify/1");
  EXPECT_EQ(json.at("passed"), 1);
  EXPECT_EQ(json.at("failed"), 3);
  EXPECT_EQ(json.at("unsupported"), 1);
  EXPECT_EQ(json.size(), 5U);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"PASS", ""},
      {"FAIL", "test_data_set_0: output 'y' differs in 1 of 4 values, first at [1, 1]: 4, expected 5"},
      {"FAIL", "test_data_set_0: output 'y' is f32 2x2, expected f32 4"},
      {"FAIL", "test_data_set_0: has 0 input and 1 output files, the model has 1 inputs and 1 outputs"},
      {"UNSUPPORTED", ""}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Json& entry = json.at("cases").at(i);
    EXPECT_EQ(entry.at("status"), expected[i].first) << entry;
    if (i == 4) break;  // the importer's words
    EXPECT_EQ(entry.at("reason"), expected[i].second);
  }
  EXPECT_EQ(json.at("cases").at(0).at("name"), "a_good");
  EXPECT_NE(json.at("cases").at(4).at("reason"), "");
}

TEST_F(Verify, OneFolderInWords) {
  add_case("good", relu(), {tensor_proto({2, 2}, {-1, 2, -3, 4})}, tensor_proto({2, 2}, {0, 2, 0, 4}));
  const Outcome outcome = godwit({"verify", folder / "cases/good"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "PASS        good\n1 passed, 0 failed, 0 unsupported\n");
  expect_error(godwit({"verify", folder / "cases/absent"}), 2, "is not a folder");
  expect_error(godwit({"verify", folder / "cases/good/test_data_set_0"}), 2, "has a model.onnx");
}

TEST_F(Verify, AToleranceMayBeGiven) {
  add_case("near", relu(), {tensor_proto({2, 2}, {-1, 2, -3, 4})}, tensor_proto({2, 2}, {0, 2, 0, 4.5F}));
  EXPECT_EQ(godwit({"verify", folder / "cases"}).exit_code, 1);
  EXPECT_EQ(godwit({"verify", folder / "cases", "--rtol", "0.2"}).exit_code, 0);
  EXPECT_EQ(godwit({"verify", folder / "cases", "--atol", "0.6"}).exit_code, 0);
}

}  // namespace
}  // namespace godwit::tools
