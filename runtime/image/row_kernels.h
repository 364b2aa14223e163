// The inner loops of resizing, one table of functions for each instruction set: raw pointers in, nothing
// allocated. Pixels are four bytes (R, G, B and one that may hold anything).
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/cpu.h"

namespace godwit::image {

// Bits behind the point: 32 hold 8 of the pixel, 22 of the weight and 2 to spare for sums that overshoot.
inline constexpr int kFractionBits = 32 - 8 - 2;
inline constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

// Taps are taken four at a time across a row, so that weights come in groups of four, 0 where there is no
// tap.
inline constexpr int kTapGroup = 4;
// Pixels made at a time across a row, and bytes made at a time down the rows; buffers are padded to them.
inline constexpr int kAcrossUnit = 4;
inline constexpr int kDownUnit = 32;

// A weight w is cut into two that fit 16 bits, w = high * 2^15 + low with 0 <= low < 2^15: two products of 16
// bits, each a sum over two taps, are faster than one of 32 bits, and sums modulo 2^32 keep the result exact.
inline constexpr int kLowBits = 15;

struct AcrossArguments {
  const std::uint8_t* src = nullptr;     // (columns + groups * kTapGroup, 4)
  const std::int32_t* first = nullptr;   // (count): in src, of each pixel made
  const std::int32_t* values = nullptr;  // (count, groups, 4): weights
  const std::int16_t* parts = nullptr;   // (count, groups, 2, 2, 4, 2): low and high part; taps 0 1 and 2 3;
                                         // four times; two taps
  int groups = 0;
  int count = 0;                // of pixels to make; a multiple of kAcrossUnit
  std::uint8_t* dst = nullptr;  // (count, 4)
};

struct DownArguments {
  const std::uint8_t* const* rows = nullptr;  // (taps), of `bytes` bytes each
  const std::int32_t* weights = nullptr;      // (taps)
  int taps = 0;                               // at least 1
  std::size_t bytes = 0;                      // a multiple of kDownUnit
  std::uint8_t* dst = nullptr;                // (bytes)
};

struct RowKernels {
  Isa isa = Isa::generic;
  // dst = clamp(sum of weights * pixels, rounded), for each colour of a pixel; its fourth byte is any.
  void (*across)(const AcrossArguments& arguments) = nullptr;
  void (*down)(const DownArguments& arguments) = nullptr;
};

// The best of this build that is not above `cap`.
const RowKernels& row_kernels(Isa cap);

// One for each file in isa/.
RowKernels row_kernels_generic();
#if defined(__x86_64__)
RowKernels row_kernels_avx2();
#endif

}  // namespace godwit::image
