// JPEG's APP1 segment and PNG's eXIf chunk hold the same: a TIFF header and a directory of tags.
#include "runtime/image/exif.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "runtime/image/jpeg.h"
#include "runtime/image/png.h"
#include "runtime/image/png_chunks.h"

namespace godwit::image {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kOrientationTag = 0x0112;
constexpr std::size_t kHeaderBytes = 8, kEntryBytes = 12, kInlineBytes = 4;

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

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The types of TIFF: bytes of a value, and how it is read.
enum class Kind : std::uint8_t { none, bytes, unsigned_, signed_, ratio, signed_ratio, real };
struct Type {
  std::size_t bytes;
  Kind kind;
};
Type type_of(std::uint64_t number) {
  constexpr std::array<Type, 17> kTypes = {{{0, Kind::none},
                                            {1, Kind::bytes},  // BYTE, which Pillow gives as bytes
                                            {1, Kind::bytes},  // ASCII
                                            {2, Kind::unsigned_},
                                            {4, Kind::unsigned_},
                                            {8, Kind::ratio},
                                            {1, Kind::signed_},
                                            {1, Kind::bytes},  // UNDEFINED
                                            {2, Kind::signed_},
                                            {4, Kind::signed_},
                                            {8, Kind::signed_ratio},
                                            {4, Kind::real},
                                            {8, Kind::real},
                                            {4, Kind::unsigned_},  // the place of a directory
                                            {0, Kind::none},
                                            {0, Kind::none},
                                            {8, Kind::unsigned_}}};
  return number < kTypes.size() ? kTypes[number] : Type{0, Kind::none};
}

// The first value of a tag as an orientation; 0 where it is none.
int orientation_in(Bytes data, const Type& type, bool big) {
  const auto value = [&](std::size_t at, std::size_t bytes) {
    return number(data, at, bytes, big).value_or(0);
  };
  const auto is_signed = [&](std::uint64_t raw, std::size_t bytes) {
    return (raw >> (8 * bytes - 1) & 1) != 0;
  };
  double result = 0;
  switch (type.kind) {
    case Kind::none:
    case Kind::bytes:
      return 0;
    case Kind::unsigned_:
    case Kind::signed_: {
      const std::uint64_t raw = value(0, type.bytes);
      if (type.kind == Kind::signed_ && is_signed(raw, type.bytes)) return 0;
      result = static_cast<double>(raw);
      break;
    }
    case Kind::ratio:
    case Kind::signed_ratio: {
      std::uint64_t above = value(0, 4), below = value(4, 4);
      if (type.kind == Kind::signed_ratio && is_signed(above, 4) && is_signed(below, 4)) {
        above = (~above + 1) & 0xffff'ffff;
        below = (~below + 1) & 0xffff'ffff;
      } else if (type.kind == Kind::signed_ratio && (is_signed(above, 4) || is_signed(below, 4))) {
        return 0;
      }
      if (below == 0 || above % below != 0) return 0;
      const std::uint64_t quotient = above / below;
      result = static_cast<double>(quotient);
      break;
    }
    case Kind::real:
      result = type.bytes == 4 ? double{std::bit_cast<float>(static_cast<std::uint32_t>(value(0, 4)))}
                               : std::bit_cast<double>(value(0, 8));
      break;
  }
  for (int orientation = 1; orientation <= 8; ++orientation) {
    if (result == orientation) return orientation;
  }
  return 0;
}

// The orientation in a TIFF header and its first directory: 0 where the tag makes no sense, nullopt where it
// is not there. A directory that is cut off, or whose values are, is read as far as it goes.
std::optional<int> orientation_of_tiff(Bytes tiff) {
  const std::string_view head = text_of(tiff.first(std::min<std::size_t>(tiff.size(), 4)));
  using namespace std::string_view_literals;
  const bool big = head.starts_with("MM");
  // Two that have the 42 the wrong way round are taken, too.
  constexpr std::array kHeads = {"MM\0\x2a"sv, "MM\x2a\0"sv, "MM\0\x2b"sv, "II\x2a\0"sv, "II\0\x2a"sv};
  if (tiff.size() < kHeaderBytes || std::ranges::find(kHeads, head) == kHeads.end()) return std::nullopt;
  const std::uint64_t directory = *number(tiff, 4, 4, big);
  const auto entries = number(tiff, directory, 2, big);
  std::optional<int> found;
  for (std::size_t i = 0; entries && i < *entries; ++i) {
    const std::size_t at = directory + 2 + kEntryBytes * i;
    if (at > tiff.size() || tiff.size() - at < kEntryBytes) break;
    const Type type = type_of(*number(tiff, at + 2, 2, big));
    const std::uint64_t bytes = type.bytes * *number(tiff, at + 4, 4, big);
    if (bytes == 0) continue;
    const std::uint64_t place = bytes > kInlineBytes ? *number(tiff, at + 8, 4, big) : at + 8;
    if (place > tiff.size() || tiff.size() - place < bytes) break;
    if (*number(tiff, at, 2, big) == kOrientationTag)
      found = orientation_in(tiff.subspan(place, bytes), type, big);
  }
  return found;
}

// The same behind "Exif\0\0", where that is in front.
std::optional<int> orientation_of_exif(Bytes exif) {
  constexpr std::string_view kSignature("Exif\0\0", 6);
  return orientation_of_tiff(text_of(exif).starts_with(kSignature) ? exif.subspan(kSignature.size()) : exif);
}

// The digit behind tiff:Orientation=" or <tiff:Orientation>.
std::optional<int> orientation_of_xmp(Bytes xmp) {
  constexpr std::string_view kTag = "tiff:Orientation";
  const std::string_view text = text_of(xmp);
  for (std::size_t at = text.find(kTag); at != std::string_view::npos; at = text.find(kTag, at + 1)) {
    std::string_view rest = text.substr(at + kTag.size());
    const std::size_t between = rest.starts_with("=\"") ? 2 : rest.starts_with('>') ? 1 : 0;
    rest.remove_prefix(between);
    if (between > 0 && !rest.empty() && rest.front() >= '0' && rest.front() <= '9') return rest.front() - '0';
  }
  return std::nullopt;
}

// Bytes that are no marker, padding and escaped 0xff are skipped between segments.
std::optional<int> orientation_of_jpeg(Bytes file) {
  constexpr std::uint64_t kApp1 = 0xe1, kScan = 0xda, kLeastMarker = 0xc0;
  constexpr std::string_view kSignature("Exif\0", 5);
  for (std::size_t at = 2; file.size() - std::min(at, file.size()) >= 2;) {
    if (file[at] != std::byte{0xff}) {
      ++at;
      continue;
    }
    const auto marker = std::to_integer<std::uint64_t>(file[at + 1]);
    if (marker == 0xff) {
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0) continue;
    if (marker < kLeastMarker || marker == kScan) return std::nullopt;
    const bool is_bare =
        marker == 0xc8 || (marker >= 0xd0 && marker <= 0xd9) || (marker >= 0xf0 && marker <= 0xfd);
    if (is_bare) continue;
    const auto length = number(file, at, 2, true);
    if (!length) return std::nullopt;
    const std::size_t size = std::max<std::size_t>(*length, 2) - 2;
    if (file.size() - (at + 2) < size) return std::nullopt;
    const Bytes body = file.subspan(at + 2, size);
    if (marker == kApp1 && text_of(body).starts_with(kSignature)) return orientation_of_exif(body);
    at += 2 + size;
  }
  return std::nullopt;
}

std::optional<int> orientation_of_png(Bytes file) {
  const PngMetadata metadata = png_metadata(file);
  const auto found = orientation_of_exif(metadata.exif.empty() ? metadata.raw_profile : metadata.exif);
  return found ? found : orientation_of_xmp(metadata.xmp);
}

}  // namespace

int exif_orientation(Bytes file) {
  std::optional<int> found;
  if (looks_like_jpeg(file)) found = orientation_of_jpeg(file);
  if (looks_like_png(file)) found = orientation_of_png(file);
  return found && *found >= 1 && *found <= 8 ? *found : 1;
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
