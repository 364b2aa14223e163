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

namespace godwit::image {
namespace {

constexpr std::size_t kMaxChunkBytes = 16U
                                       << 20;  // of one ancillary chunk (colour profile, text), decompressed
constexpr std::size_t kMaxCacheBytes = 64U << 20;  // of all those together

void check(int status, const char* what) {
  if (status != 0) throw Error(fmt::format("cannot decode the PNG: {}: {}", what, spng_strerror(status)));
}

bool is_wide_gray(const spng_ihdr& header) {
  return header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth == 16;
}

// Big-endian samples of 16 bits, in the last two thirds of `pixels`, become three bytes each, cut off at 255:
// written from the front, they never overtake what is still to be read.
void clip_gray(std::span<std::uint8_t> pixels) {
  const std::size_t samples = pixels.size() / 3;
  for (std::size_t i = 0; i < samples; ++i) {
    const std::uint8_t high = pixels[samples + 2 * i], low = pixels[samples + 2 * i + 1];
    std::fill_n(pixels.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, high != 0 ? std::uint8_t{255} : low);
  }
}

}  // namespace

bool looks_like_png(std::span<const std::byte> bytes) {
  constexpr std::array<unsigned char, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return bytes.size() >= kSignature.size() && std::ranges::equal(bytes.first(kSignature.size()), kSignature,
                                                                 [](std::byte byte, unsigned char expected) {
                                                                   return byte == std::byte{expected};
                                                                 });
}

Image decode_png(std::span<const std::byte> bytes, const DecodeLimits& limits) {
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(0), spng_ctx_free);
  if (context == nullptr) throw Error("out of memory: cannot start a PNG decoder", ErrorKind::failed);
  check(spng_set_chunk_limits(context.get(), kMaxChunkBytes, kMaxCacheBytes), "limits");
  check(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()), "input");

  spng_ihdr header{};
  check(spng_get_ihdr(context.get(), &header), "header");
  if (static_cast<std::int64_t>(header.width) * header.height > limits.max_pixels) {
    throw Error(fmt::format("the PNG has {}x{} pixels, more than the limit of {}", header.width,
                            header.height, limits.max_pixels));
  }
  // spng's own way to RGB8 keeps the high byte, which is wrong for gray alone.
  const bool wide_gray = is_wide_gray(header);
  const int format = wide_gray ? SPNG_FMT_RAW : SPNG_FMT_RGB8;
  const std::size_t pixels = static_cast<std::size_t>(header.width) * header.height;
  std::size_t size = 0;
  check(spng_decoded_image_size(context.get(), format, &size), "size");
  Image image{static_cast<int>(header.width), static_cast<int>(header.height), {}};
  if (size != pixels * (wide_gray ? 2 : 3)) {
    throw Error(fmt::format("cannot decode the PNG: {} bytes of pixels do not fit {}x{}", size, image.width,
                            image.height));
  }
  image.pixels.resize(pixels * 3);
  std::uint8_t* const dst = image.pixels.data() + (image.pixels.size() - size);
  check(spng_decode_image(context.get(), dst, size, format, 0), "pixels");
  if (wide_gray) clip_gray(image.pixels);
  return image;
}

}  // namespace godwit::image
