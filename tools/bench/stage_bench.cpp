// Images stopped after each stage in turn.
#include "tools/bench/stage_bench.h"

#include "runtime/image/jpeg.h"
#include "runtime/input_file.h"
#include "runtime/stopwatch.h"

namespace godwit::tools {

StageBench::StageBench(const image::Pipeline& pipeline, const image::PreprocessOptions& options)
    : options_(options), preprocessor_(pipeline, options), dst_(pipeline.elements()) {}

void StageBench::measure(const std::string& path, StageTimes& times) {
  const std::span<const std::byte> file = read_file(path, options_.limits.max_file_bytes, file_);
  std::array<double, kStageNames.size()> until{};
  for (std::size_t i = 0; i < until.size(); ++i) {
    preprocessor_.stop_after(static_cast<image::Until>(i));
    const Stopwatch watch;
    preprocessor_.run(path, Layout::nhwc, dst_);
    until[i] = watch.seconds();
  }
  if (image::looks_like_jpeg(file)) {
    const Stopwatch watch;
    image::decode_jpeg_bare(file, options_.limits, pixels_);
    times.bare += watch.seconds();
    times.jpeg += until.back();
  }
  for (std::size_t i = 0; i < until.size(); ++i) times.until[i] += until[i];
  times.pixels += static_cast<double>(preprocessor_.source_pixels());
  times.bytes += static_cast<double>(file.size());
  ++times.good;
}

}  // namespace godwit::tools
