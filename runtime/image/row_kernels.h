// The inner loops of resizing, one table of functions for each instruction set: raw pointers in, nothing
// allocated. Pixels that come in are four bytes (R, G, B and one that may hold anything), those that go out
// are three.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/isa.h"

namespace godwit::image {

// Bits behind the point: 32 hold 8 of the pixel, 22 of the weight and 2 to spare for sums that overshoot.
inline constexpr int kFractionBits = 32 - 8 - 2;
inline constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

// Taps are taken in pairs across a row, so that weights come in pairs, 0 where there is no tap; pixels are
// read four at a time.
inline constexpr int kTapPair = 2;
inline constexpr int kTapsRead = 4;
// Pixels made at a time across a row, and bytes made at a time down the rows; buffers are padded to them.
inline constexpr int kAcrossUnit = 8;
inline constexpr int kDownUnit = 32;
// Bytes behind the last pixel made across a row that are overwritten too.
inline constexpr int kAcrossSlack = 4;

// A weight w is cut into two that fit 16 bits: w = high * 2^15 + low with 0 <= low < 2^15. Two products of 16
// bits, each a sum over two taps, are faster than one of 32 bits. Sums modulo 2^32 keep the result exact.
inline constexpr int kLowBits = 15;

struct AcrossArguments {
  const std::uint8_t* src = nullptr;     // (columns, 4), and for any tap kTapsRead pixels from an even one on
  const std::int32_t* first = nullptr;   // (count): in src, of each pixel made
  const std::int32_t* values = nullptr;  // (count, pairs, 2): weights
  const std::int16_t* parts = nullptr;   // (count / 8, 4, pairs, 2, 2, 4, 2): pixels j and j + 4 of eight;
                                         // low and high part; the two pixels; four times; two taps
  int pairs = 0;                         // of taps
  int count = 0;                         // of pixels to make; a multiple of kAcrossUnit
  std::uint8_t* dst = nullptr;           // (3 * count + kAcrossSlack): (count, 3), then anything
};

struct DownArguments {
  const std::uint8_t* const* rows = nullptr;  // (taps), of `bytes` bytes each
  const std::int32_t* weights = nullptr;      // (taps)
  int taps = 0;                               // at least 1
  std::size_t bytes = 0;                      // a multiple of kDownUnit
  std::uint8_t* dst = nullptr;                // (bytes)
};

// Pixels whose values are made at a time.
inline constexpr int kNormalizeUnit = 8;

// Factors for 24 values, three colours of eight pixels: what Pipeline calls scale, mean and stddev.
struct NormalizeFactors {
  float scale = 0, scale_rest = 0;  // their sum is nearer to the scale than one float
  float mean[3 * kNormalizeUnit] = {};
  float deviation[3 * kNormalizeUnit] = {};
  float reciprocal[3 * kNormalizeUnit] = {};  // of the deviation
};

struct RowKernels {
  // dst = clamp(sum of weights * pixels, rounded), for each colour of a pixel.
  void (*across)(const AcrossArguments& arguments) = nullptr;
  void (*down)(const DownArguments& arguments) = nullptr;
  // dst = (src * scale - mean) / deviation for units * 24 values, nearly always rounded as three operations
  // are: to be tried on every value there is before it is used. Null where looking up is as fast.
  void (*normalize)(const NormalizeFactors& factors, const std::uint8_t* src, std::size_t units,
                    float* dst) = nullptr;
};

// The best of this build that `cap` includes.
const RowKernels& row_kernels(Isa cap);

}  // namespace godwit::image
