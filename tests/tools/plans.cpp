// Plan files: what --tune writes, --plan uses again; every other plan is refused with a reason.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "runtime/cpu.h"
#include "runtime/npy.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"
#include "tests/support/random.h"
#include "tests/support/winograd_bound.h"
#include "tests/tools/program.h"
#include "tools/cli/plan_file.h"

namespace godwit::tools {
namespace {

using support::GraphBuilder;
using support::ints;

constexpr std::int64_t kChannels = 16, kSide = 9;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The convolution among what explain tells of, beside the reorders of the model's edges.
Json conv_step(const Json& explained) {
  for (const Json& step : explained.at("steps")) {
    if (step.at("name") == "conv") return step;
  }
  ADD_FAILURE() << explained;
  return {};
}

// A model of one convolution, "conv", which three implementations can do besides the reference.
class Plans : public testing::Test {
 protected:
  Plans() : model(folder / "conv.onnx"), plan(folder / "conv.plan"), input(folder / "x.npy") {
    save_model(model, 2);
    write_npy(input, image().view());
  }

  static void save_model(const std::string& path, std::uint64_t seed) {
    GraphBuilder b;
    const auto x = b.input("x", {b.graph().symbol("N"), kChannels, kSide, kSide});
    const auto w = b.constant("w", support::random_tensor({32, kChannels, 3, 3}, seed));
    b.output(b.node("Conv", "conv", {x, w}, {{"pads", ints({1, 1, 1, 1})}}));
    importers::save_onnx(b.build(), path);
  }
  static Tensor image() { return support::random_tensor({1, kChannels, kSide, kSide}, 1); }

  // godwit run; results go to the folder `to`.
  Outcome run(const std::string& to, const std::vector<std::string>& options = {},
              const std::string& src = "") {
    std::vector<std::string> all{"run",          model,      "--input", src.empty() ? input : src,
                                 "--output-dir", folder / to};
    all.insert(all.end(), options.begin(), options.end());
    return godwit(all);
  }
  Tensor result(const std::string& from) { return read_npy(folder / (from + "/conv.npy")); }

  // A plan as --tune writes it, but without its seconds of waiting.
  Json made_up() {
    engine::CompileOptions options;
    options.shapes["x"] = Shape{5, kChannels, kSide, kSide};
    PlanFile made{.key = plan_key(model_digest(model, importers::load(model)), options),
                  .cpu = cpu_model(),
                  .date = today()};
    made.choices.precision = engine::Precision::f32;
    made.choices.steps["conv"] = {"conv_gemm", {{"conv_gemm", 1e-3}, {"conv_winograd2", 2e-3}}};
    made.by_estimate["conv"] = "conv_winograd2";
    return Json::parse(plan_text(made));
  }
  void write(const Json& json) { folder.write("conv.plan", json.dump()); }
  void write_choice(const std::string& implementation) {
    Json json = made_up();
    json["layers"][0]["implementation"] = implementation;
    write(json);
  }

  TemporaryDirectory folder;
  std::string model, plan, input;
};

TEST_F(Plans, WhatTuneWritesPlanUsesAgain) {
  const Outcome tuned = run("tuned", {"--tune", plan});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  EXPECT_NE(tuned.err.find("tried 1 layer of 1 kind"), std::string::npos) << tuned.err;
  const Json json = Json::parse(text_of(plan));
  EXPECT_EQ(json.at("schema"), "godwit.plan/1");
  EXPECT_EQ(json.at("version"), GODWIT_VERSION);
  EXPECT_EQ(json.at("model_sha256").get<std::string>().size(), 64U);
  EXPECT_EQ(json.at("precision"), "f32");
  EXPECT_EQ(json.at("inputs"), (Json{{"x", {1, kChannels, kSide, kSide}}}));
  EXPECT_EQ(json.at("cpu"), cpu_model());
  ASSERT_EQ(json.at("layers").size(), 1U);
  const Json& layer = json.at("layers").at(0);
  EXPECT_EQ(layer.at("layer"), "conv");
  EXPECT_EQ(layer.at("seconds").size(), 3U) << layer;
  EXPECT_TRUE(layer.at("seconds").contains(layer.at("by_estimate").get<std::string>()));

  const Outcome used = run("used", {"--plan", plan, "--threads", "2"});
  ASSERT_EQ(used.exit_code, 0) << used.err;
  EXPECT_EQ(text_of(folder / "used/conv.npy"), text_of(folder / "tuned/conv.npy"));

  const Json explained = godwit({"explain", model, "--plan", plan, "--json"}).json();
  const Json step = conv_step(explained);
  for (const Json& candidate : step.at("candidates")) {
    const std::string name = candidate.at("implementation");
    EXPECT_EQ(candidate.at("chosen"), name == layer.at("implementation")) << candidate;
    EXPECT_EQ(candidate.at("seconds"),
              layer.at("seconds").contains(name) ? layer.at("seconds").at(name) : Json());
  }
  // Written anew over itself.
  EXPECT_EQ(godwit({"explain", model, "--tune", plan}).exit_code, 0);
  EXPECT_EQ(Json::parse(text_of(plan)).at("layers").size(), 1U);
}

TEST_F(Plans, TextIsReadBackAsItWas) {
  PlanFile made{.key = {.version = GODWIT_VERSION,
                        .model = std::string(64, 'a'),
                        .isa = "avx2",
                        .inputs = {{"x", {1, 3}}, {"s", {}}},
                        .outputs = {"a", "b\"\n"},
                        .disabled_passes = {"fold_pad"},
                        .stop_after = 3,
                        .without = {"conv_gemm"}},
                .cpu = "a CPU",
                .date = "2026-11-21"};
  made.choices.precision = engine::Precision::int8;
  made.choices.steps = {{"one", {"conv_gemm", {{"conv_gemm", 0.1}}}}, {"two, \"three\"", {"reference", {}}}};
  made.by_estimate = {{"one", "conv_gemm"}, {"two, \"three\"", "conv_gemm"}};
  using engine::BatchSchedule;
  made.choices.schedules = {
      {8, 2, BatchSchedule::hybrid, {{BatchSchedule::per_image, 0.5}, {BatchSchedule::hybrid, 0.25}}},
      {4, 1, BatchSchedule::per_layer, {}}};
  const PlanFile read = read_plan(folder.write("a.plan", plan_text(made)));
  EXPECT_EQ(support::error_of([&] { require_same_key(read.key, made.key, "a.plan"); }), "");
  EXPECT_EQ(read.cpu, made.cpu);
  EXPECT_EQ(read.date, made.date);
  EXPECT_EQ(read.choices.precision, made.choices.precision);
  EXPECT_EQ(read.by_estimate, made.by_estimate);
  ASSERT_EQ(read.choices.steps.size(), 2U);
  EXPECT_EQ(read.choices.steps.at("one").implementation, "conv_gemm");
  EXPECT_EQ(read.choices.steps.at("one").seconds, made.choices.steps.at("one").seconds);
  ASSERT_EQ(read.choices.schedules.size(), 2U);
  EXPECT_EQ(read.choices.schedules[0].schedule, BatchSchedule::hybrid);
  EXPECT_EQ(read.choices.schedules[0].seconds, made.choices.schedules[0].seconds);
  EXPECT_EQ(read.choices.schedules[1].images, 4);
  EXPECT_EQ(read.choices.schedules[1].threads, 1);
  EXPECT_EQ(plan_text(read), plan_text(made));
}

TEST_F(Plans, ResultsAgreeWithinTheBoundsOfTheirRoundings) {
  ASSERT_EQ(run("plain").exit_code, 0);
  const Tensor expected = result("plain");
  const engine::Graph graph = importers::load(model);
  const Tensor& weights = *graph.value(graph.find_value("w")).constant;
  const auto magnitudes = [&](std::int64_t m) {
    return support::winograd_magnitudes(m, image(), weights, expected.shape(), 1, 1);
  };
  const Tensor two = magnitudes(2), four = magnitudes(4);
  // Both sides are away from the exact sums by one rounding for each product at most.
  const support::Bound bound = [&](const support::Element& element) {
    const double most =
        std::max(support::value_at(two, element.index), support::value_at(four, element.index));
    return 2 * support::gamma(9 * kChannels + 1) * most;
  };
  for (const char* way : {"conv_winograd4", "conv_winograd2", "conv_gemm", "reference"}) {
    SCOPED_TRACE(way);
    write_choice(way);
    const Outcome outcome = run("planned", {"--plan", plan});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err.find("was timed on"), std::string::npos) << outcome.err;
    support::expect_close(result("planned"), expected, bound);
  }
}

TEST_F(Plans, ResultsAreTheSameForEveryBatchAndNumberOfThreads) {
  Tensor three(TensorDesc{DType::f32, Shape{3, kChannels, kSide, kSide}, Layout::nchw});
  const Tensor one = image();
  for (std::size_t i = 0; i < 3; ++i)
    std::memcpy(three.mutable_values<float>().subspan(i * one.bytes() / 4).data(), one.data(), one.bytes());
  write_npy(folder / "three.npy", three.view());
  for (const char* way : {"conv_winograd4", "conv_winograd2", "conv_gemm"}) {
    SCOPED_TRACE(way);
    write_choice(way);
    ASSERT_EQ(run("one", {"--plan", plan, "--threads", "1"}).exit_code, 0);
    ASSERT_EQ(run("three", {"--plan", plan, "--threads", "2"}, folder / "three.npy").exit_code, 0);
    const Tensor single = result("one"), together = result("three");
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(std::memcmp(together.values<float>().subspan(i * single.bytes() / 4).data(), single.data(),
                            single.bytes()),
                0);
    }
  }
}

TEST_F(Plans, ForSomethingElseAreRefused) {
  const auto refused = [&](const char* field, const Json& value, const std::string& words) {
    Json json = made_up();
    json[field] = value;
    write(json);
    expect_error(run("out", {"--plan", plan}), 2, words);
  };
  refused("version", "0.0.1",
          "is for version 0.0.1, not for " GODWIT_VERSION "; make a plan for this with --tune");
  refused("model_sha256", std::string(64, 'a'), "is for another model: SHA-256 aaaaaaaaaaaa, not for ");
  refused("isa", "neon", "is for instruction set neon, not for ");
  refused("precision", "int8", "chosen for int8, but the model is compiled in f32");
  refused("inputs", {{"x", {1, 16, 9, 10}}}, "is for input x 1x16x9x10, not for x 1x16x9x9");
  refused("inputs", Json::object(), "is for input none, not for x 1x16x9x9");
  refused("outputs", {"y"}, "is for output y, not for the model's own");
  refused("disabled_passes", {"fold_pad"}, "is for graph passes off: fold_pad, not for none");
  refused("stop_after", 3, "is for graph passes off: none and all after the first 3, not for none");
  refused("without", {"conv_gemm"}, "is for implementations left out: conv_gemm, not for none");
  refused("schema", "godwit.plan/2", "a plan of format 'godwit.plan/2', this build reads godwit.plan/1");

  write(made_up());
  expect_error(run("out", {"--plan", plan, "--disable-pass", "fuse_bias"}), 2, "not for fuse_bias");
  expect_error(run("out", {"--plan", plan, "--output", "conv"}), 2, "not for conv");
  if (best_isa() != Isa::generic)
    expect_error(run("out", {"--plan", plan, "--isa", "generic"}), 2, "not for generic");
  save_model(model, 3);
  expect_error(run("out", {"--plan", plan}), 2, "is for another model");
}

TEST_F(Plans, OfSixteenBitsAreForThem) {
  GraphBuilder b;
  auto x = b.input("x", {b.graph().symbol("N"), kChannels, kSide, kSide});
  for (const char* name : {"first", "second"}) {
    const auto w =
        b.constant(fmt::format("{}_w", name), support::random_tensor({kChannels, kChannels, 3, 3}, 2));
    x = b.node("Conv", name, {x, w}, {{"pads", ints({1, 1, 1, 1})}});
  }
  b.output(x);
  importers::save_onnx(b.build(), model);
  for (const std::string precision : {"bf16", "f16"}) {
    SCOPED_TRACE(precision);
    const Outcome tuned = run("tuned", {"--tune", plan, "--precision", precision});
    ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
    EXPECT_EQ(Json::parse(text_of(plan)).at("precision"), precision);
    ASSERT_EQ(run("used", {"--plan", plan, "--precision", precision}).exit_code, 0);
    EXPECT_EQ(text_of(folder / "used/second.npy"), text_of(folder / "tuned/second.npy"));
    expect_error(run("out", {"--plan", plan}), 2,
                 fmt::format("chosen for {}, but the model is compiled in f32", precision));
    expect_error(run("out", {"--plan", plan, "--precision", "f32"}), 2,
                 fmt::format("chosen for {}, but the model is compiled in f32", precision));
  }
}

TEST_F(Plans, ThatDoNotFitTheLayersAreRefused) {
  const auto refused = [&](const char* field, const std::string& value, const std::string& words) {
    Json json = made_up();
    json["layers"][0][field] = value;
    write(json);
    expect_error(run("out", {"--plan", plan}), 2, words);
  };
  refused("layer", "konv", "'conv_gemm' is chosen for 'konv', but the plan has no step of that name");
  refused("implementation", "conv_fast", "Conv has no implementation 'conv_fast'; it has conv_depthwise, ");
  refused("implementation", "conv_depthwise", "implementation 'conv_depthwise' cannot take it: ");
  refused("implementation", "", "'implementation' must be a name");
  refused("seconds", "long", "'seconds' must be an object of numbers");
}

TEST_F(Plans, DamagedFilesAreRefused) {
  const auto refused = [&](const std::string& text, const std::string& words) {
    folder.write("conv.plan", text);
    expect_error(run("out", {"--plan", plan}), 2, words);
  };
  const std::string whole = made_up().dump();
  refused("", "no plan file, or a damaged one (not valid JSON: there is nothing in it); --tune writes one");
  refused(whole.substr(0, whole.size() - 3), "no plan file, or a damaged one");
  refused(whole.substr(0, whole.size() / 2), "no plan file, or a damaged one");
  refused("[]", "no plan file");
  refused("{}", "no plan file");
  refused(R"({"schema": 1})", "'schema' must be a text");
  refused(R"({"schema": "godwit.plan/1"})", "'version' is missing");
  refused(std::string(100000, '['), "no plan file");
  refused(R"({"schema":)" + std::string(1000, '[') + std::string(1000, ']') + "}", "no plan file");
  std::string large = whole;
  large.resize(std::size_t{17} << 20, ' ');
  refused(large, "conv.plan");
  const Json good = made_up();
  for (const auto& [field, value] : good.items()) {
    if (field == "schema") continue;
    Json without = good;
    without.erase(field);
    refused(without.dump(), fmt::format("'{}' is missing; make the plan anew with --tune", field));
    Json wrong = good;
    wrong[field] = true;
    refused(wrong.dump(), fmt::format("'{}' must be ", field));
  }
  for (const char* field : {"layer", "implementation", "by_estimate", "seconds"}) {
    Json without = made_up();
    without["layers"][0].erase(field);
    refused(without.dump(), fmt::format("'{}' is missing", field));
  }
  const Json schedule = {
      {"images", 2}, {"threads", 1}, {"schedule", "per_image"}, {"seconds", {{"per_layer", 1.5}}}};
  for (const auto& [field, value] : schedule.items()) {
    Json without = good;
    without["schedules"] = Json::array({schedule});
    without["schedules"][0].erase(field);
    refused(without.dump(), fmt::format("'{}' is missing", field));
    Json wrong = good;
    wrong["schedules"] = Json::array({schedule});
    wrong["schedules"][0][field] = true;
    refused(wrong.dump(), fmt::format("'{}' must be ", field));
  }
  const auto refused_schedule = [&](const char* field, const Json& value, const std::string& words) {
    Json wrong = good;
    wrong["schedules"] = Json::array({schedule});
    wrong["schedules"][0][field] = value;
    refused(wrong.dump(), words);
  };
  refused_schedule("images", 0, "'images' must be a whole number from 1 on");
  refused_schedule("threads", 1025, "'threads' must be a whole number from 1 to 1024");
  refused_schedule("schedule", "by_chance", "'schedule' must be per_layer, per_image or hybrid");
  refused_schedule("seconds", {{"by_chance", 1}}, "'schedule' must be per_layer, per_image or hybrid");
  Json json = made_up();
  json["layers"].push_back(json["layers"][0]);
  refused(json.dump(), "layer 'conv' is there twice");
  json = made_up();
  json["layers"].push_back(7);
  refused(json.dump(), "'layers' must be a list of objects");
  json = made_up();
  json["layers"][0]["seconds"]["conv_gemm"] = -1;
  refused(json.dump(), "'seconds' must be an object of numbers from 0 on");
  json = made_up();
  json["inputs"]["x"] = {1, 16, 9, 9, 1, 1, 1, 1, 1, 1};
  refused(json.dump(), "'inputs' must be an object of shapes");
  json = made_up();
  json["stop_after"] = std::uint64_t{1} << 63;
  refused(json.dump(), "'stop_after' must be null or a whole number");
  expect_error(run("out", {"--plan", folder / "absent.plan"}), 2, "absent.plan");
  expect_error(run("out", {"--plan", folder / ""}), 2, "");
}

// A plan from another machine is used: the choices are as good a recipe here, and the results the same.
TEST_F(Plans, OfAnotherCpuAreUsedAndSaidToBe) {
  Json json = made_up();
  json["cpu"] = "an abacus";
  write(json);
  const Outcome outcome = run("out", {"--plan", plan});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.err.find("was timed on an abacus, this is "), std::string::npos) << outcome.err;
}

TEST_F(Plans, TuneWritesOverNothingButPlans) {
  const std::string before = text_of(model);
  expect_error(run("out", {"--tune", model}), 2, "exists and is no whole plan file");
  EXPECT_EQ(text_of(model), before);
  const std::string notes = folder.write("notes.txt", "not to be lost");
  expect_error(run("out", {"--tune", notes}), 2, "does not write over it");
  EXPECT_EQ(text_of(notes), "not to be lost");
  expect_error(run("out", {"--tune", folder / "absent/a.plan"}), 1, "absent/a.plan");
  expect_error(run("out", {"--tune", plan, "--plan", plan}), 2, "--plan");
  // A model that cannot be compiled leaves no file behind.
  EXPECT_EQ(run("out", {"--tune", plan, "--disable-pass", "nonsense"}).exit_code, 2);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_EQ(entry.path().string().find(".plan"), std::string::npos) << entry.path();
}

TEST_F(Plans, ExplainTellsCostsTimesAndTheChoice) {
  write(made_up());
  const std::string text = godwit({"explain", model, "--plan", plan}).out;
  EXPECT_NE(text.find("chosen, cost "), std::string::npos) << text;
  EXPECT_NE(text.find(", measured 1.000 ms, kernel gemm_"), std::string::npos) << text;
  EXPECT_NE(text.find("would do, is slower, cost "), std::string::npos) << text;
  EXPECT_NE(text.find("measured 2.000 ms"), std::string::npos) << text;
  const Json json = godwit({"explain", model, "--json"}).json();
  const Json step = conv_step(json);
  for (const Json& candidate : step.at("candidates")) {
    EXPECT_TRUE(candidate.at("seconds").is_null());
    const std::string name = candidate.at("implementation");
    EXPECT_EQ(candidate.at("cost").is_number(), name.starts_with("conv_winograd") || name == "conv_gemm");
  }
}

TEST_F(Plans, BenchTellsOfThem) {
  write(made_up());
  const std::vector<std::string> bench{"bench", model, "--plan", plan, "--seconds", "0.01", "--batch", "2"};
  const Outcome outcome = godwit(bench);
  EXPECT_NE(outcome.out.find("threads, plan '" + plan + "'"), std::string::npos) << outcome.out;
  std::vector<std::string> json = bench;
  json.insert(json.end(), {"--json", "--profile"});
  const Json result = godwit(json).json();
  EXPECT_EQ(result.at("plan"), plan);
  for (const Json& layer : result.at("profile").at("layers")) {
    const std::string name = layer.at("implementation");
    EXPECT_TRUE(name == "conv_gemm" || !name.starts_with("conv")) << layer;
  }
  EXPECT_FALSE(godwit({"bench", model, "--seconds", "0.01", "--json"}).json().contains("plan"));
}

TEST_F(Plans, SettleHowABatchIsDivided) {
  const auto result_of = [&](const std::string& batch, const std::vector<std::string>& options) {
    std::vector<std::string> all{"bench", model,       "--seconds", "0.01",  "--batch",
                                 batch,   "--threads", "2",         "--json"};
    all.insert(all.end(), options.begin(), options.end());
    return godwit(all).json().at("results").at(0);
  };
  const auto write_schedule = [&](int images, const char* schedule) {
    Json json = made_up();
    json["schedules"].push_back(
        {{"images", images}, {"threads", 2}, {"schedule", schedule}, {"seconds", Json::object()}});
    write(json);
  };
  EXPECT_EQ(result_of("3", {}).at("schedule_by"), "trial");
  EXPECT_FALSE(result_of("1", {}).contains("schedule_by"));
  for (const char* schedule : {"per_layer", "per_image"}) {
    write_schedule(3, schedule);
    const Json result = result_of("3", {"--plan", plan});
    EXPECT_EQ(result.at("schedule"), schedule);
    EXPECT_EQ(result.at("schedule_by"), "plan");
  }
  write_schedule(4, "per_layer");
  EXPECT_EQ(result_of("3", {"--plan", plan}).at("schedule_by"), "trial") << "one for another batch";
}

// Images go in channels-last and eight at a time; the plan is the same.
TEST(ImagePlans, HoldForEveryCommandAndBatch) {
  const TemporaryDirectory folder;
  GraphBuilder b;
  engine::Graph& graph = b.graph();
  const auto input = b.input("input", {graph.symbol("N"), 3, 8, 8});
  const auto inner = b.conv("one", input, {16, 3, 3, 3}, {{"pads", ints({1, 1, 1, 1})}});
  const auto outer = b.conv("two", inner, {16, 16, 3, 3}, {{"pads", ints({1, 1, 1, 1})}});
  const auto flat = b.node("Flatten", "flat", {b.node("GlobalAveragePool", "mean", {outer})});
  const auto scores =
      b.node("MatMul", "scores", {flat, b.constant("fc", support::random_tensor({16, 4}, 3))});
  b.output(b.node("Softmax", "prob", {scores}, {{"axis", std::int64_t{1}}}));
  graph.metadata["godwit.preprocess"] = R"({"resize": 8, "crop": 8, "scale": 0.00392156862745098})";
  const std::string model = folder / "images.onnx", plan = folder / "images.plan";
  importers::save_onnx(b.build(), model);
  folder.write("photos/red.png", plain_png(255, 0, 0));
  folder.write("photos/blue.png", plain_png(0, 0, 255));

  const std::vector<std::string> classify{"classify", model, folder / "photos", "--json"};
  const auto labels = [&](const std::vector<std::string>& options) {
    std::vector<std::string> all = classify;
    all.insert(all.end(), options.begin(), options.end());
    return godwit(all).json().at("images");
  };
  const Json tuned = labels({"--tune", plan, "--batch", "2"});
  ASSERT_EQ(tuned.size(), 2U);
  EXPECT_EQ(labels({"--plan", plan}), tuned);
  EXPECT_EQ(labels({"--plan", plan, "--batch", "3", "--threads", "2"}), tuned);
  EXPECT_EQ(godwit({"bench", model, "--plan", plan, "--seconds", "0.01", "--batch", "4"}).exit_code, 0);
  folder.write("labels.csv", "file,class\nred.png,0\nblue.png,1\n");
  const Outcome accuracy = godwit({"accuracy", model, "--data", folder / "photos", "--labels",
                                   folder / "labels.csv", "--plan", plan, "--json"});
  EXPECT_EQ(accuracy.json().at("images"), 2) << accuracy.err;
}

TEST(ModelDigest, CountsEveryFileWithWeights) {
  const TemporaryDirectory folder;
  const std::string model = folder.write("m.onnx", "model");
  engine::Graph graph;
  const std::string alone = model_digest(model, graph);
  EXPECT_EQ(alone.size(), 64U);
  graph.data_files = {folder.write("b.data", "two"), folder.write("a.data", "one")};
  const std::string both = model_digest(model, graph);
  EXPECT_NE(both, alone);
  std::ranges::reverse(graph.data_files);
  EXPECT_EQ(model_digest(model, graph), both);
  folder.write("b.data", "twO");
  EXPECT_NE(model_digest(model, graph), both);
}

}  // namespace
}  // namespace godwit::tools
