// Operands for checks of architectures, and the calls that run over them vector by vector.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "tests/ops/isa/probes.h"
#include "tests/support/random.h"

namespace godwit::ops::probe {

inline float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
inline std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

// Bit for bit, but for the payload of a NaN.
inline bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || bits_of(a) == bits_of(b); }
inline bool same(std::int32_t a, std::int32_t b) { return a == b; }

inline bool is_subnormal(float value) { return value != 0 && std::abs(value) < 0x1p-126F; }

// Zeros, infinities, NaN, the ends of all ranges, and what rounding stumbles over.
inline std::vector<float> special_floats() {
  std::vector<float> values = {0.0F,
                               0x1p-149F,
                               0x1.8p-140F,
                               0x1.fffffcp-127F,
                               0x1p-126F,
                               0x1p-25F,
                               0x1p-24F,
                               0.1F,
                               0.5F,
                               1.0F,
                               1.5F,
                               2.5F,
                               3.5F,
                               254.5F,
                               255.0F,
                               65503.0F,
                               65504.0F,
                               65519.0F,
                               65520.0F,
                               0x1p22F,
                               0x1p23F,
                               0x1p31F,
                               0x1.fp126F,
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::infinity()};
  const std::size_t positive = values.size();
  for (std::size_t i = 0; i < positive; ++i) values.push_back(-values[i]);
  for (const std::uint32_t nan : {0x7fc00000U, 0xffc00000U, 0x7f800001U, 0x7fffffffU})
    values.push_back(float_of(nan));
  return values;
}

struct Operands {
  std::vector<float> a, b, c;
};

// All pairs of special values with a third one, then `count` triples of random bits and as many of similar
// size.
inline Operands float_operands(int count = 4000) {
  Operands all;
  const auto add = [&](float a, float b, float c) {
    all.a.push_back(a);
    all.b.push_back(b);
    all.c.push_back(c);
  };
  support::Random random(17);
  const std::vector<float> special = special_floats();
  for (const float a : special) {
    for (const float b : special) add(a, b, special[random.next() % special.size()]);
  }
  const auto any = [&] { return float_of(static_cast<std::uint32_t>(random.next())); };
  const auto moderate = [&] { return static_cast<float>(random.uniform(-300, 300)); };
  for (int i = 0; i < count; ++i) add(any(), any(), any());
  for (int i = 0; i < count; ++i) add(moderate(), moderate(), moderate());
  return all;
}

// Words of random bits, the ends of their range and of its halves' first.
inline std::vector<std::int32_t> random_words(std::uint64_t seed, int count = 4000) {
  constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
  std::vector<std::int32_t> words = {0,           1,
                                     -1,          kLowest,
                                     kLowest + 1, -(kLowest + 1),
                                     0x7fff7fff,  -0x7fff8000,
                                     0x00ff00ff,  static_cast<std::int32_t>(0x80008000U)};
  support::Random random(seed);
  for (int i = 0; i < count; ++i) words.push_back(static_cast<std::int32_t>(random.next()));
  return words;
}

// The result of a function of up to three operands, of 4 bytes a lane each; the last vector is filled up by
// zeros.
template <class Result, class A, class B = A, class C = A>
std::vector<Result> run_lanes(const Probe& probe, const Function& function, const std::vector<A>& a,
                              const std::vector<B>& b = {}, const std::vector<C>& c = {}) {
  static_assert(sizeof(A) == 4 && sizeof(B) == 4 && sizeof(C) == 4 && sizeof(Result) == 4);
  const auto width = static_cast<std::size_t>(probe.width);
  const std::size_t padded = (a.size() + width - 1) / width * width;
  const auto pad = [&](const auto& operand) {
    auto copy = operand;
    copy.resize(padded);
    return copy;
  };
  const auto pa = pad(a);
  const auto pb = pad(b);
  const auto pc = pad(c);
  std::vector<Result> dst(padded);
  for (std::size_t i = 0; i < padded; i += width) {
    Call call{.a = &pa[i], .b = &pb[i], .c = &pc[i], .dst = &dst[i]};
    function.run(call);
  }
  dst.resize(a.size());
  return dst;
}

inline std::string label(const Probe& probe, const Function& function) {
  return std::string(probe.architecture) + ' ' + function.name;
}

// Stops after a few, since a wrong function is wrong in many lanes.
template <class Result, class Expected>
void expect_lanes(const std::string& label, const std::vector<Result>& results, const Expected& expected) {
  int shown = 0;
  for (std::size_t i = 0; i < results.size() && shown < 3; ++i) {
    const Result wanted = expected(i);
    if (same(results[i], wanted)) continue;
    ADD_FAILURE() << label << ", lane " << i << ": " << results[i] << ", expected " << wanted;
    ++shown;
  }
}

}  // namespace godwit::ops::probe
