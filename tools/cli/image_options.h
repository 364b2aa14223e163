// How images are read, as the command line says it, and how what is wrong with them is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/image/preprocess.h"
#include "tools/cli/options.h"
#include "tools/cli/output.h"

namespace godwit::tools {

struct ImageOptions {
  image::DecodeLimits limits;
  std::string decode = "exact";  // or fast
  bool exif = false;
  bool strict = false;

  bool fast() const { return decode == "fast"; }
  // `isa`: an instruction set's name, empty for the default.
  image::PreprocessOptions preprocess_options(const std::string& isa = "") const;
};
// Adds --decode, --exif, --strict, --max-pixels, --max-scans and --max-file-bytes.
void add_image_options(CLI::App& app, ImageOptions& options);

// Names bad images and the decoder's warnings on stderr, one line each, and counts them.
class ImageLog {
 public:
  ImageLog(Progress& progress, bool strict) : progress_(progress), strict_(strict) {}

  // True when there is no error. Throws Error for anything to tell in strict mode.
  bool good(const std::string& path, const std::string& error, const std::vector<std::string>& warnings);
  std::size_t failed() const { return failed_; }
  std::size_t warned() const { return warned_; }

 private:
  Progress& progress_;
  bool strict_;
  std::size_t failed_ = 0, warned_ = 0;
};

// How far fast decoding is from exact, over images looked at both ways.
struct FastDifference {
  std::size_t images = 0;
  double mean = 0;  // absolute difference of a pixel's colour, of 255
  int largest = 0;
  // "8 images decoded both ways: …".
  std::string to_string() const;
};
// Takes the first images of `paths` that can be read, at most `limit`.
FastDifference compare_fast(const std::vector<std::string>& paths, std::size_t limit,
                            const image::Pipeline& pipeline, const ImageOptions& options);

}  // namespace godwit::tools
