// Kernels over flat spans.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

using ops::KernelFamily;

constexpr float kAlpha = 0.25F, kBeta = 0.5F;

// f(x) exactly, and how far f32 arithmetic may be from it.
struct Exact {
  double value, bound;
};
double smallest_normal(double x) { return x < -87 ? 0x1p-126 : 0; }
// The same of functions that end in infinity, which has no error.
Exact relative(double value, std::int64_t roundings) {
  return {value, std::isinf(value) ? 0 : gamma(roundings) * std::abs(value) + 2 * std::exp(-87.0)};
}

// Functions of the object `activations`. Exponentials are 12 roundings from exact, e^x - 1 and tanh 8 and 12;
// the fit of the error function counts as one, its polynomials and quotient as 11.
Exact activation(KernelFamily family, double x) {
  const double e = std::exp(x);
  switch (family) {
    case KernelFamily::absolute:
      return {std::abs(x), 0};
    case KernelFamily::reciprocal:
      return relative(1 / x, 1);
    case KernelFamily::square_root:
      return relative(std::sqrt(x), 1);
    case KernelFamily::square:
      return relative(x * x, 1);
    case KernelFamily::exponential:
      return relative(x > 88.72 ? kInf : e, 2 * 12 + 1);
    case KernelFamily::logarithm:
      return relative(std::log(x), 16);
    case KernelFamily::error_function:
      return relative(std::erf(x), 12);
    case KernelFamily::tanh:
      return relative(std::tanh(x), 12);
    case KernelFamily::gelu: {
      // The error function times x / 2 for x > -6; further down less than 1e-8 is left out.
      const double reach = std::isinf(x) ? 6 : std::abs(x);
      return {x < -40 ? 0 : x * std::erfc(-x / std::sqrt(2.0)) / 2, gamma(14) * reach / 2 + 1e-8};
    }
    case KernelFamily::gelu_by_tanh: {
      // An exponent that rounds three times moves its power by as much.
      const double inner = 2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
      const double value = x < -40 ? 0 : x / (1 + std::exp(-inner));
      return relative(value, 12 + static_cast<std::int64_t>(3 * std::min(std::abs(inner), 100.0)));
    }
    case KernelFamily::swish:
      return relative(x < -1e3 ? 0 : x / (1 + std::exp2(-kAlpha * x)), 16);
    case KernelFamily::mish:
      // e^x counts twice in w = e^x (e^x + 2), with two roundings; the quotient's two terms and it add three.
      return relative(x < -1e3 ? 0 : x * std::tanh(std::log1p(e)), 2 * (2 * 12 + 1) + 2 + 3 + 2);
    case KernelFamily::elu:
      return relative(x < 0 ? kAlpha * std::expm1(kBeta * x) : x, 10);
    case KernelFamily::selu:
      return relative(x < 0 ? kAlpha * std::expm1(x) : kBeta * x, 10);
    case KernelFamily::softplus:
      return relative(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))), 12 + 16);
    default:
      ADD_FAILURE() << "no arithmetic to check " << identifier_of(family) << " by";
      return {kNan, 0};
  }
}

Exact unary(KernelFamily family, double x) {
  const double inner = kAlpha * x + kBeta;
  const double inner_bound = gamma(2) * (std::abs(kAlpha * x) + kBeta);
  switch (family) {
    case KernelFamily::clamp:
      return {clamped(x, kAlpha, kBeta), 0};
    case KernelFamily::leaky_relu:
      return {x < 0 ? kAlpha * x : x, gamma(2) * std::abs(x)};
    case KernelFamily::sigmoid: {
      // An argument that is off by a rounding moves e^-x by |x| of them; its polynomial, a sum and a quotient
      // take 16. What is less than the smallest normal number may be 0.
      const double value = 1 / (1 + std::exp(-x));
      if (std::isinf(x)) return {value, 0};
      return {value, gamma(16 + static_cast<std::int64_t>(std::abs(x))) * value + smallest_normal(x)};
    }
    case KernelFamily::hard_sigmoid:
      return {clamped(inner, 0, 1), inner_bound};
    case KernelFamily::hard_swish:
      if (std::isinf(x)) return {x > 0 ? x : 0, 0};
      return {x * clamped(inner, 0, 1), std::abs(x) * (inner_bound + gamma(1))};
    default:
      if (std::isnan(x)) return {kNan, 0};
      return activation(family, x);
  }
}

float arithmetic(KernelFamily family, float lhs, float rhs) {
  switch (family) {
    case KernelFamily::add:
      return lhs + rhs;
    case KernelFamily::sub:
      return lhs - rhs;
    case KernelFamily::mul:
      return lhs * rhs;
    case KernelFamily::div:
      return lhs / rhs;
    case KernelFamily::prelu:
      return lhs < 0 ? lhs * rhs : lhs;
    case KernelFamily::larger:
      return std::isnan(lhs) || lhs > rhs ? lhs : rhs;
    case KernelFamily::smaller:
      return std::isnan(lhs) || lhs < rhs ? lhs : rhs;
    default:
      ADD_FAILURE() << "no arithmetic to check " << identifier_of(family) << " by";
      return kNan;
  }
}

// Puts what is no ordinary number at both ends, in whole vectors and behind them.
void set_specials(Elements& elements, std::int64_t shift = 0) {
  const double specials[] = {kNan, kInf, -kInf, 0.0, -0.0};
  for (std::int64_t i = 0; i < 5 && elements.count() > 8; ++i) {
    elements.set(i, specials[(i + shift) % 5]);
    elements.set(elements.count() - 1 - i, specials[(i + 2 * shift) % 5]);
  }
}

}  // namespace

void check(const ops::Kernel<ops::UnaryKernel>& kernel) {
  const auto [family, dtype] = std::pair(kernel.info->family, kernel.info->dtype);
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    const double reach = count % 2 == 0 ? 9 : 120;  // beyond 88 e^x is no number of this type
    Elements src = Elements::random(dtype, count, 1, -reach, reach), dst(dtype, count);
    set_specials(src);
    kernel({.src = src.data(), .dst = dst.data(), .count = count, .alpha = kAlpha, .beta = kBeta});
    for (std::int64_t i = 0; i < count; ++i) {
      const Exact exact = unary(family, src.at(i));
      expect_near(dst.at(i), exact.value, exact.bound, dtype, i);
    }
    dst.expect_guards();
    kernel({.src = src.data(), .dst = src.data(), .count = count, .alpha = kAlpha, .beta = kBeta});
    EXPECT_EQ(std::memcmp(src.data(), dst.data(), size_of(dtype) * static_cast<std::size_t>(count)), 0)
        << "in place";
  }
}

void check(const ops::Kernel<ops::BinaryKernel>& kernel) {
  const DType dtype = kernel.info->dtype;
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    for (const auto& [lhs_step, rhs_step] : {std::pair{1, 1}, {1, 0}, {0, 1}, {0, 0}}) {
      Elements lhs = Elements::random(dtype, count, 1), rhs = Elements::random(dtype, count, 2, 1, 3);
      Elements dst(dtype, count);
      set_specials(lhs);
      set_specials(rhs, 1);
      kernel({.lhs = lhs.data(),
              .rhs = rhs.data(),
              .dst = dst.data(),
              .count = count,
              .lhs_step = lhs_step,
              .rhs_step = rhs_step,
              .minimum = -1.5F,
              .maximum = kInf});
      for (std::int64_t i = 0; i < count; ++i) {
        // One operation in f32, then rounded to what is stored.
        const float result = arithmetic(kernel.info->family, static_cast<float>(lhs.at(i * lhs_step)),
                                        static_cast<float>(rhs.at(i * rhs_step)));
        Elements expected(dtype, 1);
        expected.set(0, clamped(result, -1.5, kInf));
        expect_near(dst.at(i), expected.at(0), 0, DType::f32, i);
      }
      dst.expect_guards();
    }
  }
}

void check(const ops::Kernel<ops::QuantizedAddKernel>& kernel) {
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    for (const ops::QuantizedFinish& finish : finishes()) {
      if (finish.real) continue;
      for (const bool one : {false, true}) {
        Elements lhs = Elements::random(DType::u8, count, 1, 0, 255), dst(DType::u8, count);
        Elements rhs = Elements::random(DType::u8, count, 2, 0, 255);
        kernel({.lhs = lhs.as<std::uint8_t>(),
                .rhs = one ? nullptr : rhs.as<std::uint8_t>(),
                .dst = dst.as<std::uint8_t>(),
                .count = count,
                .lhs_zero_point = 4,
                .lhs_scale = 0.7F,
                .rhs_zero_point = 130,
                .rhs_scale = 0.31F,
                .step = 1.3F,
                .finish = &finish});
        for (std::int64_t i = 0; i < count; ++i) {
          float value = (static_cast<float>(lhs.at(i)) - 4.0F) * 0.7F;
          if (!one) {
            const float term = (static_cast<float>(rhs.at(i)) - 130.0F) * 0.31F;
            value = value + term;
          }
          EXPECT_EQ(dst.at(i), finish_value(finish, value / 1.3F)) << i << " of " << count;
        }
        dst.expect_guards();
      }
    }
  }
}

void check(const ops::Kernel<ops::AffineKernel>& kernel) {
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    Elements src = Elements::random(DType::f32, count, 1), scale = Elements::random(DType::f32, count, 2);
    Elements shift = Elements::random(DType::f32, count, 3), dst(DType::f32, count);
    set_specials(src);
    kernel({.src = src.as<float>(),
            .scale = scale.as<float>(),
            .shift = shift.as<float>(),
            .dst = dst.as<float>(),
            .count = count,
            .minimum = -1,
            .maximum = 2});
    for (std::int64_t i = 0; i < count; ++i) {
      const double product = src.at(i) * scale.at(i);
      expect_near(dst.at(i), clamped(product + shift.at(i), -1, 2),
                  gamma(2) * (std::abs(product) + std::abs(shift.at(i))), DType::f32, i);
    }
    dst.expect_guards();
  }
}

// Minus infinity in any place is a probability of 0; NaN and infinity leave no number, as -inf alone does.
static void check_specials(const ops::Kernel<ops::SoftmaxKernel>& kernel, std::int64_t count) {
  for (const float special : {kNan, kInf, -kInf}) {
    for (std::int64_t place = 0; place < count; ++place) {
      Elements src(DType::f32, count), dst(DType::f32, count);
      src.set(place, special);
      kernel({.src = src.as<float>(), .dst = dst.as<float>(), .count = count});
      const bool any = special < 0 && count > 1;
      const double share = any ? 1.0 / static_cast<double>(count - 1) : static_cast<double>(kNan);
      for (std::int64_t i = 0; i < count; ++i) {
        const double exact = any && i == place ? 0 : share;
        expect_near(dst.at(i), exact, gamma(count + 2) * exact, DType::f32, i);
      }
      dst.expect_guards();
    }
  }
}

void check(const ops::Kernel<ops::SoftmaxKernel>& kernel) {
  for (const std::int64_t count : counts_around(kernel.info->nr)) {
    Elements src = Elements::random(DType::f32, count, 1, -30, 30), dst(DType::f32, count);
    kernel({.src = src.as<float>(), .dst = dst.as<float>(), .count = count});
    double largest = -kInf, sum = 0;
    for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, src.at(i));
    for (std::int64_t i = 0; i < count; ++i) sum += std::exp(src.at(i) - largest);
    for (std::int64_t i = 0; i < count; ++i) {
      // The difference is rounded, up to 60 in magnitude, and moves e^x by as much; e^x itself takes 12
      // roundings, the sum one a term, the quotient two.
      const double exact = std::exp(src.at(i) - largest) / sum;
      expect_near(dst.at(i), exact, 2 * gamma(60 + 12 + count + 2) * exact, DType::f32, i);
    }
    dst.expect_guards();
    check_specials(kernel, count);
  }
}

void check(const ops::Kernel<ops::SoftmaxRowsKernel>& kernel) {
  for (const std::int64_t rows : counts_around(kernel.info->nr)) {
    for (const std::int64_t count : {1, 2, 3, 16}) {
      Elements src = Elements::random(DType::f32, rows * count, 1, -4, 4), dst(DType::f32, rows * count);
      src.set(0, kNan);
      kernel({.src = src.as<float>(), .dst = dst.as<float>(), .rows = rows, .count = count});
      for (std::int64_t row = 0; row < rows; ++row) {
        double sum = 0;
        for (std::int64_t i = 0; i < count; ++i) sum += std::exp(src.at(row * count + i));
        for (std::int64_t i = 0; i < count; ++i) {
          // Differences up to 8 and exponentials of 12 roundings, above and below the line, sums and a
          // quotient.
          const double exact = std::exp(src.at(row * count + i)) / sum;
          expect_near(dst.at(row * count + i), exact, gamma(2 * (8 + 12) + count + 2) * exact, DType::f32, i);
        }
      }
      dst.expect_guards();
    }
  }
}

}  // namespace godwit::support
