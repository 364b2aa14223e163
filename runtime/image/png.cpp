// From compressed rows to pixels, in the order and to the point at which Pillow does it.
#include "runtime/image/png.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <zlib.h>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/image/decoder.h"

namespace godwit::image {
namespace {

// The passes of an interlaced image.
struct Pass {
  int left, top, across, down;

  int columns(int width) const { return (width - left + across - 1) / across; }
  int rows(int height) const { return (height - top + down - 1) / down; }
};
constexpr std::array<Pass, 7> kPasses = {
    {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};

std::size_t packed_bytes(std::size_t pixels, int bits) {
  return (pixels * static_cast<std::size_t>(bits) + 7) / 8;
}

// Puts pixels that lie packed in src to every `step`th place of dst from `first` on; `bits` are those of one.
void spread(const std::uint8_t* src, std::size_t count, int bits, std::uint8_t* dst, std::size_t first,
            std::size_t step) {
  if (bits >= 8) {
    const auto bytes = static_cast<std::size_t>(bits) / 8;
    for (std::size_t i = 0; i < count; ++i)
      std::memcpy(dst + (first + i * step) * bytes, src + i * bytes, bytes);
    return;
  }
  const auto width = static_cast<std::size_t>(bits);
  const unsigned mask = (1U << width) - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t from = i * width, to = (first + i * step) * width;
    const unsigned value = static_cast<unsigned>(src[from / 8]) >> (8 - width - from % 8) & mask;
    const std::size_t shift = 8 - width - to % 8;
    dst[to / 8] = static_cast<std::uint8_t>((dst[to / 8] & ~(mask << shift)) | value << shift);
  }
}

std::uint8_t paeth(int left, int above, int corner) {
  const int guess = left + above - corner;
  const int to_left = std::abs(guess - left), to_above = std::abs(guess - above),
            to_corner = std::abs(guess - corner);
  if (to_left <= to_above && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_above <= to_corner ? above : corner);
}

// Undoes the filter of a row. `step`: bytes of a pixel, at least 1.
void unfilter(int filter, std::uint8_t* row, const std::uint8_t* above, std::size_t bytes, std::size_t step) {
  const auto add = [](std::uint8_t& to, int value) { to = static_cast<std::uint8_t>(to + value); };
  const std::size_t start = std::min(step, bytes);
  switch (filter) {
    case 0:
      return;
    case 1:
      for (std::size_t i = start; i < bytes; ++i) add(row[i], row[i - step]);
      return;
    case 2:
      for (std::size_t i = 0; i < bytes; ++i) add(row[i], above[i]);
      return;
    case 3:
      for (std::size_t i = 0; i < start; ++i) add(row[i], above[i] / 2);
      for (std::size_t i = start; i < bytes; ++i) add(row[i], (row[i - step] + above[i]) / 2);
      return;
    case 4:
      for (std::size_t i = 0; i < start; ++i) add(row[i], above[i]);
      for (std::size_t i = start; i < bytes; ++i)
        add(row[i], paeth(row[i - step], above[i], above[i - step]));
      return;
    default:
      throw Error(fmt::format("cannot decode the PNG: a row has the filter {}, expected 0 to 4", filter));
  }
}

std::uint16_t wide_sample(const std::uint8_t* bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

constexpr std::array<std::string_view, 1> kExtensions = {".png"};
std::unique_ptr<Rows> open(std::span<const std::byte> file, const DecodeLimits& limits) {
  return std::make_unique<PngRows>(file, limits);
}

}  // namespace

// Rows out of the compressed stream. It is fed block by block as Pillow feeds it, as whether a stream that
// ends early is let pass depends on that.
class PngRows::Inflater {
 public:
  Inflater(PngChunks& chunks, std::size_t longest_row, std::size_t step)
      : chunks_(chunks), step_(step), row_(longest_row + 1), above_(longest_row + 1) {
    if (inflateInit(&stream_) != Z_OK)
      throw Error("out of memory: cannot start to decompress a PNG", ErrorKind::failed);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // The next row, unfiltered; it stays until the one after the next.
  const std::uint8_t* next(std::size_t bytes) {
    std::swap(row_, above_);
    for (std::size_t filled = 0; filled < bytes + 1;) {
      if (stream_.avail_in == 0) feed();
      stream_.next_out = row_.data() + filled;
      stream_.avail_out = static_cast<uInt>(bytes + 1 - filled);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status < 0) throw Error("cannot decode the PNG: its pixels are damaged");
      has_ended_ = status == Z_STREAM_END;
      filled = bytes + 1 - stream_.avail_out;
      if (filled < bytes + 1 && stream_.avail_in > 0)
        throw Error("cannot decode the PNG: its pixels end within a row");
    }
    unfilter(row_[0], row_.data() + 1, above_.data() + 1, bytes, step_);
    return row_.data() + 1;
  }
  // True where the stream is over with the row read last.
  bool has_ended() const { return has_ended_; }
  // The row above the next one is 0.
  void begin_pass() { std::ranges::fill(row_, std::uint8_t{0}); }

 private:
  void feed() {
    const std::span<const std::byte> block = chunks_.next_block();
    if (block.empty()) throw Error("cannot decode the PNG: the file ends before its last pixels");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(block.data()));
    stream_.avail_in = static_cast<uInt>(block.size());
  }

  PngChunks& chunks_;
  std::size_t step_;
  std::vector<std::uint8_t> row_, above_;  // a filter's number and a row
  z_stream stream_{};
  bool has_ended_ = false;
};

bool looks_like_png(std::span<const std::byte> bytes) {
  constexpr std::array<unsigned char, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return bytes.size() >= kSignature.size() && std::ranges::equal(bytes.first(kSignature.size()), kSignature,
                                                                 [](std::byte byte, unsigned char expected) {
                                                                   return byte == std::byte{expected};
                                                                 });
}

PngRows::PngRows(std::span<const std::byte> bytes, const DecodeLimits& limits) : chunks_(bytes) {
  const PngHead& head = chunks_.head();
  if (static_cast<std::int64_t>(head.width) > limits.max_pixels / head.height) {
    throw Error(fmt::format("the PNG has {}x{} pixels, more than the limit of {}", head.width, head.height,
                            limits.max_pixels));
  }
  width_ = static_cast<int>(head.width);
  height_ = static_cast<int>(head.height);
}

PngRows::~PngRows() = default;

SampleFormat PngRows::stored() const {
  return {chunks_.head().is_gray() ? 1 : 3, chunks_.head().bits == 16 ? 16 : 8};
}

Region PngRows::select(const Region& wanted) {
  decode();
  chunks_.finish();
  if (chunks_.head().bits == 16 && depth_ != Depth::pillow)
    bits_ = bits_of(depth_, depth_ == Depth::scale ? largest_sample() : std::uint16_t{0});
  region_ = wanted;
  next_ = wanted.top;
  return wanted;
}

void PngRows::decode() {
  const PngHead& head = chunks_.head();
  const PngHead::Frame& frame = head.frame;
  const int bits = head.bits * head.samples();
  const std::size_t step = std::max(bits / 8, 1);
  row_bytes_ = packed_bytes(head.width, bits);
  empty_row_.assign(row_bytes_, 0);
  Inflater inflater(chunks_, packed_bytes(frame.width, bits), step);
  if (head.interlaced) return decode_interlaced(inflater);
  const std::size_t bytes = packed_bytes(frame.width, bits);
  rows_.assign(frame.top * row_bytes_, 0);
  for (std::uint32_t y = 0; y < frame.height; ++y) {
    const std::uint8_t* row = inflater.next(bytes);
    if (frame.width == head.width) {
      rows_.insert(rows_.end(), row, row + bytes);
    } else {
      rows_.resize(rows_.size() + row_bytes_);
      spread(row, frame.width, bits, rows_.data() + rows_.size() - row_bytes_, frame.left, 1);
    }
    if (!inflater.has_ended() || y + 1 == frame.height) continue;
    missing_rows_ = static_cast<int>(frame.height - y - 1);
    return;
  }
}

// The passes begin at the image's corner whatever the frame's place, as in Pillow.
void PngRows::decode_interlaced(Inflater& inflater) {
  const PngHead& head = chunks_.head();
  const int bits = head.bits * head.samples();
  const auto width = static_cast<int>(head.frame.width), height = static_cast<int>(head.frame.height);
  rows_.assign(row_bytes_ * static_cast<std::size_t>(height), 0);
  for (std::size_t number = 0; number < kPasses.size(); ++number) {
    const Pass& pass = kPasses[number];
    if (pass.left >= width || pass.top >= height) continue;
    const auto columns = static_cast<std::size_t>(pass.columns(width));
    inflater.begin_pass();
    for (int y = pass.top; y < height; y += pass.down) {
      if (inflater.has_ended()) {
        is_cut_short_ = true;
        return;
      }
      spread(inflater.next(packed_bytes(columns, bits)), columns, bits,
             rows_.data() + static_cast<std::size_t>(y) * row_bytes_, static_cast<std::size_t>(pass.left),
             static_cast<std::size_t>(pass.across));
    }
  }
}

const std::uint8_t* PngRows::next_row() {
  const std::size_t at = static_cast<std::size_t>(next_++) * row_bytes_;
  return at < rows_.size() ? rows_.data() + at : empty_row_.data();
}

std::uint16_t PngRows::largest_sample() const {
  const auto samples = static_cast<std::size_t>(chunks_.head().samples());
  const std::size_t colors = chunks_.head().is_gray() ? 1 : 3;
  std::uint16_t largest = 0;
  for (std::size_t pixel = 0; pixel < rows_.size(); pixel += 2 * samples) {
    for (std::size_t c = 0; c < colors; ++c)
      largest = std::max(largest, wide_sample(rows_.data() + pixel + 2 * c));
  }
  return largest;
}

void PngRows::read(std::uint8_t* dst) {
  const PngHead& head = chunks_.head();
  const std::uint8_t* row = next_row();
  const auto left = static_cast<std::size_t>(region_.left),
             columns = static_cast<std::size_t>(region_.width());
  const auto put = [&](std::size_t x, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    dst[4 * x] = red;
    dst[4 * x + 1] = green;
    dst[4 * x + 2] = blue;
    dst[4 * x + 3] = 0;
  };
  if (head.bits == 16) return read_wide(row, dst);
  if (!head.is_gray() && !head.has_palette()) {
    const auto samples = static_cast<std::size_t>(head.samples());
    const std::uint8_t* src = row + left * samples;
    for (std::size_t x = 0; x < columns; ++x, src += samples) put(x, src[0], src[1], src[2]);
    return;
  }
  if (head.color_type == 4) {
    const std::uint8_t* src = row + 2 * left;
    for (std::size_t x = 0; x < columns; ++x, src += 2) put(x, src[0], src[0], src[0]);
    return;
  }
  const auto bits = static_cast<std::size_t>(head.bits);
  const unsigned top = (1U << bits) - 1;
  for (std::size_t x = 0; x < columns; ++x) {
    const std::size_t at = (left + x) * bits;
    const unsigned value = static_cast<unsigned>(row[at / 8]) >> (8 - bits - at % 8) & top;
    if (head.has_palette()) {
      const auto& color = head.palette[value];
      has_strange_index_ = has_strange_index_ || value >= head.colors;
      put(x, color[0], color[1], color[2]);
    } else {
      const auto gray = static_cast<std::uint8_t>(value * (255 / top));
      put(x, gray, gray, gray);
    }
  }
}

void PngRows::read_wide(const std::uint8_t* row, std::uint8_t* dst) {
  const PngHead& head = chunks_.head();
  const auto samples = static_cast<std::size_t>(head.samples());
  const std::size_t channels = head.is_gray() ? 1 : 3;
  const bool clips = head.color_type == 0 && bits_ == 0;
  const std::uint32_t top = bits_ > 0 ? (1U << bits_) - 1 : clips ? 255 : 65535;
  const std::uint8_t* src = row + 2 * samples * static_cast<std::size_t>(region_.left);
  for (int x = 0; x < region_.width(); ++x, src += 2 * samples, dst += 4) {
    for (std::size_t c = 0; c < channels; ++c) {
      const std::uint16_t sample = wide_sample(src + 2 * c);
      largest_read_ = std::max(largest_read_, sample);
      samples_above_ += sample > top ? 1 : 0;
      dst[c] = bits_ > 0 ? scaled(sample, bits_)
               : clips   ? static_cast<std::uint8_t>(std::min<int>(sample, 255))
                         : src[2 * c];
    }
    if (channels == 1) dst[1] = dst[2] = dst[0];
    dst[3] = 0;
    samples_read_ += channels;
  }
}

void PngRows::read_stored(std::uint16_t* dst) {
  const PngHead& head = chunks_.head();
  const auto channels = static_cast<std::size_t>(stored().channels),
             columns = static_cast<std::size_t>(region_.width());
  if (head.bits == 16) {
    const auto samples = static_cast<std::size_t>(head.samples());
    const std::uint8_t* src = next_row() + 2 * samples * static_cast<std::size_t>(region_.left);
    for (std::size_t x = 0; x < columns; ++x, src += 2 * samples) {
      for (std::size_t c = 0; c < channels; ++c) dst[channels * x + c] = wide_sample(src + 2 * c);
    }
    return;
  }
  std::vector<std::uint8_t> pixels(4 * columns);
  read(pixels.data());
  for (std::size_t x = 0; x < columns; ++x) {
    for (std::size_t c = 0; c < channels; ++c) dst[channels * x + c] = pixels[4 * x + c];
  }
}

std::vector<std::string> PngRows::warnings() const {
  const PngHead& head = chunks_.head();
  std::vector<std::string> texts;
  if (chunks_.has_wrong_checksum()) texts.emplace_back("a checksum of its pixels is wrong");
  const std::string_view black = head.has_palette() ? "have its palette's first colour" : "are black";
  if (missing_rows_ > 0)
    texts.push_back(fmt::format("its pixels end {} early, which {}", counted(missing_rows_, "row"), black));
  if (is_cut_short_) texts.push_back(fmt::format("its pixels end early, and those missing {}", black));
  if (head.frame.width < head.width || head.frame.height < head.height)
    texts.push_back(fmt::format("its first frame is {}x{}, and the pixels around it {}", head.frame.width,
                                head.frame.height, black));
  if (has_strange_index_)
    texts.push_back(
        fmt::format("pixels beyond the {} colours of its palette are gray, as in Pillow", head.colors));
  const double share =
      samples_read_ > 0 ? 100 * static_cast<double>(samples_above_) / static_cast<double>(samples_read_) : 0;
  if (samples_above_ > 0 && bits_ == 0)
    texts.push_back(
        fmt::format("gray of 16 bits is cut off at 255, as in Pillow, which makes {:.1f} % of it "
                    "white; --depth scale keeps its shades",
                    share));
  if (samples_above_ > 0 && bits_ > 0)
    texts.push_back(
        fmt::format("{:.1f} % of its samples are above the {} bits of --depth and become 255", share, bits_));
  constexpr std::uint16_t kNearlyBlack = 1U << 12;
  if (head.bits == 16 && head.color_type != 0 && bits_ == 0 && largest_read_ > 0 &&
      largest_read_ < kNearlyBlack)
    texts.push_back(
        fmt::format("its samples of 16 bits are all below {} and nearly black, as in Pillow; "
                    "--depth scale shows them",
                    kNearlyBlack));
  return texts;
}

Image decode_png(std::span<const std::byte> bytes, const DecodeLimits& limits) {
  PngRows rows(bytes, limits);
  return read_all(rows);
}

extern const Decoder png_decoder;
const Decoder png_decoder = {"PNG", kExtensions, looks_like_png, open};

}  // namespace godwit::image
