// Rules by which samples of more than 8 bits become the bytes that networks are fed.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace godwit::image {

// pillow: gray is cut off at 255, colours and gray with alpha keep their high byte. scale: the smallest
// number of bits that holds the image's largest sample becomes 0 to 255. 8 to 16: so many bits become 0 to
// 255, and what is above them 255.
enum class Depth : std::uint8_t { pillow = 0, scale = 1 };

constexpr int kLeastDepth = 8, kLargestDepth = 16;
constexpr Depth depth_of_bits(int bits) { return static_cast<Depth>(bits); }

// Bits of samples that become 0 to 255 by a rule other than pillow's.
constexpr int bits_of(Depth depth, std::uint16_t largest) {
  return depth == Depth::scale ? std::max(static_cast<int>(std::bit_width(largest)), kLeastDepth)
                               : static_cast<int>(depth);
}

// A sample of `bits` bits as a byte, rounded.
constexpr std::uint8_t scaled(std::uint16_t sample, int bits) {
  const std::uint32_t top = (1U << bits) - 1, value = std::min<std::uint32_t>(sample, top);
  return static_cast<std::uint8_t>((2 * 255 * value + top) / (2 * top));
}

}  // namespace godwit::image
