// Resize, centre crop and normalise as torchvision does them, and the way from a file to a network's input.
#include "runtime/image/preprocess.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/image/resize.h"

namespace godwit::image {
namespace {

// (side - crop) / 2, rounded to the nearest and halves to even; negative where the picture is smaller than
// the crop.
std::int64_t crop_offset(std::int64_t side, std::int64_t crop) {
  const std::int64_t difference = side - crop;
  if (difference % 2 == 0) return difference / 2;
  const std::int64_t below = (difference - 1) / 2;  // exact: difference - 1 is even
  return below % 2 == 0 ? below : below + 1;
}

// What a pixel of each value becomes in one channel. The product of 8 and 53 bits is rounded once on its way
// to float, and no difference can be contracted with it: the same bits on every machine.
std::array<float, 256> value_table(const Pipeline& pipeline, std::size_t channel) {
  std::array<float, 256> table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    const auto scaled = static_cast<float>(static_cast<double>(value) * pipeline.scale);
    table[value] = (scaled - pipeline.mean[channel]) / pipeline.stddev[channel];
  }
  return table;
}

}  // namespace

Image resize_and_crop(const Image& image, int resize, int crop) {
  if (image.width <= 0 || image.height <= 0) throw Error("the picture has no pixels");
  std::int64_t width = image.width, height = image.height;
  if (resize > 0 && std::min(width, height) != resize) {
    const bool tall = width < height;
    const std::int64_t long_side = resize * std::max(width, height) / std::min(width, height);
    width = tall ? resize : long_side;
    height = tall ? long_side : resize;
  }
  if (crop > 0) {
    return resize_window(image, width, height,
                         {crop_offset(width, crop), crop_offset(height, crop), crop, crop});
  }
  const std::int64_t limit = DecodeLimits{}.max_pixels;
  if (std::max(width, height) > limit / std::min(width, height)) {
    throw Error(fmt::format(
        "a picture of {}x{} pixels would be {}x{} when resized to a short side of {}, more than {} "
        "pixels; expected a crop as well",
        image.width, image.height, width, height, resize, limit));
  }
  return resize_window(image, width, height, {0, 0, static_cast<int>(width), static_cast<int>(height)});
}

void normalize(const Image& image, const Pipeline& pipeline, Layout layout, std::span<float> dst) {
  const std::size_t pixels = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (dst.size() != pixels * 3 || image.pixels.size() != pixels * 3) {
    throw Error(fmt::format("a picture of {}x{} pixels does not fill a tensor of {} values", image.width,
                            image.height, dst.size()));
  }
  for (std::size_t c = 0; c < 3; ++c) {
    const std::array<float, 256> table = value_table(pipeline, c);
    const std::uint8_t* src = image.pixels.data() + (pipeline.order == ChannelOrder::rgb ? c : 2 - c);
    float* out = layout == Layout::nchw ? dst.data() + c * pixels : dst.data() + c;
    const std::size_t step = layout == Layout::nchw ? 1 : 3;
    for (std::size_t i = 0; i < pixels; ++i) out[i * step] = table[src[i * 3]];
  }
}

void preprocess_file(const std::string& path, const Pipeline& pipeline, Layout layout, std::span<float> dst) {
  const Image image = read_image(path);
  with_context(
      [&] { return fmt::format("'{}'", path); },
      [&] { normalize(resize_and_crop(image, pipeline.resize, pipeline.crop), pipeline, layout, dst); });
}

}  // namespace godwit::image
