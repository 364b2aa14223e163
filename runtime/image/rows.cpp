// Whole images from rows.
#include "runtime/image/rows.h"

namespace godwit::image {

Image read_all(Rows& rows) {
  Image image{rows.width(), rows.height(), {}};
  const auto width = static_cast<std::size_t>(image.width);
  image.pixels.resize(width * static_cast<std::size_t>(image.height) * 3);
  rows.select({0, 0, image.width, image.height});
  std::vector<std::uint8_t> row(width * 4);
  std::uint8_t* dst = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    rows.read(row.data());
    for (std::size_t x = 0; x < width; ++x, dst += 3) {
      for (std::size_t c = 0; c < 3; ++c) dst[c] = row[4 * x + c];
    }
  }
  rows.finish();
  return image;
}

}  // namespace godwit::image
