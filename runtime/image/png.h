// PNG decoding by libspng, to the 8-bit RGB pixels that Pillow's convert("RGB") gives.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/image/image.h"

namespace godwit::image {

// True when the bytes begin with PNG's signature.
bool looks_like_png(std::span<const std::byte> bytes);

// Decodes a whole PNG file. Samples of 16 bits keep their high byte in RGB, RGBA and gray-alpha, and are cut
// off at 255 in gray: Pillow takes such an image for integers and clips them, which leaves most of them
// white. Throws Error: damaged or truncated, past a limit.
Image decode_png(std::span<const std::byte> bytes, const DecodeLimits& limits);

}  // namespace godwit::image
