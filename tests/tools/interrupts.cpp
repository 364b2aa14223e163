// Ctrl-C at chosen moments: what is done so far is told, JSON is whole, and no half of a file is left.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

constexpr int kImages = 12;
constexpr int kInterrupted = 128 + SIGINT;

class Interrupts : public testing::Test {
 protected:
  Interrupts() : model_(save_tiny_model(folder_)), data_(folder_ / "data"), out_(folder_ / "out") {
    std::filesystem::create_directory(out_);
    std::string table = "file,class\n";
    for (int i = 0; i < kImages; ++i) {
      const std::string name = fmt::format("{:02}.png", i);
      folder_.write("data/" + name, plain_png(255, 0, 0));
      table += name + ",0\n";
    }
    labels_ = folder_.write("labels.csv", table);
  }

  // Runs the program, which gets a signal at this call.
  static Outcome run(const std::vector<std::string>& arguments, const std::string& call,
                     std::vector<std::string> environment = {}, const std::string& input = "/dev/null") {
    environment.push_back("LD_PRELOAD=" GODWIT_SIGNAL_AT);
    environment.push_back("SIGNAL_AT_CALL=" + call);
    // The program of a sanitized build does not like to come second.
    environment.emplace_back("ASAN_OPTIONS=verify_asan_link_order=0");
    return godwit(arguments, environment, input);
  }

  static std::string image(int count) { return fmt::format("open:.png:{}", count); }

  // Checks what the interrupted run says, and that it leaves nothing behind.
  Json partial(const Outcome& outcome, const std::string& words) const {
    EXPECT_EQ(outcome.exit_code, kInterrupted) << outcome.err;
    EXPECT_NE(outcome.err.find("godwit: SIGINT ended the work"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome.err;
    EXPECT_TRUE(std::filesystem::is_empty(out_));
    Json json = outcome.json();
    EXPECT_EQ(json.value("partial", false), true) << json;
    return json;
  }

  TemporaryDirectory folder_;
  std::string model_, data_, out_, labels_;
};

TEST_F(Interrupts, ClassifyTellsTheImagesThatWereDone) {
  for (int moment = 1; moment <= 10; ++moment) {
    const Json json = partial(run({"classify", model_, data_, "--threads", "1", "--json"}, image(moment)),
                              fmt::format("after {} of 12 images", moment));
    EXPECT_EQ(json.at("images").size(), static_cast<std::size_t>(moment));
    EXPECT_EQ(json.at("images").back().at("labels").at(0).at("label"), "red");
    EXPECT_TRUE(json.contains("seconds"));
  }
}

TEST_F(Interrupts, ClassifyOnSeveralThreadsTellsSomeOfTheImages) {
  const Json json = partial(
      run({"classify", model_, data_, "--threads", "3", "--batch", "2", "--json"}, image(3)), "after ");
  EXPECT_LT(json.at("images").size(), static_cast<std::size_t>(kImages));
}

TEST_F(Interrupts, ASignalThatComesTooLateChangesNothing) {
  const Outcome outcome = run({"classify", model_, data_, "--threads", "1", "--json"}, image(kImages));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_FALSE(outcome.json().contains("partial"));
}

TEST_F(Interrupts, AccuracyTellsFiguresOfTheImagesThatWereDone) {
  for (int moment = 1; moment <= 10; ++moment) {
    const Json json =
        partial(run({"accuracy", model_, "--data", data_, "--labels", labels_, "--threads", "1", "--batch",
                     "1", "--predictions", out_ + "/p.csv", "--probabilities", out_ + "/p.npy", "--json"},
                    image(moment)),
                fmt::format("after {} of 12 images; no file was written", moment));
    EXPECT_EQ(json.at("images"), moment);
    EXPECT_EQ(json.at("top1"), 1.0);
  }
}

TEST_F(Interrupts, AccuracyMarksItsText) {
  const Outcome outcome = run(
      {"accuracy", model_, "--data", data_, "--labels", labels_, "--threads", "1", "--batch", "1"}, image(5));
  EXPECT_EQ(outcome.exit_code, kInterrupted);
  EXPECT_TRUE(outcome.out.starts_with("images  5 of 12 (partial: interrupted)\n")) << outcome.out;
}

TEST_F(Interrupts, PreprocessWritesNothing) {
  for (int moment = 1; moment <= 10; ++moment) {
    const Json json = partial(
        run({"preprocess", data_, "--output", out_ + "/x.npy", "--threads", "1", "--json"}, image(moment)),
        fmt::format("after {} of 12 images; no file was written", moment));
    EXPECT_EQ(json.at("images"), moment);
    EXPECT_EQ(json.at("output"), nullptr);
  }
  const Json stages = partial(run({"preprocess", data_, "--bench", "--json"}, image(5)), "after ");
  EXPECT_LT(stages.at("images"), kImages);
}

TEST_F(Interrupts, QuantizeWritesNothing) {
  // Every image is opened once to see whether it can be, then for extremes, histograms and biases.
  for (const int moment : {1, 2, 6, 12, 13, 18, 25, 30, 36, 37, 42, 48}) {
    partial(run({"quantize", model_, "--calibration", data_, "--output", out_ + "/q.onnx", "--threads", "1",
                 "--json"},
                image(moment)),
            "before there was a result");
  }
}

TEST_F(Interrupts, CompareTellsFiguresOfTheImagesThatWereDone) {
  const Json json =
      partial(run({"compare", model_, "--precision", "bf16", "--data", data_, "--threads", "1", "--json"},
                  image(kImages + 5)),
              "after ");
  EXPECT_LT(json.at("images"), kImages);
  EXPECT_FALSE(json.at("layers").empty());
}

TEST_F(Interrupts, BenchTellsTheRunsThatWereDone) {
  int told = 0;
  for (const int moment : {1, 3, 10, 20, 40, 80, 160, 320, 640, 1280}) {
    const Json json = partial(run({"bench", model_, "--seconds", "600", "--threads", "1", "--json"},
                                  fmt::format("clock:{}", moment)),
                              "");
    if (json.contains("results")) told += json.at("results").at(0).at("repetitions").get<int>() > 0 ? 1 : 0;
  }
  EXPECT_GE(told, 5);
}

TEST_F(Interrupts, SigtermHasAnExitStatusOfItsOwn) {
  const Outcome outcome = run({"classify", model_, data_, "--threads", "1"}, image(2),
                              {fmt::format("SIGNAL_NUMBER={}", SIGTERM)});
  EXPECT_EQ(outcome.exit_code, 128 + SIGTERM);
  EXPECT_NE(outcome.err.find("godwit: SIGTERM ended the work after 2 of 12 images"), std::string::npos)
      << outcome.err;
}

TEST_F(Interrupts, TheSecondSignalEndsAtOnceAndRemovesWhatIsNotComplete) {
  const Outcome outcome = run({"preprocess", data_, "--output", out_ + "/x.npy", "--threads", "1", "--json"},
                              image(5), {"SIGNAL_TIMES=2"});
  EXPECT_EQ(outcome.exit_code, kInterrupted);
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(std::filesystem::is_empty(out_));
}

TEST_F(Interrupts, PathsThatArriveEndWithTheSignal) {
  std::string paths;
  for (int i = 0; i < 3; ++i) paths += fmt::format("{}/{:02}.png\n", data_, i);
  const Json json = partial(
      run({"classify", model_, "-", "--threads", "1", "--json"}, "poll:2", {}, folder_.write("paths", paths)),
      "after 3 images");
  EXPECT_EQ(json.at("images").size(), 3U);
}

TEST_F(Interrupts, AReaderThatHasSeenEnoughIsNoError) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  ASSERT_EQ(::dup2(ends[1], 9), 9);
  ::close(ends[1]);
  const std::string err = folder_ / "err";
  const int status = std::system(fmt::format("'{}' list ops >&9 2>'{}'", GODWIT_PROGRAM, err).c_str());
  ::close(9);
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGPIPE);
  EXPECT_EQ(std::filesystem::file_size(err), 0U);
}

std::vector<Json> lines_of(const Outcome& outcome) {
  std::vector<Json> lines;
  std::istringstream text(outcome.out);
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST_F(Interrupts, JsonLinesHaveAnObjectForEachImage) {
  const std::string bad = folder_.write("data/bad.png", "no image");
  const Outcome outcome = godwit({"classify", model_, data_, "--json-lines"});
  EXPECT_EQ(outcome.exit_code, 1);
  const std::vector<Json> lines = lines_of(outcome);
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(kImages) + 1);
  EXPECT_EQ(lines.front().at("labels").at(0).at("label"), "red");
  EXPECT_EQ(lines.back().at("file"), bad);
  EXPECT_TRUE(lines.back().contains("error"));
  EXPECT_EQ(godwit({"classify", model_, data_, "--json-lines", "--json"}).exit_code, 2);

  const std::vector<Json> rows =
      lines_of(godwit({"preprocess", data_, "--output", out_ + "/x.npy", "--json-lines"}));
  ASSERT_EQ(rows.size(), static_cast<std::size_t>(kImages) + 1);
  EXPECT_EQ(rows[3].at("row"), 3);
  EXPECT_TRUE(rows.back().contains("error"));

  const std::vector<Json> scores =
      lines_of(godwit({"accuracy", model_, "--data", data_, "--labels", labels_, "--json-lines"}));
  ASSERT_EQ(scores.size(), static_cast<std::size_t>(kImages));
  EXPECT_EQ(scores[0].at("best").at(0), 0);
  EXPECT_EQ(scores[0].at("class"), 0);
}

}  // namespace
}  // namespace godwit::tools
