// JPEG decoding by libjpeg-turbo, to the pixels that Pillow gives.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/image/image.h"

namespace godwit::image {

// True when the bytes begin as every JPEG does.
bool looks_like_jpeg(std::span<const std::byte> bytes);

// Decodes a whole JPEG file. Throws Error: damaged or truncated (every warning of the decoder counts),
// unsupported, past a limit.
Image decode_jpeg(std::span<const std::byte> bytes, const DecodeLimits& limits);

}  // namespace godwit::image
