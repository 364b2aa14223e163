// The ledger: what is written, what is read back, what is refused, and appending by many at once.
#include "runtime/energy/ledger/ledger.h"

#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"

namespace godwit::energy {
namespace {

using Json = nlohmann::ordered_json;
using godwit::test::TemporaryDirectory;
using support::error_of;

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The example of the specification: 36,776 images for 1359.6 J gross and 897.6 J net.
Record example() {
  Record record;
  record.run = new_run_id();
  record.time = utc_time();
  record.host = {"some CPU", 1, "6.1", "kvm", "performance", true};
  record.model.file = "resnet50.onnx";
  record.model.file_sha256 = std::string(64, '0');
  record.model.precision = "int8";
  record.model.batch = 8;
  record.model.threads = 16;
  record.model.macs = 4089184256;
  record.model.flops = 8178368512;
  record.protocol = {"std", 3, 4597, {10.3, 10.2, 10.4}, 12.0, ""};
  record.sensors.push_back(
      {"perf:power/energy-pkg@cpu0", "package-0", "counter", "total", 6.1e-5, 312, 312, 0, 0.1, {}});
  record.sensors.push_back(
      {"powercap:intel-rapl:0", "package-0", "", "alternate", {}, {}, {}, {}, {}, 0.003});
  MeasuredEnergy energy;
  energy.scope = "package+dram";
  energy.gross = Measured<Joules>(Joules{1359.6});
  energy.net = Measured<Joules>(Joules{897.6});
  energy.ci95_j = Interval{886.5, 908.7};
  energy.uncertainty.statistical = 4.1;
  energy.uncertainty.baseline = 3.2;
  energy.uncertainty.edge = 0.02;
  record.energy = energy;
  record.baseline = Baseline{14.8, 15.1, 0.2};
  record.images = 36776;
  record.cpu_seconds = 494.3;
  record.throughput = Throughput{1190.2, 6.7, 7.4};
  record.accuracy = Accuracy{76.1, {}, "imagenet"};
  record.layers.push_back({"conv1", "replay", {}, 0.95, 0.039, {}, 118013952, {}});
  record.closure = 0.97;
  record.price = Price{0.386, "SEK", "elbruk.se 2024"};
  record.cap = CapUse{"powercap", 45, 65, true, ""};
  return record;
}

TEST(Ledger, HasTheSchemasFieldsInItsOrder) {
  const Json json = Json::parse(to_json_text(example()));
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"schema",    "run",        "time",     "host",     "model",
                                            "protocol",  "sensors",    "energy",   "estimate", "baseline",
                                            "per_image", "throughput", "accuracy", "layers",   "closure",
                                            "price",     "carbon",     "pue",      "cap",      "verdict"}));
  EXPECT_EQ(json.at("schema"), "godwit.energy/1");
  EXPECT_EQ(json.at("energy").at("quality"), "measured");
  EXPECT_EQ(json.at("energy").at("measured_j"), 1359.6);
  EXPECT_EQ(json.at("energy").at("u").at("bias"), "unknown");
  // The specification's own per-image figures follow from its joules.
  EXPECT_NEAR(json.at("per_image").at("gross_mj").get<double>(), 36.97, 0.005);
  EXPECT_NEAR(json.at("per_image").at("net_mj").get<double>(), 24.41, 0.005);
  EXPECT_NEAR(json.at("per_image").at("ci95_mj").at(0).get<double>(), 24.11, 0.005);
  EXPECT_NEAR(json.at("per_image").at("cpu_s").get<double>(), 0.01344, 5e-6);
  EXPECT_NEAR(json.at("price").at("million_img_per_unit").get<double>(), 252.3, 0.05);
  EXPECT_TRUE(json.at("carbon").at("g_per_kwh").is_null());
  EXPECT_TRUE(json.at("estimate").is_null());
  EXPECT_EQ(json.at("verdict").at("state"), "valid");
}

TEST(Ledger, WhatIsWrittenIsReadBack) {
  Record record = example();
  record.estimate = EstimatedEnergy{"cpu", Estimated<Joules>::within_factor(Joules{100}, 4), "TDP 65 W"};
  record.carbon = {20.0, "somewhere"};
  record.verdict.suspect("busy-host");
  record.energy->attributed_net = Measured<Joules>(Joules{800});
  record.energy->attributed_share = 0.9;
  const std::string text = to_json_text(record);
  const Record back = record_from_json(text, "t");
  EXPECT_EQ(to_json_text(back), text);
  EXPECT_EQ(back.energy->net, record.energy->net);
  EXPECT_EQ(back.estimate->total, record.estimate->total);
  EXPECT_EQ(back.verdict.to_string(), "suspect:busy-host");
}

TEST(Ledger, NothingMeasuredIsNullNeverZero) {
  Record record = example();
  record.energy.reset();
  record.estimate = EstimatedEnergy{"cpu", Estimated<Joules>::within_factor(Joules{100}, 4), ""};
  const Json json = Json::parse(to_json_text(record));
  for (const char* field : {"quality", "measured_j", "gross_j", "net_j"})
    EXPECT_TRUE(json.at("energy").at(field).is_null()) << field;
  for (const char* field : {"gross_mj", "net_mj", "ci95_mj"})
    EXPECT_TRUE(json.at("per_image").at(field).is_null()) << field;
  EXPECT_TRUE(json.at("price").at("million_img_per_unit").is_null());
  // The estimate stands apart, as a range.
  EXPECT_EQ(json.at("estimate").at("quality"), "estimate");
  EXPECT_EQ(json.at("estimate").at("low_j"), 25);
  EXPECT_EQ(json.at("estimate").at("high_j"), 400);
  EXPECT_FALSE(record_from_json(json.dump(), "t").energy);
}

TEST(Ledger, AnInvalidResultHasNoJoulesPerImage) {
  Record record = example();
  record.verdict.invalidate("counter-gap");
  const Json json = Json::parse(to_json_text(record));
  EXPECT_EQ(json.at("energy").at("gross_j"), 1359.6);
  for (const char* field : {"gross_mj", "net_mj", "ci95_mj"})
    EXPECT_TRUE(json.at("per_image").at(field).is_null()) << field;
  EXPECT_TRUE(json.at("price").at("million_img_per_unit").is_null());
  EXPECT_FALSE(joules_per_image(record, true));
}

TEST(Ledger, NumbersThatAreNotFiniteBecomeNull) {
  Record record = example();
  record.closure = std::numeric_limits<double>::quiet_NaN();
  record.throughput->img_s = std::numeric_limits<double>::infinity();
  const Json json = Json::parse(to_json_text(record));
  EXPECT_TRUE(json.at("closure").is_null());
  EXPECT_TRUE(json.at("throughput").at("img_s").is_null());
}

TEST(Ledger, UnknownFieldsAreKept) {
  Json json = Json::parse(to_json_text(example()));
  json["future"] = {{"a", 1}};
  json["energy"]["u"]["drift"] = 0.5;
  json["layers"][0]["colour"] = "red";
  Record record = record_from_json(json.dump(), "t");
  record.pue = 1.2;
  const Json again = Json::parse(to_json_text(record));
  EXPECT_EQ(again.at("future").at("a"), 1);
  EXPECT_EQ(again.at("energy").at("u").at("drift"), 0.5);
  EXPECT_EQ(again.at("layers").at(0).at("colour"), "red");
  EXPECT_EQ(again.at("pue"), 1.2);
}

TEST(Ledger, ErrorsNameLineAndField) {
  const std::string good = to_json_text(example());
  const auto error = [&](const std::string& pointer, const Json& value) {
    Json json = Json::parse(good);
    json[Json::json_pointer(pointer)] = value;
    return error_of([&] { (void)parse_ledger(good + "\n\n" + json.dump(), "runs.jsonl"); });
  };
  EXPECT_EQ(error("/energy/gross_j", "12"), "'runs.jsonl' line 3: 'energy.gross_j' must be a number");
  EXPECT_EQ(error("/energy/ci95_j", {2, 1}),
            "'runs.jsonl' line 3: 'energy.ci95_j' must be two numbers, the lower first");
  EXPECT_NE(error("/energy/quality", "estimate").find("'energy.quality' must be measured"),
            std::string::npos);
  EXPECT_EQ(error("/model/batch", 1.5), "'runs.jsonl' line 3: 'model.batch' must be a whole number");
  EXPECT_EQ(error("/model/threads", -1), "'runs.jsonl' line 3: 'model.threads' must be a small whole number");
  EXPECT_EQ(error("/layers", {1}), "'runs.jsonl' line 3: 'layers' must be an object");
  EXPECT_EQ(error("/verdict/state", "fine"),
            "'runs.jsonl' line 3: 'verdict.state' must be valid, suspect or invalid");
  EXPECT_EQ(error("/estimate", {{"low_j", 3}, {"middle_j", 2}, {"high_j", 4}}),
            "'runs.jsonl' line 3: 'estimate' must be a range: low_j <= middle_j <= high_j");
  EXPECT_EQ(error("/schema", "godwit.energy/2"),
            "'runs.jsonl' line 3 has the schema 'godwit.energy/2', expected godwit.energy/1");
  EXPECT_EQ(error_of([] { (void)parse_ledger("{\"schema\":", "t"); }),
            "'t' line 1 is not a JSON object on one line");
  EXPECT_EQ(error_of([] { (void)record_from_json(std::string(1'000'000, '['), "t"); }),
            "t is not a JSON object on one line");
  EXPECT_EQ(error_of([] { (void)record_from_json("[1]", "t"); }), "t: 'record' must be an object");
}

TEST(Ledger, AppendingKeepsWhatIsThere) {
  const TemporaryDirectory folder;
  const std::string path = folder.write("runs.jsonl", "{\"torn\":");
  append_record(path, example());
  append_record(path, example());
  const std::string text = text_of(path);
  EXPECT_TRUE(text.starts_with("{\"torn\":\n{\"schema\"")) << text.substr(0, 40);
  EXPECT_EQ(parse_ledger(text.substr(text.find('\n')), "t").size(), 2U);
  EXPECT_NE(error_of([&] { append_record(folder / "no/such/folder", example()); }).find("cannot append"),
            std::string::npos);
  append_record("/dev/null", example());
  EXPECT_NE(error_of([&] { append_record("/dev/full", example()); }).find("cannot append to '/dev/full'"),
            std::string::npos);
}

// Eight processes at once, each 25 records whose text is longer than a pipe would take in one piece.
TEST(Ledger, ProcessesThatAppendAtOnceNeverMixTheirLines) {
  const TemporaryDirectory folder;
  const std::string path = folder / "runs.jsonl";
  constexpr int kProcesses = 8, kRecords = 25;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      Record record = example();
      record.host.cpu = std::string(10'000, static_cast<char>('a' + i));
      for (int k = 0; k < kRecords; ++k) append_record(path, record);
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(parse_ledger(text_of(path), "t").size(), static_cast<std::size_t>(kProcesses * kRecords));
}

// A limit on the file's size stands in for a full disk.
TEST(Ledger, ALineThatDoesNotFitIsTakenBack) {
  const TemporaryDirectory folder;
  const std::string path = folder / "runs.jsonl";
  append_record(path, example());
  const std::string before = text_of(path);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{before.size() + 100, before.size() + 100};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string error = error_of([&] { append_record(path, example()); });
    ::_exit(error.find("cannot append") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text_of(path), before);
}

TEST(Ledger, RunIdsSortByTimeAndDiffer) {
  const std::string a = new_run_id(), b = new_run_id();
  EXPECT_EQ(a.size(), 26U);
  EXPECT_NE(a, b);
  EXPECT_LE(a.substr(0, 10), b.substr(0, 10));
  EXPECT_EQ(utc_time().size(), 20U);
}

}  // namespace
}  // namespace godwit::energy
