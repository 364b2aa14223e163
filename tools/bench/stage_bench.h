// Cost of each stage of making a network's input: read, decode, resize, normalise.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/image/preprocess.h"

namespace godwit::tools {

inline constexpr std::array<std::string_view, 4> kStageNames = {"read", "decode", "resize", "normalise"};

// Seconds over all images: up to the end of each stage, and of a bare full decode.
struct StageTimes {
  std::array<double, kStageNames.size()> until{};
  double bare = 0, jpeg = 0;  // of the JPEGs alone: decoding them whole, and all stages
  double pixels = 0, bytes = 0;
  std::size_t good = 0;

  double total() const { return until.back(); }
  double stage(std::size_t i) const { return i == 0 ? until[0] : until[i] - until[i - 1]; }
  double per_image_ms(double seconds) const {
    return seconds * 1e3 / std::max(1.0, static_cast<double>(good));
  }
  double images_per_second() const { return total() > 0 ? static_cast<double>(good) / total() : 0; }
};

// One image through ever more stages, and bare: neighbours in time, so that they meet the same machine.
class StageBench {
 public:
  StageBench(const image::Pipeline& pipeline, const image::PreprocessOptions& options);

  // Throws Error for an image that cannot be read.
  void measure(const std::string& path, StageTimes& times);
  const std::vector<std::string>& warnings() const { return preprocessor_.warnings(); }

 private:
  image::PreprocessOptions options_;
  image::Preprocessor preprocessor_;
  std::vector<float> dst_;
  std::vector<std::byte> file_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace godwit::tools
