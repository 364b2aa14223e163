// Scalar code that the integer functions of every architecture agree with.
#include <algorithm>
#include <array>

#include "ops/kernels/architecture.h"
#include "tests/ops/isa/lanes.h"

namespace godwit::ops::probe {
namespace {

using Word = std::int32_t;
using Words = std::vector<Word>;

Word wrapped(std::int64_t value) { return static_cast<Word>(static_cast<std::uint32_t>(value)); }
std::int64_t u8(Word word, int i) { return static_cast<std::uint32_t>(word) >> (8 * i) & 0xffU; }
std::int64_t s8(Word word, int i) { return static_cast<std::int8_t>(u8(word, i)); }
std::int64_t s16(Word word, int i) {
  return static_cast<std::int16_t>(static_cast<std::uint32_t>(word) >> (16 * i));
}
Word pair_of(std::int64_t low, std::int64_t high) {
  return static_cast<Word>((static_cast<std::uint32_t>(high) << 16) |
                           (static_cast<std::uint32_t>(low) & 0xffffU));
}

void check_load(const Probe& probe, const Function& function) {
  const Words a = random_words(1);
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, a),
               [&](std::size_t i) { return a[i]; });
}

void check_broadcast(const Probe& probe, const Function& function) {
  for (const Word value : random_words(1, 8)) {
    Words lanes(static_cast<std::size_t>(probe.width));
    Call call{.a = &value, .dst = lanes.data()};
    function.run(call);
    expect_lanes(label(probe, function), lanes, [&](std::size_t) { return value; });
  }
}

void check_zero(const Probe& probe, const Function& function) {
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, random_words(1, 40)),
               [](std::size_t) { return 0; });
}

void check_add(const Probe& probe, const Function& function) {
  const Words a = random_words(1), b = random_words(2);
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, a, b),
               [&](std::size_t i) { return wrapped(std::int64_t{a[i]} + b[i]); });
}

void check_to_float(const Probe& probe, const Function& function) {
  const Words a = random_words(1);
  expect_lanes(label(probe, function), run_lanes<float>(probe, function, a),
               [&](std::size_t i) { return static_cast<float>(a[i]); });
}

void check_to_i32(const Probe& probe, const Function& function) {
  std::vector<float> whole;
  for (const Word word : random_words(1)) {
    const auto value = static_cast<float>(word);
    if (std::abs(value) < 0x1p31F) whole.push_back(value);
  }
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, whole),
               [&](std::size_t i) { return static_cast<Word>(whole[i]); });
}

void check_round_i32(const Probe& probe, const Function& function) {
  std::vector<float> values = {0.5F, -0.5F, 1.5F, 2.5F, -2.5F, -0.0F, 0x1p-149F, 4194303.5F, -4194303.5F};
  support::Random random(5);
  for (int i = 0; i < 4000; ++i) values.push_back(static_cast<float>(random.uniform(-0x1p22, 0x1p22)));
  for (int i = 0; i < 400; ++i) values.push_back(static_cast<float>(random.integer(-999, 999)) / 2);
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, values),
               [&](std::size_t i) { return static_cast<Word>(std::nearbyint(values[i])); });
}

template <int kVectors>
void check_store_bytes(const Probe& probe, const Function& function) {
  const auto width = static_cast<std::size_t>(probe.width);
  Words words = random_words(1);
  for (Word& word : words) {
    // At each end of the range that may be clamped, and inside.
    constexpr Word kMost = std::numeric_limits<Word>::max() - 255;
    word = probe.stores_clamp ? std::clamp(word, -kMost, kMost) : word & 0xff;
  }
  for (std::size_t i = 0; i + kVectors * width <= words.size(); i += width) {
    std::vector<std::uint8_t> bytes(kVectors * width + 1, 0xa5);
    Call call{.a = &words[i], .b = &words[i + (kVectors - 1) * width], .dst = bytes.data()};
    function.run(call);
    EXPECT_EQ(bytes.back(), 0xa5) << label(probe, function);
    for (std::size_t k = 0; k < kVectors * width; ++k)
      ASSERT_EQ(bytes[k], std::clamp(words[i + k], 0, 255)) << label(probe, function) << ' ' << words[i + k];
  }
}

void check_dot(const Probe& probe, const Function& function) {
  const Words sum = random_words(1), a = random_words(2), b = random_words(3);
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, sum, a, b), [&](std::size_t i) {
    std::int64_t total = sum[i];
    for (int k = 0; k < probe.dot_depth; ++k)
      total += probe.dot_depth == 2 ? s16(a[i], k) * s16(b[i], k) : u8(a[i], k) * s8(b[i], k);
    return wrapped(total);
  });
}

// Bytes whose sums of two products fit into 16 bits: weights from -64 to 63.
struct Products {
  Words a = random_words(2), b = random_words(3), sums = random_words(4);
  Products() {
    for (Word& word : b) {
      std::uint32_t small = 0;
      for (int i = 0; i < 4; ++i) small |= static_cast<std::uint32_t>((s8(word, i) >> 1) & 0xff) << (8 * i);
      word = static_cast<Word>(small);
    }
  }
  std::int64_t pair(std::size_t i, int half) const {
    return u8(a[i], 2 * half) * s8(b[i], 2 * half) + u8(a[i], 2 * half + 1) * s8(b[i], 2 * half + 1);
  }
};

void check_maddubs(const Probe& probe, const Function& function) {
  const Products in;
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, in.a, in.b),
               [&](std::size_t i) { return pair_of(in.pair(i, 0), in.pair(i, 1)); });
}

void check_add_maddubs(const Probe& probe, const Function& function) {
  const Products in;
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, in.a, in.b, in.sums),
               [&](std::size_t i) {
                 return pair_of(s16(in.sums[i], 0) + in.pair(i, 0), s16(in.sums[i], 1) + in.pair(i, 1));
               });
}

void check_sum_pairs(const Probe& probe, const Function& function) {
  const Words a = random_words(1);
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, a),
               [&](std::size_t i) { return wrapped(s16(a[i], 0) + s16(a[i], 1)); });
}

void check_dot_maddubs(const Probe& probe, const Function& function) {
  const Products in;
  expect_lanes(label(probe, function), run_lanes<Word>(probe, function, in.a, in.b, in.sums),
               [&](std::size_t i) { return wrapped(in.sums[i] + in.pair(i, 0) + in.pair(i, 1)); });
}

// Every mask of lanes up to eight, then random ones. is_zero says which bits count as zero.
template <class IsZero>
void check_compress(const Probe& probe, const Function& function, const IsZero& is_zero) {
  const auto width = static_cast<std::size_t>(probe.width);
  const Words values = random_words(1, 400);
  support::Random random(9);
  for (std::uint64_t mask = 0; mask < 600; ++mask) {
    const std::uint64_t kept = mask < 256 ? mask * 0x0101010101010101U : random.next();
    Words lanes(width);
    for (std::size_t i = 0; i < width; ++i)
      lanes[i] = (kept >> i & 1) != 0 ? values[(mask + i) % values.size()] : 0;
    const kernels::AnyStep untouched{0xa5a5a5a5U, 0x5a5a5a5aU};
    std::vector<kernels::AnyStep> steps(width + 1, untouched);
    Call call{.a = lanes.data(), .dst = steps.data(), .offset = 1000, .stride = 4};
    function.run(call);
    std::size_t count = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (is_zero(lanes[i])) continue;
      ASSERT_LT(count, static_cast<std::size_t>(call.count)) << label(probe, function);
      ASSERT_EQ(steps[count].bits, static_cast<std::uint32_t>(lanes[i])) << label(probe, function);
      ASSERT_EQ(steps[count].offset, 1000 + 4 * i) << label(probe, function);
      ++count;
    }
    ASSERT_EQ(call.count, static_cast<std::int64_t>(count)) << label(probe, function);
    EXPECT_EQ(steps.back().bits, untouched.bits) << label(probe, function);
    EXPECT_EQ(steps.back().offset, untouched.offset) << label(probe, function);
  }
}

void check_compress_words(const Probe& probe, const Function& function) {
  check_compress(probe, function, [](Word word) { return word == 0; });
}
// A negative zero is one, a NaN and a subnormal are none.
void check_compress_floats(const Probe& probe, const Function& function) {
  check_compress(probe, function,
                 [](Word word) { return float_of(static_cast<std::uint32_t>(word)) == 0.0F; });
}

}  // namespace

Checks integer_checks() {
  return {{"load_i32", check_load},
          {"broadcast_i32", check_broadcast},
          {"zero_i32", check_zero},
          {"add_i32", check_add},
          {"to_float", check_to_float},
          {"to_i32", check_to_i32},
          {"round_i32", check_round_i32},
          {"store_bytes_of_one", check_store_bytes<1>},
          {"store_bytes_of_two", check_store_bytes<2>},
          {"dot", check_dot},
          {"maddubs", check_maddubs},
          {"add_maddubs", check_add_maddubs},
          {"sum_pairs", check_sum_pairs},
          {"dot_maddubs", check_dot_maddubs},
          {"compress_nonzeros_of_f32", check_compress_floats},
          {"compress_nonzeros_of_s32", check_compress_words}};
}

}  // namespace godwit::ops::probe
