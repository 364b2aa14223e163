// JPEG's APP1 segment and PNG's eXIf chunk hold the same: a TIFF header and a directory of tags.
#include "runtime/image/exif.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "runtime/image/jpeg.h"
#include "runtime/image/png.h"

namespace godwit::image {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kOrientationTag = 0x0112;
constexpr std::uint64_t kShortType = 3;  // 16 bits, unsigned

// `count` bytes from `at` on as a number; nullopt beyond the end.
std::optional<std::uint64_t> number(Bytes bytes, std::size_t at, std::size_t count, bool big_endian) {
  if (at > bytes.size() || bytes.size() - at < count) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = big_endian ? i : count - 1 - i;
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + place]);
  }
  return value;
}

bool begins_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

// Reads the orientation from a TIFF header and its first directory.
int orientation_of_tiff(Bytes tiff) {
  const bool big = begins_with(tiff, "MM");
  if (!big && !begins_with(tiff, "II")) return 1;
  const auto directory = number(tiff, 4, 4, big);
  if (!directory) return 1;
  const auto entries = number(tiff, *directory, 2, big);
  for (std::size_t i = 0; entries && i < *entries; ++i) {
    const std::size_t at = *directory + 2 + 12 * i;
    const auto tag = number(tiff, at, 2, big), type = number(tiff, at + 2, 2, big),
               count = number(tiff, at + 4, 4, big), value = number(tiff, at + 8, 2, big);
    if (!value) return 1;
    if (tag != kOrientationTag) continue;
    return type == kShortType && count == 1U && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

int orientation_of_jpeg(Bytes file) {
  constexpr std::uint64_t kApp1 = 0xffe1, kFirstWithLength = 0xffc0, kScan = 0xffda;
  constexpr std::string_view kSignature("Exif\0\0", 6);
  for (std::size_t at = 2;;) {
    const auto marker = number(file, at, 2, true), length = number(file, at + 2, 2, true);
    if (!length || *marker < kFirstWithLength || *marker == kScan || *length < 2) return 1;
    const std::size_t end = std::min(at + 2 + *length, file.size());
    const Bytes body = file.subspan(at + 4, end - std::min(at + 4, end));
    if (*marker == kApp1 && begins_with(body, kSignature)) {
      return orientation_of_tiff(body.subspan(kSignature.size()));
    }
    at = end;
  }
}

int orientation_of_png(Bytes file) {
  for (std::size_t at = 8;;) {
    const auto length = number(file, at, 4, true);
    if (!length || *length > file.size() || at + 8 + *length > file.size()) return 1;
    if (begins_with(file.subspan(at + 4), "eXIf")) return orientation_of_tiff(file.subspan(at + 8, *length));
    at += 12 + *length;  // and a checksum
    if (at > file.size()) return 1;
  }
}

}  // namespace

int exif_orientation(Bytes file) {
  if (looks_like_jpeg(file)) return orientation_of_jpeg(file);
  if (looks_like_png(file)) return orientation_of_png(file);
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  // The image seen may have rows and columns exchanged, and then runs one way or the other.
  const bool swapped = orientation >= 5;
  const bool mirror_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool mirror_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  Image result{swapped ? image.height : image.width, swapped ? image.width : image.height, {}};
  result.pixels.resize(image.pixels.size());
  std::uint8_t* dst = result.pixels.data();
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x, dst += 3) {
      const int across = mirror_x ? result.width - 1 - x : x, down = mirror_y ? result.height - 1 - y : y;
      const std::size_t column = static_cast<std::size_t>(swapped ? down : across);
      const std::size_t row = static_cast<std::size_t>(swapped ? across : down);
      const std::uint8_t* src =
          image.pixels.data() + (row * static_cast<std::size_t>(image.width) + column) * 3;
      std::copy_n(src, 3, dst);
    }
  }
  return result;
}

}  // namespace godwit::image
