// Files that are no image, and failures in the middle: named in a line each, and stdout stays what it
// promises.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "runtime/npy.h"
#include "tests/runtime/image/encode.h"
#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMarginKib = 256 << 10;  // a 65500x65500 image would take fifty times as much

class BadImages : public testing::Test {
 protected:
  BadImages() : model(save_tiny_model(folder)), photos(folder / "photos") {
    folder.write("photos/a_red.png", plain_png(255, 0, 0));
    folder.write("photos/m_blue.png", plain_png(0, 0, 255));
    folder.write("photos/z_green.png", plain_png(0, 255, 0));
  }

  // One of each kind, between the good ones; their names in order.
  std::vector<std::string> make_bad() const {
    auto cut = some_jpeg();
    cut.resize(cut.size() / 2);
    folder.write("photos/b_truncated.jpg", cut);
    folder.write("photos/c_empty.jpg", "");
    // A frame header of 65500x65500 gray pixels and nothing behind it.
    folder.write("photos/d_huge.jpg",
                 std::string("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xdc\xff\xdc\x01\x01\x11\x00\xff\xd9", 17));
    folder.write("photos/e_scans.jpg", godwit::test::jpeg_of_scans(10'000));
    folder.write("photos/n_text.jpg", "This is no image.\n");
    fs::create_directory(photos + "/o_folder.jpg");
    EXPECT_EQ(::mkfifo((photos + "/p_fifo.jpg").c_str(), 0600), 0);
    fs::create_symlink("nowhere", photos + "/q_dangling.jpg");
    return {"b_truncated.jpg", "c_empty.jpg",  "d_huge.jpg", "e_scans.jpg",
            "n_text.jpg",      "o_folder.jpg", "p_fifo.jpg", "q_dangling.jpg"};
  }

  // All files of the folder as a CSV for --list and --labels, every class 0.
  std::string list() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(photos)) {
      if (entry.path().extension() != ".csv") names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    std::string csv = "file,class\n";
    for (const std::string& name : names) csv += fmt::format("{},0\n", name);
    return folder.write("photos/list.csv", csv);
  }

  // Each of these has a line of its own on stderr, and no other file has one.
  static void expect_named(const Outcome& outcome, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const std::size_t at = outcome.err.find(name);
      ASSERT_NE(at, std::string::npos) << name << "\n" << outcome.err;
      const std::size_t begin = outcome.err.rfind('\n', at) + 1, end = outcome.err.find('\n', at);
      EXPECT_TRUE(outcome.err.substr(begin).starts_with("godwit: ")) << outcome.err;
      EXPECT_EQ(outcome.err.find(name, end), std::string::npos) << name << "\n" << outcome.err;
    }
    for (const char* name : {"a_red", "m_blue", "z_green"})
      EXPECT_EQ(outcome.err.find(name), std::string::npos) << outcome.err;
  }

  // Memory of a run on the good images alone, and a margin.
  std::int64_t memory_limit(const std::vector<std::string>& arguments) const {
    const Outcome outcome = godwit(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.peak_kib + kMarginKib;
  }

  TemporaryDirectory folder;
  std::string model, photos;
};

TEST_F(BadImages, ClassifyNamesEachAndLabelsTheRest) {
  const std::int64_t limit = memory_limit({"classify", model, photos});
  const std::vector<std::string> bad = make_bad();
  folder.write("photos/r_really_a_jpeg.png", some_jpeg());
  for (const char* batch : {"1", "4"}) {
    const Outcome outcome = godwit({"classify", model, "--list", list(), "--batch", batch, "--json"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_LT(outcome.peak_kib, limit);
    expect_named(outcome, bad);
    const Json json = outcome.json();
    EXPECT_EQ(json.at("images").size(), 4U);
    ASSERT_EQ(json.at("failed").size(), bad.size());
    for (std::size_t i = 0; i < bad.size(); ++i) {
      const std::string file = json.at("failed").at(i).at("file");
      EXPECT_TRUE(file.ends_with(bad[i])) << file;
    }
    EXPECT_FALSE(json.contains("error"));
  }
  const std::string scans = photos + "/e_scans.jpg";
  EXPECT_EQ(godwit({"classify", model, scans, "--max-scans", "10000"}).exit_code, 0)
      << "nothing but the number of its scans is wrong with it";
}

TEST_F(BadImages, AccuracyNamesEachAndCountsTheRest) {
  const std::int64_t limit = memory_limit({"accuracy", model, "--data", photos, "--labels", list()});
  const std::vector<std::string> bad = make_bad();
  const Outcome outcome = godwit({"accuracy", model, "--data", photos, "--labels", list(), "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_LT(outcome.peak_kib, limit);
  expect_named(outcome, bad);
  EXPECT_EQ(outcome.json().at("images"), 3);
  EXPECT_NEAR(outcome.json().at("top1").get<double>(), 1.0 / 3, 1e-9);
}

TEST_F(BadImages, PreprocessNamesEachAndWritesTheRest) {
  const std::string output = folder / "x.npy";
  const std::int64_t limit = memory_limit({"preprocess", photos, "--output", output});
  const std::vector<std::string> bad = make_bad();
  Outcome outcome = godwit({"preprocess", "--list", list(), "--output", output, "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_LT(outcome.peak_kib, limit);
  expect_named(outcome, bad);
  EXPECT_EQ(outcome.json().at("failed"), bad.size());
  const Tensor tensors = read_npy(output);
  ASSERT_EQ(tensors.shape(), (Shape{static_cast<std::int64_t>(bad.size()) + 3, 3, 224, 224}));
  EXPECT_FALSE(std::isnan(tensors.values<float>().front()));
  EXPECT_TRUE(std::isnan(tensors.values<float>()[3 * 224 * 224]));
  EXPECT_FALSE(std::isnan(tensors.values<float>().back()));

  outcome = godwit({"preprocess", "--list", list(), "--bench", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_LT(outcome.peak_kib, limit);
  expect_named(outcome, bad);
  EXPECT_EQ(outcome.json().at("images"), 3);
}

TEST_F(BadImages, BenchNamesEachOnceAndMeasuresTheRest) {
  const std::vector<std::string> arguments = {
      "bench", model,     "--images", photos,   "--threads",         "2", "--seconds",
      "0.01",  "--batch", "2",        "--json", "--min-repetitions", "20"};
  const std::int64_t limit = memory_limit(arguments);
  std::vector<std::string> bad = make_bad();
  std::erase(bad, "o_folder.jpg");  // a folder in a folder is one to look into
  const Outcome outcome = godwit(arguments);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_LT(outcome.peak_kib, limit);
  expect_named(outcome, bad);
  EXPECT_EQ(outcome.json().at("failed").size(), bad.size());
  EXPECT_GT(outcome.json().at("results").at(0).at("images_per_second"), 0);

  for (const char* name : {"a_red.png", "m_blue.png", "z_green.png"}) fs::remove(fs::path(photos) / name);
  const Outcome none = godwit(arguments);
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.out, "");
  EXPECT_NE(none.err.find("godwit: error: none of 7 images could be read"), std::string::npos) << none.err;
}

// Root may read everything, so that somebody else has to try.
TEST_F(BadImages, WhatMayNotBeReadIsNamed) {
  folder.write("photos/below/f_gray.png", plain_png(9, 9, 9));
  folder.write("photos/closed/g_gray.png", plain_png(9, 9, 9));
  const std::string unreadable = folder.write("photos/h_unreadable.jpg", some_jpeg());
  ASSERT_EQ(::chmod(unreadable.c_str(), 0), 0);
  ASSERT_EQ(::chmod((photos + "/closed").c_str(), 0), 0);
  std::vector<std::string> command = {GODWIT_PROGRAM};
  if (::geteuid() == 0) {
    const std::string copy = folder / "godwit";
    fs::copy_file(GODWIT_PROGRAM, copy);
    for (const std::string& path : {copy, folder.path().string()}) ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
    command = {"/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", copy};
    std::vector<std::string> version = command;
    version.emplace_back("--version");
    if (!fs::exists(command.front()) || run_program(version).exit_code != 0) {
      GTEST_SKIP() << "run as root and setpriv cannot make godwit anybody else: unreadable files NOT tested";
    }
  }
  command.insert(command.end(), {"classify", model, photos, "--recursive", "--json"});
  const Outcome outcome = run_program(command);
  EXPECT_EQ(outcome.exit_code, 1);
  expect_named(outcome, {"h_unreadable.jpg", "/closed'"});
  EXPECT_EQ(outcome.json().at("images").size(), 4U);
  ASSERT_EQ(outcome.json().at("failed").size(), 2U);
  EXPECT_EQ(outcome.json().at("failed").at(0).at("error"),
            fmt::format("cannot open '{}/closed': Permission denied", photos));
  EXPECT_EQ(outcome.json().at("failed").at(1).at("error"),
            fmt::format("cannot open '{}': Permission denied", unreadable));
  ::chmod((photos + "/closed").c_str(), 0700);  // so that it can be removed
}

// --strict ends the work in the middle: stdout then holds a whole JSON document or nothing at all.
TEST_F(BadImages, StrictLeavesNoJsonUnfinished) {
  folder.write("photos/b_bad.jpg", std::string("\xff"));
  const auto failed = [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("godwit: error: ")) << outcome.err;
    EXPECT_TRUE(outcome.err.ends_with("b_bad.jpg': the file is neither a JPEG nor a PNG image (--strict)\n"))
        << outcome.err;
  };
  for (const char* threads : {"1", "4"}) {
    const Outcome outcome = godwit({"classify", model, photos, "--strict", "--json", "--threads", threads});
    failed(outcome);
    const Json json = outcome.json();
    EXPECT_EQ(json.at("schema"), "godwit.classify/1");
    ASSERT_EQ(json.at("images").size(), 1U);
    EXPECT_EQ(json.at("images").at(0).at("labels").at(0).at("label"), "red");
    const std::string error = json.at("error");
    EXPECT_EQ(outcome.err, fmt::format("godwit: error: {}\n", error));
  }
  const std::string output = folder / "x.npy";
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"accuracy", model, "--data", photos, "--labels", list()},
        {"preprocess", photos, "--output", output},
        {"preprocess", photos, "--bench"},
        {"bench", model, "--images", photos, "--seconds", "0.01", "--min-repetitions", "2"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--strict", "--json"});
    const Outcome outcome = godwit(arguments);
    failed(outcome);
    EXPECT_EQ(outcome.out, "") << command.front();
  }
  EXPECT_FALSE(fs::exists(output));
}

}  // namespace
}  // namespace godwit::tools
