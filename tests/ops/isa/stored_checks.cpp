// Scalar code that reading and writing of every element type agrees with, whole vectors and parts of them.
#include <algorithm>

#include "runtime/float16.h"
#include "tests/ops/isa/lanes.h"

namespace godwit::ops::probe {
namespace {

// Each type: its bits as a float, a float as its bits, and the floats that may be written.
struct F32 {
  using Bits = std::uint32_t;
  static float value(Bits bits) { return float_of(bits); }
  static Bits bits(float value, bool) { return bits_of(value); }
  static std::vector<float> writable() { return float_operands().a; }
};

// Values that lie between two 16-bit floats are written as the nearer one, or as the even one of both.
template <class Format>
struct SixteenBits {
  using Bits = std::uint16_t;
  static float value(Bits bits) {
    Format format;
    format.bits = bits;
    return static_cast<float>(format);
  }
  static std::vector<float> writable() {
    std::vector<float> values = float_operands().a;
    for (std::uint32_t bits = 0; bits < 0xffffU; ++bits) {
      const float here = value(static_cast<Bits>(bits)), next = value(static_cast<Bits>(bits + 1));
      values.push_back(here);
      if (!std::isfinite(here) || !std::isfinite(next)) continue;
      const float middle = static_cast<float>((static_cast<double>(here) + static_cast<double>(next)) / 2);
      values.push_back(middle);
      values.push_back(std::nextafter(middle, here));
      values.push_back(std::nextafter(middle, next));
    }
    return values;
  }
};
struct F16 : SixteenBits<Float16> {
  static Bits bits(float value, bool) { return Float16(value).bits; }
};
struct Bf16 : SixteenBits<BFloat16> {
  static Bits bits(float value, bool flushes) {
    return BFloat16(flushes && is_subnormal(value) ? std::copysign(0.0F, value) : value).bits;
  }
};

template <class Integer>
struct Byte {
  using Bits = std::uint8_t;
  static float value(Bits bits) { return static_cast<float>(static_cast<Integer>(bits)); }
  static Bits bits(float value, bool) { return static_cast<Bits>(static_cast<Integer>(value)); }
  static std::vector<float> writable() {
    std::vector<float> values;
    for (int i = 0; i < 256; ++i) values.push_back(value(static_cast<Bits>(i)));
    return values;
  }
};
using U8 = Byte<std::uint8_t>;
using S8 = Byte<std::int8_t>;

template <class Type>
std::vector<typename Type::Bits> readable() {
  using Bits = typename Type::Bits;
  std::vector<Bits> all;
  if constexpr (sizeof(Bits) == 4) {
    for (const float value : float_operands().a) all.push_back(bits_of(value));
  } else {
    for (std::uint32_t bits = 0; bits < 1U << (8 * sizeof(Bits)); ++bits)
      all.push_back(static_cast<Bits>(bits));
  }
  return all;
}

template <class Type>
bool equal(typename Type::Bits a, typename Type::Bits b) {
  return a == b || (std::isnan(Type::value(a)) && std::isnan(Type::value(b)));
}

// Reads `count` elements from each place on, `given` as that count, and expects zeros in the lanes behind.
template <class Type>
void check_read(const Probe& probe, const Function& function, std::size_t from, std::size_t count,
                std::int64_t given) {
  const std::vector<typename Type::Bits> src = readable<Type>();
  const auto width = static_cast<std::size_t>(probe.width);
  for (std::size_t i = from; i + width <= src.size(); i += width) {
    // In memory of their own, so that sanitizers see what is read beyond them.
    const std::vector<typename Type::Bits> part(src.data() + i, src.data() + i + count);
    std::vector<float> lanes(width);
    Call call{.a = part.data(), .dst = lanes.data(), .count = given};
    function.run(call);
    for (std::size_t k = 0; k < width; ++k) {
      const float expected = k < count ? Type::value(src[i + k]) : 0.0F;
      ASSERT_TRUE(same(lanes[k], expected))
          << label(probe, function) << ", element " << i + k << ": " << lanes[k] << ", expected " << expected;
    }
  }
}

template <class Type>
void check_load(const Probe& probe, const Function& function) {
  check_read<Type>(probe, function, 0, static_cast<std::size_t>(probe.width), probe.width);
}
template <class Type>
void check_load_part(const Probe& probe, const Function& function) {
  // The last eighth of all values has special ones among them.
  const std::size_t from = readable<Type>().size() / 8 * 7;
  for (std::size_t count = 0; count <= static_cast<std::size_t>(probe.width); ++count)
    check_read<Type>(probe, function, from, count, static_cast<std::int64_t>(count));
  check_read<Type>(probe, function, from, 0, -3);
}

void check_load_filled(const Probe& probe, const Function& function) {
  const std::vector<float> src = float_operands(40).a;
  for (const float filler : special_floats()) {
    for (std::size_t count = 0; count <= static_cast<std::size_t>(probe.width); ++count) {
      const std::vector<float> part(src.end() - static_cast<std::ptrdiff_t>(count), src.end());
      std::vector<float> lanes(static_cast<std::size_t>(probe.width));
      Call call{
          .a = part.data(), .b = &filler, .dst = lanes.data(), .count = static_cast<std::int64_t>(count)};
      function.run(call);
      expect_lanes(label(probe, function), lanes,
                   [&](std::size_t i) { return i < count ? part[i] : filler; });
    }
  }
}

// Writes `count` elements of each vector, `given` as that count, and expects those behind them to be left
// alone.
template <class Type>
void check_written(const Probe& probe, const Function& function, const std::vector<float>& src,
                   std::size_t count, std::int64_t given) {
  using Bits = typename Type::Bits;
  constexpr Bits kUntouched = static_cast<Bits>(0xa5a5a5a5U);
  const auto width = static_cast<std::size_t>(probe.width);
  for (std::size_t i = 0; i + width <= src.size(); i += width) {
    std::vector<Bits> dst(width + 1, kUntouched);
    Call call{.a = &src[i], .dst = dst.data(), .count = given};
    function.run(call);
    for (std::size_t k = 0; k < width + 1; ++k) {
      const Bits expected = k < count ? Type::bits(src[i + k], probe.flushes_subnormals) : kUntouched;
      ASSERT_TRUE(equal<Type>(dst[k], expected))
          << label(probe, function) << ", " << count << " of " << src[std::min(i + k, src.size() - 1)] << ": "
          << std::uint32_t{dst[k]} << ", expected " << std::uint32_t{expected};
    }
  }
}

template <class Type>
void check_store(const Probe& probe, const Function& function) {
  check_written<Type>(probe, function, Type::writable(), static_cast<std::size_t>(probe.width), probe.width);
}
template <class Type>
void check_store_part(const Probe& probe, const Function& function) {
  std::vector<float> some = Type::writable();
  some.resize(std::min<std::size_t>(some.size(), 256));
  for (std::size_t count = 0; count <= static_cast<std::size_t>(probe.width); ++count)
    check_written<Type>(probe, function, some, count, static_cast<std::int64_t>(count));
  check_written<Type>(probe, function, some, 0, -3);
}

}  // namespace

Checks stored_checks() {
  return {{"load_f32", check_load<F32>},
          {"load_f16", check_load<F16>},
          {"load_bf16", check_load<Bf16>},
          {"load_u8", check_load<U8>},
          {"load_s8", check_load<S8>},
          {"load_filled_f32", check_load_filled},
          {"load_part_f32", check_load_part<F32>},
          {"load_part_f16", check_load_part<F16>},
          {"load_part_bf16", check_load_part<Bf16>},
          {"load_part_u8", check_load_part<U8>},
          {"load_part_s8", check_load_part<S8>},
          {"load_left_f32", check_load_part<F32>},
          {"load_left_f16", check_load_part<F16>},
          {"load_left_bf16", check_load_part<Bf16>},
          {"load_left_u8", check_load_part<U8>},
          {"load_left_s8", check_load_part<S8>},
          {"store_f32", check_store<F32>},
          {"store_f16", check_store<F16>},
          {"store_bf16", check_store<Bf16>},
          {"store_u8", check_store<U8>},
          {"store_s8", check_store<S8>},
          {"store_part_f32", check_store_part<F32>},
          {"store_part_f16", check_store_part<F16>},
          {"store_part_bf16", check_store_part<Bf16>},
          {"store_part_u8", check_store_part<U8>},
          {"store_part_s8", check_store_part<S8>},
          {"store_left_f32", check_store_part<F32>},
          {"store_left_f16", check_store_part<F16>},
          {"store_left_bf16", check_store_part<Bf16>},
          {"store_left_u8", check_store_part<U8>},
          {"store_left_s8", check_store_part<S8>}};
}

}  // namespace godwit::ops::probe
