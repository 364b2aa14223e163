// Images decoded both ways, pixel by pixel.
#include "tools/vision/fast_difference.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/image/preprocess.h"

namespace godwit::vision {

std::string FastDifference::to_string() const {
  return fmt::format("{} decoded both ways differ{} by {:.2f} of 255 on average and {} at most",
                     counted(images, "image"), images == 1 ? "s" : "", mean, largest);
}

FastDifference compare_fast(const std::vector<std::string>& paths, std::size_t limit,
                            const image::Pipeline& pipeline, image::PreprocessOptions reading,
                            const std::function<void()>& each) {
  reading.fast = true;
  image::Preprocessor fast(pipeline, reading);
  reading.fast = false;
  image::Preprocessor exact(pipeline, reading);
  const image::ValueTable<std::uint8_t> table = image::pixel_table();
  const std::size_t size = pipeline.elements();
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
    if (each) each();
  }
  if (result.images > 0) result.mean = sum / (static_cast<double>(size) * static_cast<double>(result.images));
  return result;
}

}  // namespace godwit::vision
