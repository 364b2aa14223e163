// Starting the built program, and the small models and images that its tests give it.
#pragma once

#include <cstdint>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "tests/support/temporary_directory.h"

namespace godwit::tools {

using Json = nlohmann::ordered_json;
using test::TemporaryDirectory;

struct Outcome {
  int exit_code = -1;  // 128 + the signal where one ended it
  std::string out, err;
  std::int64_t peak_kib = 0;  // the most memory that it held at once

  // stdout as JSON; a test failure where it is none.
  Json json() const;
};

// Runs godwit with these arguments; `environment` holds NAME=VALUE added to ours, `input` is the file on its
// stdin.
Outcome godwit(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {},
               const std::string& input = "/dev/null");

// Runs any program: its path, then its arguments.
Outcome run_program(const std::vector<std::string>& command, const std::vector<std::string>& environment = {},
                    const std::string& input = "/dev/null");

// The one line that a failed run prints: its exit code, nothing on stdout, "godwit: error: " and these words
// in it.
void expect_error(const Outcome& outcome, int exit_code, const std::string& words);

// A model of four classes over 8x8 images: colour means, then a fully connected layer whose scores are
// red, green, blue and a constant. Its metadata carries preprocessing and labels unless `bare`.
struct TinyModel {
  bool softmax = true;
  bool bare = false;
  std::int64_t batch = 0;  // 0: left open
};
engine::Graph tiny_model(const TinyModel& options = {});
// Saved in `folder` as "tiny.onnx"; its path.
std::string save_tiny_model(const TemporaryDirectory& folder, const TinyModel& options = {});

// A PNG of one colour, 12x10 pixels.
std::vector<unsigned char> plain_png(unsigned char red, unsigned char green, unsigned char blue);
// Any JPEG.
std::vector<unsigned char> some_jpeg();

}  // namespace godwit::tools
