// The program as users run it, on trained models and real photographs, against what ONNX Runtime answered.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = GODWIT_SOURCE_DIR;
const fs::path kResNet50 = kSource / "models/resnet50.onnx";
const fs::path kPhotographs = kSource / ".cache/photographs";
const fs::path kShared = kSource / "../shared";
const fs::path kSample = kShared / "data/imagenet-sample";
const fs::path kMobileNet = kShared / "models/mobilenet_v2.onnx";

// Runs the program with these arguments (paths without quotes in them) and returns its JSON.
nlohmann::json godwit(const std::string& arguments) {
  const std::string command = fmt::format("'{}' {}", GODWIT_PROGRAM, arguments);
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  std::string output;
  std::array<char, 4096> buffer;
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(fmt::format("{} ended with status {}", command, status));
  return nlohmann::json::parse(output);
}

// A two-dimensional little-endian f32 .npy file.
struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;
  std::span<const float> row(std::size_t i) const { return std::span(values).subspan(i * columns, columns); }
};

Matrix read_npy(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream stream;
  stream << file.rdbuf();
  const std::string bytes = stream.str();
  Matrix matrix;
  const std::size_t shape = bytes.find("'shape': (");
  const std::size_t header_end = bytes.find('\n');
  if (shape == std::string::npos || header_end == std::string::npos || bytes.find("'<f4'") > header_end ||
      std::sscanf(bytes.c_str() + shape, "'shape': (%zu, %zu)", &matrix.rows, &matrix.columns) != 2 ||
      bytes.size() != header_end + 1 + matrix.rows * matrix.columns * sizeof(float))
    throw std::runtime_error(path.string() + " is not a two-dimensional <f4 .npy file");
  matrix.values.resize(matrix.rows * matrix.columns);
  std::memcpy(matrix.values.data(), bytes.data() + header_end + 1, matrix.values.size() * sizeof(float));
  return matrix;
}

std::size_t first_label(std::span<const float> probabilities) {
  return static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
}

// A file of this process's own, gone with the object.
struct ScratchFile {
  fs::path path = fs::temp_directory_path() / fmt::format("godwit-house-{}.npy", ::getpid());
  ~ScratchFile() { fs::remove(path); }
};

// Reason why a test that needs these files cannot run; empty when it can.
std::string reason_to_skip(std::initializer_list<fs::path> needed) {
  for (const fs::path& path : needed) {
    if (fs::exists(path)) continue;
    const std::string name = path.lexically_normal().string();
    if (path == kResNet50) return name + " is absent: run tools/fetch_resnet50";
    if (path == kPhotographs) return name + " is absent: run tools/fetch_photographs";
    return name + " is absent: it is no part of the repository";
  }
  if (GODWIT_SANITIZED && std::ranges::find(needed, kSample) != needed.end())
    return "500 photographs take too long under a sanitizer; the release preset runs them";
  return {};
}

TEST(EndToEnd, PhotographsGetTheLabelsThatOnnxRuntimeGives) {
  if (const std::string reason = reason_to_skip({kResNet50, kPhotographs}); !reason.empty())
    GTEST_SKIP() << reason;
  struct Expected {
    std::string label;
    double probability;
  };
  // ONNX Runtime 1.30's answers on the same model after Pillow's preprocessing.
  const std::map<std::string, Expected> expected = {{"chelsea.png", {"Egyptian cat", 0.784}},
                                                    {"coffee.png", {"espresso", 0.993}},
                                                    {"motorcycle_left.png", {"moped", 0.815}},
                                                    {"camera.png", {"tripod", 0.975}}};
  const auto result =
      godwit(fmt::format("classify '{}' '{}' --json", kResNet50.string(), kPhotographs.string()));
  std::size_t found = 0;
  for (const auto& image : result.at("images")) {
    const std::string name = fs::path(image.at("file").get<std::string>()).filename();
    const auto match = expected.find(name);
    if (match == expected.end()) continue;
    ++found;
    const auto& best = image.at("labels").at(0);
    EXPECT_NE(best.at("label").get<std::string>().find(match->second.label), std::string::npos)
        << name << " is called " << best.at("label");
    EXPECT_NEAR(best.at("probability").get<double>(), match->second.probability, 0.002) << name;
  }
  EXPECT_EQ(found, expected.size());
}

TEST(EndToEnd, ResNet50OnFiveHundredPhotographs) {
  if (const std::string reason = reason_to_skip({kResNet50, kSample}); !reason.empty())
    GTEST_SKIP() << reason;
  const ScratchFile probabilities;
  const auto result = godwit(
      fmt::format("accuracy '{}' --data '{}' --labels '{}' --probabilities '{}' --json", kResNet50.string(),
                  kSample.string(), (kSample / "labels.csv").string(), probabilities.path.string()));
  EXPECT_EQ(result.at("images"), 500);
  EXPECT_NEAR(result.at("top1").get<double>(), 0.904, 0.002);

  const Matrix ours = read_npy(probabilities.path);
  const Matrix peer = read_npy(kSample / "resnet50_fp32_probabilities.npy");
  ASSERT_EQ(ours.rows, peer.rows);
  ASSERT_EQ(ours.columns, peer.columns);
  double largest = 0;
  int same = 0;
  for (std::size_t i = 0; i < ours.rows; ++i) {
    same += first_label(ours.row(i)) == first_label(peer.row(i)) ? 1 : 0;
    for (std::size_t j = 0; j < ours.columns; ++j)
      largest = std::max(largest, std::abs(double{ours.row(i)[j]} - double{peer.row(i)[j]}));
  }
  EXPECT_LE(largest, 1e-4);
  EXPECT_GE(same, 499);
}

TEST(EndToEnd, MobileNetV2OnFiveHundredPhotographs) {
  if (const std::string reason = reason_to_skip({kMobileNet, kSample}); !reason.empty())
    GTEST_SKIP() << reason;
  const auto result =
      godwit(fmt::format("accuracy '{}' --data '{}' --labels '{}' --preprocess tf --label-offset 1 --json",
                         kMobileNet.string(), kSample.string(), (kSample / "labels.csv").string()));
  EXPECT_EQ(result.at("images"), 500);
  EXPECT_GE(result.at("top1").get<double>(), 0.88);
}

}  // namespace
