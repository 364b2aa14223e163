// Options of every command that reads images.
#include "tools/cli/image_options.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::tools {
namespace {

constexpr const char* kGroup = "Image options";
constexpr std::int64_t kMaxPixels = 1'000'000'000;

}  // namespace

image::PreprocessOptions ImageOptions::preprocess_options(const std::string& isa) const {
  image::PreprocessOptions options;
  options.limits = limits;
  options.exif = exif;
  options.fast = fast();
  if (!isa.empty()) options.isa = require_isa(isa);
  return options;
}

void add_image_options(CLI::App& app, ImageOptions& options) {
  app.add_option(
         "--decode", options.decode,
         "exact: Pillow's pixels. fast: JPEGs are decoded at 1/2, 1/4 or 1/8 of their size where that is "
         "still large enough, which changes pixels; by how much is printed.")
      ->check(CLI::IsMember({"exact", "fast"}))
      ->type_name("exact|fast")
      ->default_str("exact")
      ->group(kGroup);
  app.add_flag("--exif", options.exif,
               "Turn images upright as their EXIF metadata say. Networks are trained without, as torchvision "
               "does not do it.")
      ->group(kGroup);
  app.add_flag(
         "--strict", options.strict,
         "Stop at the first image that is bad or that the decoder had to mend, instead of naming it and "
         "going on.")
      ->group(kGroup);
  app.add_option("--max-pixels", options.limits.max_pixels, "Refuse images of more pixels.")
      ->check(in_range(1, kMaxPixels))
      ->type_name("N")
      ->default_str("100000000")
      ->group(kGroup);
  app.add_option("--max-scans", options.limits.max_scans, "Refuse progressive JPEGs of more scans.")
      ->check(in_range(1, 1'000'000))
      ->type_name("N")
      ->default_str("100")
      ->group(kGroup);
  app.add_option("--max-file-bytes", options.limits.max_file_bytes, "Refuse files of more bytes.")
      ->check(in_range(1, std::int64_t{1} << 40))
      ->type_name("N")
      ->default_str("536870912")
      ->group(kGroup);
}

bool ImageLog::good(const std::string& path, const std::string& error,
                    const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    const std::string text = fmt::format("'{}': warning: {}", path, warning);
    if (strict_) throw Error(text + " (--strict)");
    progress_.say(text);
  }
  warned_ += warnings.empty() ? 0 : 1;
  if (error.empty()) return true;
  if (strict_) throw Error(error + " (--strict)");
  progress_.say(error);
  ++failed_;
  return false;
}

std::string FastDifference::to_string() const {
  return fmt::format(
      "--decode fast: {} images decoded both ways differ by {:.2f} of 255 on average and {} at most", images,
      mean, largest);
}

FastDifference compare_fast(const std::vector<std::string>& paths, std::size_t limit,
                            const image::Pipeline& pipeline, const ImageOptions& options) {
  image::PreprocessOptions reading = options.preprocess_options();
  image::Preprocessor fast(pipeline, reading);
  reading.fast = false;
  image::Preprocessor exact(pipeline, reading);
  const image::ValueTable<std::uint8_t> table = image::pixel_table();
  const auto size = 3 * static_cast<std::size_t>(pipeline.crop) * static_cast<std::size_t>(pipeline.crop);
  std::vector<std::uint8_t> a(size), b(size);
  FastDifference result;
  double sum = 0;
  for (const std::string& path : paths) {
    if (result.images == limit) break;
    try {
      fast.run<std::uint8_t>(path, Layout::nhwc, table, a);
      exact.run<std::uint8_t>(path, Layout::nhwc, table, b);
    } catch (const Error&) {
      continue;  // named when its turn comes
    }
    for (std::size_t i = 0; i < size; ++i) {
      const int difference = std::abs(int{a[i]} - int{b[i]});
      sum += difference;
      result.largest = std::max(result.largest, difference);
    }
    ++result.images;
  }
  if (result.images > 0) result.mean = sum / (static_cast<double>(size) * static_cast<double>(result.images));
  return result;
}

}  // namespace godwit::tools
