// libFuzzer: bytes taken for an image become a tensor or an Error, by every way of reading them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "runtime/error.h"
#include "runtime/image/preprocess.h"

namespace {

constexpr int kCrop = 24;

// Small limits: what is looked for are wrong bytes, not long waits.
godwit::image::PreprocessOptions options_of(unsigned number) {
  godwit::image::PreprocessOptions options;
  options.limits = {.max_pixels = 1 << 18, .max_scans = 12, .max_file_bytes = 1 << 20};
  options.exif = (number & 1U) != 0;
  options.fast = (number & 2U) != 0;
  if (number == 2) options.depth = godwit::image::Depth::scale;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace godwit::image;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  Pipeline pipeline;
  pipeline.crop = kCrop;
  std::vector<std::uint8_t> dst(3 * kCrop * kCrop);
  for (unsigned number = 0; number < 4; ++number) {
    pipeline.resize = number == 3 ? 0 : 28;
    pipeline.filter = static_cast<Filter>(number % 3);
    try {
      Preprocessor(pipeline, options_of(number))
          .run<std::uint8_t>(bytes, "input", godwit::Layout::nhwc, pixel_table(), dst);
    } catch (const godwit::Error&) {
      continue;  // refused, as it should be
    }
  }
  return 0;
}
