// libspng with limits on what a header may make it allocate.
#include "runtime/image/png.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <spng.h>

#include "runtime/error.h"
#include "runtime/image/decoder.h"

namespace godwit::image {
namespace {

constexpr std::size_t kMaxChunkBytes = 16U
                                       << 20;  // of one ancillary chunk (colour profile, text), decompressed
constexpr std::size_t kMaxCacheBytes = 64U << 20;  // of all those together

void check(int status, const char* what) {
  if (status != 0) throw Error(fmt::format("cannot decode the PNG: {}: {}", what, spng_strerror(status)));
}

// Gray and alpha are two samples, of which one counts.
bool is_gray(const spng_ihdr& header) {
  return header.color_type == SPNG_COLOR_TYPE_GRAYSCALE ||
         header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
}

int samples_of(const spng_ihdr& header) {
  const bool alpha = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
                     header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
  return (is_gray(header) ? 1 : 3) + (alpha ? 1 : 0);
}

constexpr std::array<std::string_view, 1> kExtensions = {".png"};
std::unique_ptr<Rows> open(std::span<const std::byte> file, const DecodeLimits& limits) {
  return std::make_unique<PngRows>(file, limits);
}

}  // namespace

bool looks_like_png(std::span<const std::byte> bytes) {
  constexpr std::array<unsigned char, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return bytes.size() >= kSignature.size() && std::ranges::equal(bytes.first(kSignature.size()), kSignature,
                                                                 [](std::byte byte, unsigned char expected) {
                                                                   return byte == std::byte{expected};
                                                                 });
}

PngRows::PngRows(std::span<const std::byte> bytes, const DecodeLimits& limits)
    : context_(spng_ctx_new(0), spng_ctx_free) {
  if (context_ == nullptr) throw Error("out of memory: cannot start a PNG decoder", ErrorKind::failed);
  check(spng_set_chunk_limits(context_.get(), kMaxChunkBytes, kMaxCacheBytes), "limits");
  check(spng_set_png_buffer(context_.get(), bytes.data(), bytes.size()), "input");
  spng_ihdr header{};
  check(spng_get_ihdr(context_.get(), &header), "header");
  if (static_cast<std::int64_t>(header.width) * header.height > limits.max_pixels) {
    throw Error(fmt::format("the PNG has {}x{} pixels, more than the limit of {}", header.width,
                            header.height, limits.max_pixels));
  }
  width_ = static_cast<int>(header.width);
  height_ = static_cast<int>(header.height);
  stored_ = {is_gray(header) ? 1 : 3, header.bit_depth == 16 ? 16 : 8};
  samples_ = samples_of(header);
}

PngRows::~PngRows() = default;

Region PngRows::select(const Region& wanted) {
  const bool is_wide = stored_.bits == 16;
  const int format = is_wide ? SPNG_FMT_PNG : SPNG_FMT_RGB8;
  const std::size_t pixels = static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  std::size_t size = 0;
  check(spng_decoded_image_size(context_.get(), format, &size), "size");
  if (size != pixels * (is_wide ? 2 * static_cast<std::size_t>(samples_) : 3)) {
    throw Error(
        fmt::format("cannot decode the PNG: {} bytes of pixels do not fill {}x{}", size, width_, height_));
  }
  void* dst = nullptr;
  if (is_wide) {
    wide_.resize(size / 2);
    dst = wide_.data();
  } else {
    bytes_.resize(size);
    dst = bytes_.data();
  }
  check(spng_decode_image(context_.get(), dst, size, format, 0), "pixels");
  region_ = wanted;
  next_ = wanted.top;
  return wanted;
}

template <class T>
const T* PngRows::row(const std::vector<T>& pixels, int samples) {
  const auto width = static_cast<std::size_t>(width_), left = static_cast<std::size_t>(region_.left);
  return pixels.data() +
         (static_cast<std::size_t>(next_++) * width + left) * static_cast<std::size_t>(samples);
}

void PngRows::read(std::uint8_t* dst) {
  const int columns = region_.width();
  if (stored_.bits == 8) {
    const std::uint8_t* src = row(bytes_, 3);
    for (int x = 0; x < columns; ++x) {
      for (int c = 0; c < 3; ++c) dst[4 * x + c] = src[3 * x + c];
      dst[4 * x + 3] = 0;
    }
    return;
  }
  const std::uint16_t* src = row(wide_, samples_);
  const bool clips = samples_ == 1;
  for (int x = 0; x < columns; ++x, src += samples_) {
    for (int c = 0; c < 3; ++c) {
      const int value = src[stored_.channels == 1 ? 0 : c];
      dst[4 * x + c] = static_cast<std::uint8_t>(clips ? std::min(value, 255) : value >> 8);
    }
    dst[4 * x + 3] = 0;
  }
}

void PngRows::read_stored(std::uint16_t* dst) {
  const int channels = stored_.channels;
  const auto copy = [&](const auto* src, int samples) {
    for (int x = 0; x < region_.width(); ++x) {
      for (int c = 0; c < channels; ++c) dst[channels * x + c] = src[samples * x + c];
    }
  };
  if (stored_.bits == 8) {
    copy(row(bytes_, 3), 3);
  } else {
    copy(row(wide_, samples_), samples_);
  }
}

Image decode_png(std::span<const std::byte> bytes, const DecodeLimits& limits) {
  PngRows rows(bytes, limits);
  return read_all(rows);
}

extern const Decoder png_decoder;
const Decoder png_decoder = {"PNG", kExtensions, looks_like_png, open};

}  // namespace godwit::image
