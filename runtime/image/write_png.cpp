// Header, palette, one stream of unfiltered rows, end: what PNG asks for at least.
#include "runtime/image/write_png.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <zlib.h>

#include "runtime/error.h"

namespace godwit::image {
namespace {

void put_u32(std::string& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>((value >> shift) & 0xffU);
}

// Length, name, contents, checksum of the last two.
void put_chunk(std::string& file, std::string_view name, std::string_view contents) {
  put_u32(file, static_cast<std::uint32_t>(contents.size()));
  const std::size_t begin = file.size();
  file += name;
  file += contents;
  const uLong sum =
      crc32(0, reinterpret_cast<const Bytef*>(file.data() + begin), static_cast<uInt>(file.size() - begin));
  put_u32(file, static_cast<std::uint32_t>(sum));
}

// Each row begins with the number of its filter; 0 is none.
std::string rows_of(const PngPixels& pixels) {
  const std::size_t row = static_cast<std::size_t>(pixels.width) * static_cast<std::size_t>(pixels.channels);
  std::string rows;
  rows.reserve((row + 1) * static_cast<std::size_t>(pixels.height));
  for (std::size_t y = 0; y < static_cast<std::size_t>(pixels.height); ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(pixels.values.data() + y * row), row);
  }
  return rows;
}

std::string compressed(const std::string& rows) {
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string result(size, '\0');
  const int status = compress(reinterpret_cast<Bytef*>(result.data()), &size,
                              reinterpret_cast<const Bytef*>(rows.data()), static_cast<uLong>(rows.size()));
  if (status != Z_OK) throw Error("pixels could not be compressed: memory is short", ErrorKind::failed);
  result.resize(size);
  return result;
}

void check(const PngPixels& pixels) {
  // One stream of this length fits into one chunk.
  constexpr std::size_t kMostBytes = 1U << 30;
  if (pixels.width <= 0 || pixels.height <= 0)
    throw Error(fmt::format("an image of {}x{} pixels cannot be written", pixels.width, pixels.height));
  const std::size_t row = static_cast<std::size_t>(pixels.width) * static_cast<std::size_t>(pixels.channels);
  if (row > kMostBytes / static_cast<std::size_t>(pixels.height)) {
    throw Error(fmt::format("an image of {}x{} pixels is too large for a PNG file here", pixels.width,
                            pixels.height));
  }
  if (pixels.values.size() != row * static_cast<std::size_t>(pixels.height)) {
    throw Error(fmt::format("{} values do not fill an image of {}x{} pixels", pixels.values.size(),
                            pixels.width, pixels.height));
  }
  if (pixels.palette.empty()) return;
  const std::uint8_t last = *std::ranges::max_element(pixels.values);
  if (pixels.channels != 1 || pixels.palette.size() > 256 || last >= pixels.palette.size())
    throw Error(fmt::format("place {} is beyond a palette of {} colours", last, pixels.palette.size()));
}

}  // namespace

std::string encode_png(const PngPixels& pixels) {
  check(pixels);
  std::string file = "\x89PNG\r\n\x1a\n", head;
  put_u32(head, static_cast<std::uint32_t>(pixels.width));
  put_u32(head, static_cast<std::uint32_t>(pixels.height));
  constexpr char kGray = 0, kRgb = 2, kPalette = 3;
  head += '\x08';
  head += !pixels.palette.empty() ? kPalette : pixels.channels == 1 ? kGray : kRgb;
  head.append(3, '\0');  // the only compression and filters there are, not interlaced
  put_chunk(file, "IHDR", head);
  if (!pixels.palette.empty()) {
    std::string colours;
    for (const auto& colour : pixels.palette) colours.append(colour.begin(), colour.end());
    put_chunk(file, "PLTE", colours);
  }
  put_chunk(file, "IDAT", compressed(rows_of(pixels)));
  put_chunk(file, "IEND", "");
  return file;
}

std::vector<std::array<std::uint8_t, 3>> class_palette(int classes) {
  std::vector<std::array<std::uint8_t, 3>> palette(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < palette.size(); ++i) {
    // Three bits of the number at a time go to red, green and blue, from the highest bit of each downwards.
    std::size_t rest = i;
    for (unsigned bit = 7; rest != 0; --bit, rest >>= 3U) {
      for (std::size_t c = 0; c < 3; ++c)
        palette[i][c] = static_cast<std::uint8_t>(palette[i][c] | (((rest >> c) & 1U) << bit));
    }
  }
  return palette;
}

}  // namespace godwit::image
