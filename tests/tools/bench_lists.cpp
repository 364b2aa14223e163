// Configurations of bench: lists, lengths, inputs from files, and what its JSON says of itself.
#include <cctype>
#include <chrono>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <thread>

#include "importers/importer.h"
#include "runtime/npy.h"
#include "runtime/sha256.h"
#include "tests/support/counting.h"
#include "tests/support/graph_builder.h"
#include "tests/tools/energy_program.h"
#include "tools/bench/measure.h"

namespace godwit::tools {
namespace {

class BenchLists : public testing::Test {
 protected:
  std::vector<std::string> bench(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"bench", model, "--seconds", "0.01"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  TemporaryDirectory folder;
  std::string model = save_tiny_model(folder);
};

// Every key of the JSON is a word.
void expect_words(const Json& json) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      for (const char c : key)
        EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') << key;
      expect_words(value);
    }
  }
  if (json.is_array()) {
    for (const Json& each : json) expect_words(each);
  }
}

TEST_F(BenchLists, GiveARowForEachConfiguration) {
  // Two layers: of a network's first one the operands stay f32.
  support::GraphBuilder b;
  auto x = b.input("x", {b.graph().symbol("N"), 8, 9, 9});
  for (const char* name : {"first", "second"})
    x = b.node("Conv", name, {x, b.constant(std::string(name) + "_w", support::counting({8, 8, 3, 3}))});
  b.output(x);
  importers::save_onnx(b.build(), model);
  const std::vector<std::string> lists{"--batch", "1,2", "--threads", "1,2", "--precision", "f32,bf16"};
  std::vector<std::string> with_json = bench(lists);
  with_json.emplace_back("--json");
  const Json json = godwit(with_json).json();
  ASSERT_EQ(json.at("results").size(), 8U);
  std::set<std::string> seen;
  for (const Json& row : json.at("results")) {
    seen.insert(fmt::format("{} {} {}", row.at("precision").get<std::string>(), row.at("threads").get<int>(),
                            row.at("batch").get<int>()));
    EXPECT_GT(row.at("images_per_second"), 0);
    EXPECT_GT(row.at("load_ms"), 0);
  }
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_TRUE(seen.contains("bf16 2 1"));
  EXPECT_TRUE(json.at("precision").is_null());
  EXPECT_TRUE(json.at("threads").is_null());
  expect_words(json);
  const Outcome text = godwit(bench(lists));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("precision  threads  batch"), std::string::npos) << text.out;
}

TEST_F(BenchLists, WithEnergyEveryConfigurationIsMeasuredAndNamed) {
  folder.write("proc/cpuinfo", "model name\t: Test CPU\n");
  folder.write("sys/class/powercap/intel-rapl:0/name", "package-0\n");
  const std::string file =
      folder.write("sys/class/powercap/intel-rapl:0/energy_uj", fmt::format("{:<20}\n", 5));
  const Feeder feeder([&file](double seconds) {
    std::fstream(file, std::ios::in | std::ios::out)
        << fmt::format("{:<20}\n", static_cast<std::int64_t>(5e9 + seconds * 40e6));
  });
  const std::string ledger = folder / "runs.jsonl";
  const Json json = godwit({"bench", model, "--seconds", "0.1", "--baseline", "0.2", "--rounds", "1",
                            "--threads", "1,2", "--energy", "--sysfs", folder / "sys", "--procfs",
                            folder / "proc", "--ledger", ledger, "--json"})
                        .json();
  ASSERT_EQ(json.at("energy").at("results").size(), 2U);
  EXPECT_EQ(json.at("energy").at("results").at(1).at("run"), "f32, 2 threads, batch 1");
  expect_words(json);
  std::ifstream lines(ledger);
  std::set<int> threads;
  for (std::string line; std::getline(lines, line);)
    threads.insert(Json::parse(line).at("model").at("threads").get<int>());
  EXPECT_EQ(threads, (std::set<int>{1, 2}));
}

TEST_F(BenchLists, ThatCannotBeAreRefused) {
  expect_error(godwit(bench({"--batch", "1,0"})), 2, "'0' is neither auto nor a whole number from 1 to 1024");
  expect_error(godwit(bench({"--batch", "1,,2"})), 2, "'' is neither auto");
  expect_error(godwit(bench({"--threads", "1,two"})), 2, "'two' is not a whole number from 1 to 1024");
  expect_error(godwit(bench({"--precision", "f32,f12"})), 2, "'f12' is not a precision of this build");
  expect_error(godwit(bench({"--threads", "1,2", "--profile"})), 2, "give one of each");
  expect_error(godwit(bench({"--threads", "1,2", "--tune", folder / "p.plan"})), 2, "give one of each");
  expect_error(godwit(bench({"--images", folder.path().string(), "--batch", "1,2"})), 2, "give one of each");
  expect_error(godwit(bench({"--iterations", "5", "--min-repetitions", "5"})), 2, "--");
  const std::string fixed = save_tiny_model(folder, {.batch = 2});
  expect_error(godwit({"bench", fixed, "--batch", "2,4"}), 2, "fixed at 2 by the model or --shape, not 4");
}

TEST_F(BenchLists, IterationsAndWarmUpAreExact) {
  const Json json = godwit(bench({"--iterations", "7", "--warmup", "0", "--json"})).json();
  EXPECT_EQ(json.at("results").at(0).at("repetitions"), 7);
  EXPECT_EQ(json.at("results").at(0).at("thirds_ms").size(), 3U);
  EXPECT_TRUE(json.at("results").at(0).at("drift").is_number());
  EXPECT_TRUE(json.at("results").at(0).at("spread").is_number());
  const Json once = godwit(bench({"--iterations", "1", "--json"})).json();
  EXPECT_TRUE(once.at("results").at(0).at("drift").is_null());
  EXPECT_TRUE(once.at("results").at(0).at("latency_ms").at("stdev").is_null());
}

TEST_F(BenchLists, JsonSaysWhatWasMeasured) {
  const Json json = godwit(bench({"--disable-pass", "fold_constants", "--json"})).json();
  EXPECT_EQ(json.at("version"), GODWIT_VERSION);
  EXPECT_TRUE(json.contains("commit"));
  EXPECT_FALSE(json.at("cpu").get<std::string>().empty());
  EXPECT_EQ(json.at("date").get<std::string>().size(), 20U);
  EXPECT_EQ(json.at("model_sha256"), sha256_of_file(model));
  EXPECT_EQ(json.at("disabled_passes"), Json::array({"fold_constants"}));
  EXPECT_TRUE(json.at("stop_after").is_null());
  expect_words(json);
  for (const char* what : {"ops", "kernels", "passes", "isas", "knobs"})
    expect_words(godwit({"list", what, "--json"}).json());
  EXPECT_TRUE(godwit({"list", "passes", "--json"}).json().at("passes").at(0).at("position").is_number());
}

TEST_F(BenchLists, TensorsComeFromFiles) {
  const std::string x = folder / "x.npy";
  write_npy(x, Tensor::of<float>({3, 3, 8, 8}, std::vector<float>(3 * 3 * 8 * 8, 0.5F)).view());
  const Json json = godwit(bench({"--input", x, "--json"})).json();
  EXPECT_EQ(json.at("results").at(0).at("batch"), 3);
  EXPECT_EQ(json.at("inputs"), Json::array({x}));
  EXPECT_EQ(godwit(bench({"--input", "input=" + x})).exit_code, 0);
  expect_error(godwit(bench({"--input", "picture=" + x})), 2, "the model has no input 'picture'");
  expect_error(godwit(bench({"--input", x, "--batch", "2"})), 2, "not 2");
  expect_error(godwit(bench({"--input", folder / "x.txt"})), 2, "neither .npy nor .pb");
}

TEST_F(EnergyProgram, RequireEnergyMeansEnergy) {
  expect_error(
      godwit({"bench", model, "--require-energy", "--sysfs", folder / "sys", "--procfs", folder / "proc"}), 3,
      "energy was required");
  expect_error(godwit({"bench", model, "--baseline", "1"}), 2, "--energy");
}

// Work whose every run takes so long, on a clock that nobody else disturbs for longer than that.
TEST(Measure, ASlowConfigurationEndsAtTheLimitAndSaysSo) {
  MeasureOptions options;
  options.seconds = 0.01;
  options.max_seconds = 0.02;
  std::size_t told = 0;
  options.on_run = [&](double share, std::size_t runs, double left) {
    EXPECT_GE(share, 0);
    EXPECT_LE(share, 1);
    EXPECT_GE(left, 0);
    told = runs;
  };
  const Measurement slow =
      measure(options, 1, [] { std::this_thread::sleep_for(std::chrono::milliseconds(25)); });
  EXPECT_EQ(slow.sorted_ms.size(), 1U);
  EXPECT_EQ(told, 1U);
  EXPECT_TRUE(slow.cut);
  EXPECT_EQ(
      remarks_of(slow, "batch 1"),
      "batch 1: 1 run only, as --max-seconds was over; --min-repetitions or --iterations ask for more\n");
  options.iterations = 3;
  options.max_seconds = 0;
  EXPECT_EQ(measure(options, 1, [] {}).sorted_ms.size(), 3U);
}

TEST(Measure, DriftComparesTheLastThirdWithTheFirst) {
  Measurement m;
  m.set_times({10, 10, 10, 20, 30, 11, 11, 11});
  ASSERT_EQ(m.thirds_ms.size(), 3U);  // two, four and two
  EXPECT_DOUBLE_EQ(m.thirds_ms[0], 10);
  EXPECT_DOUBLE_EQ(m.thirds_ms[1], 15.5);
  EXPECT_NEAR(*m.drift(), 0.1, 0x1p-52);  // 11 / 10 rounds to a neighbour of 1.1
  EXPECT_NE(remarks_of(m, "batch 1").find("took 10.0 % longer than the first"), std::string::npos)
      << remarks_of(m, "batch 1");
  m.set_times({10, 10});
  EXPECT_FALSE(m.drift());
  EXPECT_TRUE(remarks_of(m, "batch 1").empty());
}

}  // namespace
}  // namespace godwit::tools
