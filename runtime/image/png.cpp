// libspng with limits on what a header may make it allocate.
#include "runtime/image/png.h"

#include <algorithm>
#include <array>
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
  if (context == nullptr) throw Error("out of memory: cannot start a PNG decoder", Fault::failed);
  check(spng_set_chunk_limits(context.get(), kMaxChunkBytes, kMaxCacheBytes), "limits");
  check(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()), "input");

  spng_ihdr header{};
  check(spng_get_ihdr(context.get(), &header), "header");
  if (static_cast<std::int64_t>(header.width) * header.height > limits.max_pixels) {
    throw Error(fmt::format("the PNG has {}x{} pixels, more than the limit of {}", header.width,
                            header.height, limits.max_pixels));
  }
  std::size_t size = 0;
  check(spng_decoded_image_size(context.get(), SPNG_FMT_RGB8, &size), "size");
  Image image{static_cast<int>(header.width), static_cast<int>(header.height), {}};
  if (size != static_cast<std::size_t>(header.width) * header.height * 3) {
    throw Error(fmt::format("cannot decode the PNG: {} bytes of pixels do not fit {}x{}", size, image.width,
                            image.height));
  }
  image.pixels.resize(size);
  check(spng_decode_image(context.get(), image.pixels.data(), size, SPNG_FMT_RGB8, 0), "pixels");
  return image;
}

}  // namespace godwit::image
