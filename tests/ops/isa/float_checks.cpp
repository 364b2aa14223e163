// Scalar code that the float functions of every architecture agree with.
#include <algorithm>

#include "tests/ops/isa/lanes.h"

namespace godwit::ops::probe {
namespace {

using Scalar = float (*)(float a, float b, float c);

template <Scalar kScalar>
void check(const Probe& probe, const Function& function) {
  const Operands in = float_operands();
  const auto results = run_lanes<float>(probe, function, in.a, in.b, in.c);
  expect_lanes(label(probe, function), results,
               [&](std::size_t i) { return kScalar(in.a[i], in.b[i], in.c[i]); });
}

float add(float a, float b, float) { return a + b; }
float sub(float a, float b, float) { return a - b; }
float mul(float a, float b, float) { return a * b; }
float div(float a, float b, float) { return a / b; }
float max(float a, float b, float) { return a > b ? a : b; }
float min(float a, float b, float) { return a < b ? a : b; }
float max_or_nan(float a, float b, float) { return a > b || std::isnan(a) ? a : b; }

float rounded_once(float a, float b, float c) { return std::fma(a, b, c); }
float rounded_twice(float a, float b, float c) {
  const float product = a * b;
  return product + c;
}

void check_broadcast(const Probe& probe, const Function& function) {
  for (const float value : special_floats()) {
    std::vector<float> lanes(static_cast<std::size_t>(probe.width));
    Call call{.a = &value, .dst = lanes.data()};
    function.run(call);
    expect_lanes(label(probe, function), lanes, [&](std::size_t) { return value; });
  }
}

void check_round(const Probe& probe, const Function& function) {
  std::vector<float> values = {0.0F, -0.0F, 0.5F,        -0.5F,      1.5F,
                               2.5F, -2.5F, 0.49999997F, 4194303.5F, -4194303.5F};
  support::Random random(5);
  for (int i = 0; i < 4000; ++i) values.push_back(static_cast<float>(random.uniform(-0x1p22, 0x1p22)));
  for (int i = 0; i < 400; ++i) values.push_back(static_cast<float>(random.integer(-999, 999)) / 2);
  const auto results = run_lanes<float>(probe, function, values);
  // The sign of a zero is not kept.
  expect_lanes(label(probe, function), results, [&](std::size_t i) {
    const float rounded = std::nearbyint(values[i]);
    return rounded == 0 && results[i] == 0 ? results[i] : rounded;
  });
}

void check_exp2_whole(const Probe& probe, const Function& function) {
  std::vector<float> exponents;
  for (int n = -127; n <= 128; ++n) exponents.push_back(static_cast<float>(n));
  expect_lanes(label(probe, function), run_lanes<float>(probe, function, exponents), [&](std::size_t i) {
    // No subnormal: 0 instead.
    return exponents[i] < -126 ? 0.0F : std::ldexp(1.0F, static_cast<int>(exponents[i]));
  });
}

void check_permute(const Probe& probe, const Function& function) {
  const std::vector<float> src = float_operands(400).a;
  const auto width = static_cast<std::size_t>(probe.width);
  support::Random random(3);
  for (std::size_t at = 0; at + width <= src.size(); at += width) {
    std::vector<std::int32_t> index(width);
    for (std::int32_t& lane : index) lane = static_cast<std::int32_t>(random.integer(0, probe.width - 1));
    std::vector<float> lanes(width);
    Call call{.a = &src[at], .b = index.data(), .dst = lanes.data()};
    function.run(call);
    expect_lanes(label(probe, function), lanes,
                 [&](std::size_t i) { return src[at + static_cast<std::size_t>(index[i])]; });
  }
}

// Rounded once or twice, but always the same, and by fma_scalar as by fma.
void check_fma(const Probe& probe, const Function& function) {
  const Function* fma =
      std::find_if(probe.functions, probe.functions + probe.count,
                   [](const Function& each) { return std::string_view(each.name) == "fma"; });
  ASSERT_NE(fma, probe.functions + probe.count);
  // (1 + 2^-23)² - (1 + 2^-22) is 2^-46, or 0 once the square has been rounded.
  const std::vector<float> factor = {1 + 0x1p-23F}, rest = {-(1 + 0x1p-22F)};
  const bool once = run_lanes<float>(probe, *fma, factor, factor, rest)[0] != 0;
  if (once) {
    check<rounded_once>(probe, function);
  } else {
    check<rounded_twice>(probe, function);
  }
}

float bfloat16_half(std::int32_t pair, int half) {
  const float value = float_of(half == 0 ? static_cast<std::uint32_t>(pair) << 16
                                         : static_cast<std::uint32_t>(pair) & 0xffff0000U);
  return is_subnormal(value) ? std::copysign(0.0F, value) : value;
}

void check_dot_pairs(const Probe& probe, const Function& function) {
  // Any bits but where a sum would be subnormal; those are zero as well.
  std::vector<std::int32_t> a = random_words(1), b = random_words(2);
  std::vector<float> sum;
  support::Random random(3);
  for (std::size_t i = 0; i < a.size(); ++i) sum.push_back(static_cast<float>(random.uniform(-2, 2)));
  const auto results = run_lanes<float>(probe, function, a, b, sum);
  expect_lanes(label(probe, function), results, [&](std::size_t i) {
    const float high = std::fma(bfloat16_half(a[i], 1), bfloat16_half(b[i], 1), sum[i]);
    const float both = std::fma(bfloat16_half(a[i], 0), bfloat16_half(b[i], 0), high);
    return is_subnormal(high) || is_subnormal(both) ? results[i] : both;
  });
}

}  // namespace

Checks float_checks() {
  return {{"broadcast", check_broadcast},
          {"add", check<add>},
          {"sub", check<sub>},
          {"mul", check<mul>},
          {"div", check<div>},
          {"max", check<max>},
          {"min", check<min>},
          {"max_or_nan", check<max_or_nan>},
          {"round", check_round},
          {"exp2_whole", check_exp2_whole},
          {"permute", check_permute},
          {"fma", check_fma},
          {"fma_scalar", check_fma},
          {"dot_pairs", check_dot_pairs}};
}

}  // namespace godwit::ops::probe
