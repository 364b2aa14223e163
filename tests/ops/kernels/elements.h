// Memory for the checks of kernels, and their verdicts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/quantized.h"
#include "runtime/tensor.h"
#include "tests/support/random.h"
#include "tests/support/tolerance.h"

namespace godwit::support {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Counts around whole vectors of `width` elements.
inline std::vector<std::int64_t> counts_around(std::int64_t width) {
  return {1, width - 1, width, width + 1, 4 * width, 5 * width + 3};
}

// Elements of one type between guards, at an address that is a multiple of the element's size alone.
class Elements {
 public:
  Elements(DType dtype, std::int64_t count)
      : dtype_(dtype), count_(count), bytes_(static_cast<std::size_t>(count) * size_of(dtype)) {
    memory_.assign(2 * kGuard + bytes_, kPattern);
    begin_ = kGuard + size_of(dtype);
    std::memset(data(), 0, bytes_);
  }
  // Uniform in [low, high); integers take both ends.
  static Elements random(DType dtype, std::int64_t count, std::uint64_t seed, double low = -2,
                         double high = 2) {
    Elements elements(dtype, count);
    Random random(seed);
    for (std::int64_t i = 0; i < count; ++i) {
      elements.set(i, is_float(dtype) ? random.uniform(low, high)
                                      : static_cast<double>(random.integer(static_cast<std::int64_t>(low),
                                                                           static_cast<std::int64_t>(high))));
    }
    return elements;
  }

  DType dtype() const { return dtype_; }
  std::int64_t count() const { return count_; }
  void* data() { return memory_.data() + begin_; }
  template <class T>
  T* as(std::int64_t at = 0) {
    return static_cast<T*>(data()) + at;
  }
  void* address(std::int64_t at) {
    return static_cast<std::byte*>(data()) + at * static_cast<std::int64_t>(size_of(dtype_));
  }
  void set(std::int64_t i, double value) {
    visit([&]<class T>() { *as<T>(i) = static_cast<T>(value); });
  }
  double at(std::int64_t i) {
    double value = 0;
    visit([&]<class T>() { value = static_cast<double>(*as<T>(i)); });
    return value;
  }
  // Nothing was written in front of them or behind them.
  void expect_guards() const {
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      if (i >= begin_ && i < begin_ + bytes_) continue;
      ASSERT_EQ(memory_[i], kPattern) << "byte " << static_cast<std::int64_t>(i - begin_) << " of " << bytes_;
    }
  }

 private:
  template <class Visitor>
  void visit(const Visitor& visitor) const {
    if (dtype_ == DType::s16) return visitor.template operator()<std::int16_t>();
    if (dtype_ == DType::u16) return visitor.template operator()<std::uint16_t>();
    ops::visit_number(dtype_, visitor);
  }

  static constexpr std::size_t kGuard = 128;
  static constexpr std::byte kPattern{0xa5};

  DType dtype_;
  std::int64_t count_;
  std::size_t bytes_;
  std::size_t begin_ = 0;
  std::vector<std::byte> memory_;
};

// `actual`, stored as dtype, against the exact value: within `bound` before it was stored. NaN equals NaN.
inline void expect_near(double actual, double exact, double bound, DType dtype, std::int64_t where) {
  if (std::isnan(exact)) {
    EXPECT_TRUE(std::isnan(actual)) << "element " << where << " is " << actual << " instead of NaN";
    return;
  }
  if (std::isinf(exact)) {
    EXPECT_EQ(actual, exact) << "element " << where;
    return;
  }
  // Half way between f16's largest number and the next power of two.
  if (dtype == DType::f16 && std::abs(exact) - bound >= 65520) {
    EXPECT_EQ(actual, std::copysign(static_cast<double>(kInf), exact)) << "element " << where;
    return;
  }
  if (dtype == DType::f16 || dtype == DType::bf16) {
    const StoredUnits units = stored_units(dtype);
    bound += units.roundoff * (std::abs(exact) + bound) + units.smallest;
  }
  EXPECT_LE(std::abs(actual - exact), bound)
      << "element " << where << " is " << actual << ", exactly " << exact;
}

inline double clamped(double value, double minimum, double maximum) {
  if (std::isnan(value)) return value;
  return std::min(maximum, std::max(minimum, value));
}

// The ways in which kernels on 8-bit integers end.
inline std::vector<ops::QuantizedFinish> finishes() {
  ops::QuantizedFinish bytes{.minimum = -3,
                             .maximum = 252,
                             .zero_point = 3,
                             .sum_minimum = -7,
                             .sum_maximum = 248,
                             .sum_factor = 0.75F,
                             .residual_zero_point = 5,
                             .residual_factor = 0.375F};
  ops::QuantizedFinish whole = bytes, real = bytes, inside = bytes, rounds = bytes;
  whole.stores_clamp = true;
  rounds.rounds_sum = rounds.stores_clamp = true;
  inside.minimum = 10, inside.maximum = 99, inside.rounds_sum = true;
  real.real = true, real.minimum = -kInf, real.maximum = kInf;
  return {bytes, whole, rounds, inside, real};
}

inline DType stored_by(const ops::QuantizedFinish& finish) { return finish.real ? DType::f32 : DType::u8; }

}  // namespace godwit::support
