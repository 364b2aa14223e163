// Facts that a quantised model keeps of its own making, in its metadata entry godwit.quantization.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/vision/calibration_images.h"

namespace godwit::tools {

struct CalibrationFacts {
  std::string method;
  double percentile = 0;  // 0: the method has none
  bool bias_correction = true;
  bool full_range = false;        // of the weights
  std::vector<std::string> kept;  // nodes left in f32
};

// JSON with method, percentile (where there is one), bias_correction, full_range, images, names_sha256,
// contents and kept. names_sha256 is of the file names, a line each, sorted. contents has the first 16
// hexadecimal digits of each image's SHA-256.
std::string facts_text(const CalibrationFacts& facts, const vision::CalibrationReader& images);

// `contents` of that entry; empty for a model without one.
std::set<std::string> calibration_contents(const std::map<std::string, std::string>& metadata);

}  // namespace godwit::tools
