// Storage types for ONNX's floats of 8 and 4 bits and integers of 4 and 2 bits, one byte an element in
// memory.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "runtime/float16.h"

namespace godwit {

// Values that a small float has beside finite numbers.
enum class Specials : std::uint8_t {
  none,           // no NaN, which becomes -0 (E2M1)
  nan,            // NaN where all bits below the sign are set, no infinity (E4M3FN)
  ieee,           // infinities and NaN in the largest exponent (E5M2)
  unsigned_zero,  // NaN where -0 would be, no infinity (E4M3FNUZ)
};

// A sign, kExponent bits of exponent and kMantissa bits of mantissa, subnormals included.
template <int kExponent, int kMantissa, int kBias, Specials kSpecials>
struct SmallFloat {
  static constexpr int kBits = 1 + kExponent + kMantissa;

  std::uint8_t bits = 0;

  SmallFloat() = default;
  explicit SmallFloat(float value) : SmallFloat(rounded(value, true)) {}
  explicit SmallFloat(double value) : SmallFloat(round_to_odd(value)) {}
  explicit operator float() const {
    const int code = bits & (kSign - 1);
    const bool negative = (bits & kSign) != 0;
    if (kSpecials == Specials::unsigned_zero && bits == kSign) return std::nanf("");
    if (kSpecials == Specials::nan && code == kSign - 1) return std::nanf("");
    if (kSpecials == Specials::ieee && code > kLargest)
      return code > kLargest + 1 ? std::nanf("") : negative ? -HUGE_VALF : HUGE_VALF;
    const int exponent = code >> kMantissa, mantissa = code & (kOne - 1);
    const float magnitude =
        exponent == 0 ? std::ldexp(static_cast<float>(mantissa), 1 - kBias - kMantissa)
                      : std::ldexp(static_cast<float>(mantissa + kOne), exponent - kBias - kMantissa);
    return negative ? -magnitude : magnitude;
  }
  explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }

  // To the nearest, ties to even. What is too large becomes the largest number, or else, without `saturate`,
  // infinity or NaN where there is one.
  static SmallFloat rounded(float value, bool saturate) {
    SmallFloat result;
    const int sign = std::signbit(value) ? kSign : 0;
    if (std::isnan(value)) {
      result.bits = static_cast<std::uint8_t>(not_a_number(sign));
      return result;
    }
    const int code = round_magnitude(std::abs(value));
    if (code > kLargest) {
      result.bits = static_cast<std::uint8_t>(saturate ? sign | kLargest : overflow(sign));
    } else {
      result.bits =
          static_cast<std::uint8_t>(kSpecials == Specials::unsigned_zero && code == 0 ? 0 : sign | code);
    }
    return result;
  }

 private:
  static constexpr int kSign = 1 << (kExponent + kMantissa);
  static constexpr int kOne = 1 << kMantissa;
  // The code of the largest number.
  static constexpr int kLargest = kSpecials == Specials::nan    ? kSign - 2
                                  : kSpecials == Specials::ieee ? kSign - 1 - kOne
                                                                : kSign - 1;

  // Codes of neighbouring numbers are neighbours, also from one exponent to the next.
  static int round_magnitude(float value) {
    constexpr int kLowest = 1 - kBias;
    if (value >= std::ldexp(1.0F, (1 << kExponent) - kBias + 1)) return kSign;
    const int exponent = value == 0 ? kLowest : std::max(std::ilogb(value), kLowest);
    const float scaled = std::ldexp(value, kMantissa - exponent);  // below 2^(kMantissa + 1)
    int code = static_cast<int>(scaled);
    const float rest = scaled - static_cast<float>(code);
    if (rest > 0.5F || (rest == 0.5F && code % 2 != 0)) ++code;
    return code + ((exponent - kLowest) << kMantissa);
  }
  static int not_a_number(int sign) {
    if (kSpecials == Specials::none || kSpecials == Specials::unsigned_zero) return kSign;
    if (kSpecials == Specials::nan) return sign | (kSign - 1);
    return sign | (kLargest + 1 + kOne / 2);  // quiet
  }
  static int overflow(int sign) {
    if (kSpecials == Specials::none) return sign | kLargest;
    if (kSpecials == Specials::ieee) return sign | (kLargest + 1);
    return not_a_number(sign);
  }
};

using Float8E4M3FN = SmallFloat<4, 3, 7, Specials::nan>;
using Float8E4M3FNUZ = SmallFloat<4, 3, 8, Specials::unsigned_zero>;
using Float8E5M2 = SmallFloat<5, 2, 15, Specials::ieee>;
using Float8E5M2FNUZ = SmallFloat<5, 2, 16, Specials::unsigned_zero>;
using Float4E2M1 = SmallFloat<2, 1, 1, Specials::none>;

// A power of two from 2^-127 to 2^127, or NaN: a scale.
struct Float8E8M0 {
  enum class Rounding : std::uint8_t { up, down, nearest };

  static constexpr int kBits = 8;
  std::uint8_t bits = 0;

  Float8E8M0() = default;
  explicit Float8E8M0(float value) : Float8E8M0(rounded(value, true, Rounding::up)) {}
  explicit Float8E8M0(double value) : Float8E8M0(round_to_odd(value)) {}
  explicit operator float() const {
    return bits == kNan ? std::nanf("") : std::ldexp(1.0F, static_cast<int>(bits) - 127);
  }
  explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }

  // The sign is dropped; infinity becomes NaN, and so, without `saturate`, does what rounds past 2^127.
  static Float8E8M0 rounded(float value, bool saturate, Rounding rounding) {
    const auto word = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t exponent = word >> 23 & 0xffU, fraction = word & 0x7fffffU;
    Float8E8M0 result;
    result.bits = static_cast<std::uint8_t>(exponent);
    constexpr std::uint32_t kHalf = 0x400000U;
    const bool up = rounding == Rounding::up ? fraction > 0
                                             : rounding == Rounding::nearest &&
                                                   (fraction > kHalf || (fraction == kHalf && exponent > 0));
    if (up && exponent < kNan - (saturate ? 1U : 0U)) ++result.bits;
    return result;
  }

 private:
  static constexpr std::uint32_t kNan = 0xff;
};

// An integer below 8 bits; of one that is too large the lowest bits are kept, as everywhere.
template <int kWidth, bool kSigned>
struct NarrowInteger {
  static constexpr int kBits = kWidth;
  using Byte = std::conditional_t<kSigned, std::int8_t, std::uint8_t>;
  static constexpr int kMin = kSigned ? -(1 << (kWidth - 1)) : 0;
  static constexpr int kMax = kSigned ? (1 << (kWidth - 1)) - 1 : (1 << kWidth) - 1;

  Byte value = 0;

  NarrowInteger() = default;
  template <class T>
  requires std::is_arithmetic_v<T>
  explicit NarrowInteger(T number) : value(wrapped(whole(number))) {}
  template <class T>
  requires std::is_arithmetic_v<T>
  explicit operator T() const { return static_cast<T>(value); }

 private:
  template <class T>
  static std::int64_t whole(T number) {
    if constexpr (std::is_floating_point_v<T>) {
      // Beyond 2^62 a real number has no bits below 2^8.
      return std::abs(number) < static_cast<T>(0x1p62F) ? static_cast<std::int64_t>(number) : 0;
    } else {
      return static_cast<std::int64_t>(number);
    }
  }
  static Byte wrapped(std::int64_t number) {
    const auto low = static_cast<int>(number & ((1 << kWidth) - 1));
    return static_cast<Byte>(low > kMax ? low - (1 << kWidth) : low);
  }
};

using UInt4 = NarrowInteger<4, false>;
using Int4 = NarrowInteger<4, true>;
using UInt2 = NarrowInteger<2, false>;
using Int2 = NarrowInteger<2, true>;

}  // namespace godwit
