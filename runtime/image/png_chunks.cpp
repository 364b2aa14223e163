// Pillow's order of looking at a PNG file: checksums count in front of the pixels alone, and what stands
// behind them has to be there.
#include "runtime/image/png_chunks.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <zlib.h>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::image {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kMaxBlock = 65536;                     // that Pillow reads at a time
constexpr std::uint32_t kMaxFrames = 0x8000'0000;            // of an animation
constexpr std::size_t kMaxTextBytes = std::size_t{4} << 20;  // of metadata, decompressed

std::uint32_t u32(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

const Bytef* raw(Bytes bytes) { return reinterpret_cast<const Bytef*>(bytes.data()); }

std::uint32_t crc_of(Bytes bytes) { return static_cast<std::uint32_t>(crc32_z(0, raw(bytes), bytes.size())); }

[[noreturn]] void refuse(const std::string& words) {
  throw Error(fmt::format("cannot decode the PNG: {}", words));
}

bool is_letter(std::byte byte) {
  const auto c = std::to_integer<unsigned char>(byte);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Bytes that a chunk must have at least; what it has more does not matter.
std::size_t least_size(std::string_view name, const PngHead& head) {
  if (name == "IHDR") return 13;
  if (name == "gAMA") return 4;
  if (name == "sRGB") return 1;
  if (name == "pHYs") return 9;
  if (name == "acTL") return 8;
  if (name == "fcTL") return 26;
  if (name == "tRNS") return head.color_type == 0 ? 2 : head.color_type == 2 ? 6 : 0;
  return 0;
}

bool is_kind(int color_type, int bits) {
  switch (color_type) {
    case 0:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16;
    case 3:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8;
    case 2:
    case 4:
    case 6:
      return bits == 8 || bits == 16;
    default:
      return false;
  }
}

}  // namespace

PngChunks::PngChunks(Bytes file) : file_(file), at_(kSignatureBytes) {
  for (std::size_t i = 0; i < head_.palette.size(); ++i) head_.palette[i].fill(static_cast<std::uint8_t>(i));
  while (!is_in_pixels_) {
    const std::optional<Chunk> chunk = next_chunk();
    if (!chunk || chunk->name == "IEND") refuse("it has no pixels");
    take(*chunk);
    if (is_in_pixels_) break;
    check_sum(*chunk);
    at_ = chunk->at + chunk->size + 4;
  }
  if (!has_header_) refuse("it has no header (IHDR)");
  if (!has_frame_) head_.frame = {0, 0, head_.width, head_.height};
}

// nullopt where the file ends.
std::optional<PngChunks::Chunk> PngChunks::next_chunk() {
  if (at_ >= file_.size() || file_.size() - at_ < 8) return std::nullopt;
  const Bytes name = file_.subspan(at_ + 4, 4);
  if (!std::ranges::all_of(name, is_letter)) refuse("a chunk has no name; the file is damaged");
  return Chunk{text_of(name), u32(file_, at_), at_ + 8};
}

Bytes PngChunks::data_of(const Chunk& chunk) const {
  if (file_.size() - chunk.at < chunk.size) refuse(fmt::format("chunk {} is cut off", chunk.name));
  return file_.subspan(chunk.at, chunk.size);
}

void PngChunks::check_sum(const Chunk& chunk) const {
  const std::size_t end = chunk.at + data_of(chunk).size();
  if (file_.size() - end < 4) refuse(fmt::format("chunk {} is cut off", chunk.name));
  if (crc_of(file_.subspan(chunk.at - 4, chunk.size + 4)) != u32(file_, end))
    refuse(fmt::format("chunk {} has a wrong checksum; the file is damaged", chunk.name));
}

void PngChunks::take(const Chunk& chunk) {
  if (chunk.name == "IDAT") return begin_pixels(chunk);
  const Bytes data = chunk.name == "fdAT" ? Bytes() : data_of(chunk);
  if (chunk.name != "fdAT" && data.size() < least_size(chunk.name, head_))
    refuse(fmt::format("chunk {} has {}, expected {}", chunk.name, counted(data.size(), "byte"),
                       least_size(chunk.name, head_)));
  if (chunk.name == "IHDR") return take_header(chunk);
  if (chunk.name == "PLTE") return take_palette(chunk);
  if (chunk.name == "fcTL") return take_frame(chunk);
  if (chunk.name == "acTL") {
    const std::uint32_t frames = u32(data, 0);
    if (is_in_pixels_) return;
    is_animated_ = !is_animated_ && frames > 0 && frames <= kMaxFrames;
    frames_ = frames;
  } else if (chunk.name == "cHRM" && data.size() % 4 != 0) {
    refuse(fmt::format("chunk cHRM has {}, expected a multiple of 4", counted(data.size(), "byte")));
  } else if (chunk.name == "iCCP" && text_of(data).find('\0') == std::string_view::npos) {
    refuse("chunk iCCP does not name its profile");
  } else if (chunk.name == "zTXt") {
    const std::size_t end = text_of(data).find('\0');
    if (end < data.size() && end + 1 < data.size() && data[end + 1] != std::byte{0})
      refuse("chunk zTXt is compressed in an unknown way");
  } else if (chunk.name == "fdAT") {
    if (chunk.size < 4 || file_.size() - chunk.at < 4) refuse("chunk fdAT is cut off");
    const std::uint32_t number = u32(file_, chunk.at);
    if (!sequence_ || number != *sequence_ + 1) refuse("the frames of the animation are out of order");
    sequence_ = number;
    if (!is_in_pixels_) begin_pixels(chunk);
  }
}

void PngChunks::take_header(const Chunk& chunk) {
  if (is_in_pixels_) return;
  if (has_header_) refuse("it has two headers (IHDR)");
  const Bytes data = data_of(chunk);
  head_.width = u32(data, 0);
  head_.height = u32(data, 4);
  head_.bits = std::to_integer<int>(data[8]);
  head_.color_type = std::to_integer<int>(data[9]);
  head_.interlaced = data[12] != std::byte{0};
  if (head_.width == 0 || head_.height == 0)
    refuse(fmt::format("it has {}x{} pixels", head_.width, head_.height));
  if (!is_kind(head_.color_type, head_.bits))
    refuse(fmt::format("there is no colour type {} of {}", head_.color_type, counted(head_.bits, "bit")));
  if (data[11] != std::byte{0}) refuse("its rows are filtered in an unknown way");
  has_header_ = true;
}

void PngChunks::take_palette(const Chunk& chunk) {
  if (!has_header_ || !head_.has_palette() || is_in_pixels_) return;
  const Bytes data = data_of(chunk);
  const std::size_t colors = data.size() / 3;
  if (colors > head_.palette.size())
    refuse(fmt::format("its palette has {} colours, expected at most 256", colors));
  for (std::size_t i = 0; i < head_.palette.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c)
      head_.palette[i][c] =
          i < colors ? std::to_integer<std::uint8_t>(data[3 * i + c]) : static_cast<std::uint8_t>(i);
  }
  head_.colors = colors;
}

void PngChunks::take_frame(const Chunk& chunk) {
  const Bytes data = data_of(chunk);
  const std::uint32_t number = u32(data, 0);
  if (number != (sequence_ ? *sequence_ + 1 : 0)) refuse("the frames of the animation are out of order");
  sequence_ = number;
  const PngHead::Frame frame{u32(data, 12), u32(data, 16), u32(data, 4), u32(data, 8)};
  if (std::uint64_t{frame.left} + frame.width > head_.width ||
      std::uint64_t{frame.top} + frame.height > head_.height)
    refuse("a frame of the animation is larger than the image");
  if (is_in_pixels_) return;
  has_frame_ = true;
  head_.frame = frame;
  // A frame of no columns at the left edge stands for the whole image, as in Pillow.
  if (frame.left == 0 && frame.width == 0) head_.frame = {0, 0, head_.width, head_.height};
  if (head_.frame.width == 0 || head_.frame.height == 0)
    refuse("the first frame of the animation has no pixels");
}

void PngChunks::begin_pixels(const Chunk& chunk) {
  const std::size_t number_bytes = chunk.name == "fdAT" ? 4 : 0;
  is_in_pixels_ = true;
  begin_ = chunk.at - 4;
  at_ = chunk.at + number_bytes;
  left_ = chunk.size - number_bytes;
}

// Goes past the checksum of the chunk of pixels that is read.
void PngChunks::end_pixels_chunk() {
  const bool is_whole = at_ <= file_.size() && file_.size() - at_ >= 4;
  if (is_whole && crc_of(file_.subspan(begin_, at_ - begin_)) != u32(file_, at_)) has_wrong_checksum_ = true;
  at_ += 4;
}

Bytes PngChunks::next_block() {
  while (left_ == 0) {
    const std::size_t end = at_;
    end_pixels_chunk();
    const std::optional<Chunk> chunk = next_chunk();
    if (!chunk || (chunk->name != "IDAT" && chunk->name != "fdAT" && chunk->name != "DDAT")) {
      at_ = end;
      return {};
    }
    if (chunk->name == "fdAT") take(*chunk);
    begin_pixels(*chunk);
  }
  const std::size_t there = at_ < file_.size() ? file_.size() - at_ : 0;
  const std::size_t size = std::min({left_, kMaxBlock, there});
  const Bytes block = file_.subspan(std::min(at_, file_.size()), size);
  at_ += size;
  left_ -= size;
  if (size == 0) left_ = 0;
  return block;
}

void PngChunks::finish() {
  // Pillow does not see this where all pixels are there, which a file that is cut off does not promise.
  if (at_ > file_.size() || file_.size() - at_ < left_) refuse("its last chunk of pixels is cut off");
  at_ += left_;
  left_ = 0;
  end_pixels_chunk();
  while (at_ < file_.size() && file_.size() - at_ >= 8) {
    if (!std::ranges::all_of(file_.subspan(at_ + 4, 4), is_letter)) return;
    const std::optional<Chunk> chunk = next_chunk();
    // Behind the first of several images Pillow looks no further.
    const bool has_more = is_animated_ && (frames_ > 1 || !has_frame_);
    if (!chunk || chunk->name == "IEND" || (chunk->name == "fcTL" && has_more)) return;
    if (chunk->name == "IDAT") {
      (void)data_of(*chunk);
    } else {
      take(*chunk);
      (void)data_of(*chunk);
    }
    at_ = chunk->at + chunk->size + 4;
  }
}

namespace {

// The whole of what zlib makes of it; nullopt where it is damaged or too much.
std::optional<std::vector<std::byte>> inflated(Bytes bytes) {
  std::vector<std::byte> result(std::clamp<std::size_t>(8 * bytes.size(), 1024, kMaxTextBytes));
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = const_cast<Bytef*>(raw(bytes));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(bytes.size(), kMaxTextBytes));
  std::size_t size = 0;
  int status = Z_OK;
  while (status == Z_OK && size < kMaxTextBytes) {
    if (size == result.size()) result.resize(std::min(2 * size, kMaxTextBytes));
    stream.next_out = reinterpret_cast<Bytef*>(result.data() + size);
    stream.avail_out = static_cast<uInt>(result.size() - size);
    status = inflate(&stream, Z_NO_FLUSH);
    size = result.size() - stream.avail_out;
    if (stream.avail_in == 0 && stream.avail_out != 0) break;
  }
  inflateEnd(&stream);
  if (status != Z_OK && status != Z_STREAM_END) return std::nullopt;
  result.resize(size);
  return result;
}

std::vector<std::byte> copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// Splits at the first byte that is 0; nullopt where there is none.
std::optional<Bytes> take_word(Bytes& rest) {
  const std::size_t end = text_of(rest).find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const Bytes word = rest.first(end);
  rest = rest.subspan(end + 1);
  return word;
}

// The text of a chunk tEXt, zTXt or iTXt, its keyword in front.
std::optional<std::pair<std::string_view, std::vector<std::byte>>> text_in(std::string_view name,
                                                                           Bytes data) {
  const auto keyword = take_word(data);
  if (!keyword) return std::nullopt;
  std::optional<std::vector<std::byte>> text;
  if (name == "tEXt") {
    text = copy_of(data);
  } else if (name == "zTXt") {
    if (!data.empty() && data[0] == std::byte{0}) text = inflated(data.subspan(1));
  } else if (data.size() >= 2) {
    const bool compressed = data[0] != std::byte{0};
    const bool is_known = data[1] == std::byte{0};
    data = data.subspan(2);
    if (take_word(data) && take_word(data) && (!compressed || is_known))
      text = compressed ? inflated(data) : copy_of(data);
  }
  if (!text) return std::nullopt;
  return std::pair{text_of(*keyword), std::move(*text)};
}

// Hexadecimal digits behind three lines of heading; empty where something else is among them.
std::vector<std::byte> from_hexadecimal(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  std::vector<std::byte> bytes;
  int high = -1;
  for (const char c : text) {
    if (c == '\n' || c == ' ' || c == '\t' || c == '\r') continue;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return {};
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::byte>(16 * high + digit));
      high = -1;
    }
  }
  return high < 0 ? bytes : std::vector<std::byte>();
}

}  // namespace

PngMetadata png_metadata(Bytes file) {
  PngMetadata found;
  for (std::size_t at = kSignatureBytes; at < file.size() && file.size() - at >= 8;) {
    const std::size_t size = u32(file, at);
    const std::string_view name = text_of(file.subspan(at + 4, 4));
    const Bytes rest = file.subspan(at + 8);
    if (name == "IEND" || rest.size() < size) break;
    const Bytes data = rest.first(size);
    if (name == "eXIf") {
      found.exif = copy_of(data);
    } else if (name == "tEXt" || name == "zTXt" || name == "iTXt") {
      if (auto text = text_in(name, data)) {
        auto& [keyword, value] = *text;
        if (keyword == "exif" && name == "tEXt")
          found.exif = std::move(value);
        else if (keyword == "Raw profile type exif")
          found.raw_profile = from_hexadecimal(text_of(value));
        else if (keyword == "XML:com.adobe.xmp")
          found.xmp = std::move(value);
      }
    }
    at += 12 + size;
  }
  return found;
}

}  // namespace godwit::image
