// QuantizedConv: values by hand, and every implementation bit for bit over sizes, strides, groups and
// epilogues.
#include <algorithm>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

#include "ops/kernel_table.h"
#include "ops/quantization.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

Tensor real(float value) { return Tensor::of<float>({}, {value}); }
Tensor zero(std::uint8_t value) { return Tensor::of<std::uint8_t>({}, {value}); }

struct Case {
  Shape src, weights;
  std::vector<std::int64_t> strides{1, 1}, pads{0, 0, 0, 0}, dilations{1, 1};
  std::int64_t group = 1;
};

enum class Ending { real, rounded, residual, rounded_residual };

Shape dst_shape(const Case& c) {
  const OpRunner conv = OpRunner("Conv")
                            .input(c.src)
                            .input(c.weights)
                            .attribute("strides", c.strides)
                            .attribute("pads", c.pads)
                            .attribute("dilations", c.dilations)
                            .attribute("group", c.group);
  return conv.shape();
}

// Weights of every size, with the largest sums of two neighbouring input channels that fit.
Tensor fitting_weights(const Shape& shape) {
  const Tensor random = random_tensor<std::int8_t>(shape, 2, -128, 127);
  auto values = values_of<std::int8_t>(random);
  const auto taps = static_cast<std::size_t>(shape.product(2, shape.rank()));
  const auto channels = static_cast<std::size_t>(shape[1]);
  const std::pair<int, int> extremes[] = {{127, 1}, {64, 64}, {-128, 0}, {-64, -64}, {127, -128}, {1, 127}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i / taps % channels % 2 != 0 || i / taps % channels + 1 == channels) continue;
    std::int8_t &first = values[i], &second = values[i + taps];
    if (i % 5 == 0) {
      first = static_cast<std::int8_t>(extremes[i / 5 % 6].first);
      second = static_cast<std::int8_t>(extremes[i / 5 % 6].second);
    }
    while (!ops::pair_fits(first, second)) second = static_cast<std::int8_t>(second / 2);
  }
  return Tensor::of<std::int8_t>(shape, values);
}

struct Source {
  Tensor numbers;
  std::uint8_t zero_point = 113;
};

OpRunner make(const Case& c, Ending ending, bool bias = true, float top = 1e9F,
              const Tensor& weights = Tensor(), const Source& source = {}) {
  OpRunner runner("QuantizedConv", "godwit");
  const std::int64_t channels = c.weights[0];
  const bool fits = weights.shape() == c.weights;
  runner
      .input(source.numbers.empty() ? random_tensor<std::uint8_t>(c.src, 1, fits ? 250 : 0, 255)
                                    : source.numbers)
      .constant(real(0.02F))
      .constant(zero(source.zero_point))
      .constant(fits ? weights : random_tensor<std::int8_t>(c.weights, 2, -127, 127))
      .constant(random_tensor({channels}, 3, 0.001, 0.02));
  if (bias) {
    runner.constant(random_tensor<std::int32_t>({channels}, 4, -40000, 40000));
  } else {
    runner.omitted();
  }
  const bool rounded = ending == Ending::rounded || ending == Ending::rounded_residual;
  if (rounded) {
    runner.constant(real(0.25F)).constant(zero(100));
  } else {
    runner.omitted().omitted();
  }
  if (ending == Ending::residual || ending == Ending::rounded_residual) {
    runner.constant(real(0.11F)).constant(zero(7)).constant(real(0.3F)).constant(zero(60));
  }
  runner.attribute("strides", c.strides)
      .attribute("pads", c.pads)
      .attribute("dilations", c.dilations)
      .attribute("group", c.group);
  if (ending == Ending::residual || ending == Ending::rounded_residual) {
    runner.residual(random_tensor<std::uint8_t>(dst_shape(c), 5, 0, 255));
  }
  runner.clamp(-3.0F, top);
  return runner;
}

TEST(QuantizedConvOp, ByHand) {
  // (10 - 5) · 3 + (1 - 5) · -2 = 23; plus a bias of 7: 30. Times 0.5 · 0.1: 1.5.
  OpRunner runner("QuantizedConv", "godwit");
  runner.input(Tensor::of<std::uint8_t>({1, 2, 1, 1}, {10, 1}))
      .constant(real(0.5F))
      .constant(zero(5))
      .constant(Tensor::of<std::int8_t>({1, 2, 1, 1}, {3, -2}))
      .constant(real(0.1F))
      .constant(Tensor::of<std::int32_t>({1}, {7}));
  EXPECT_FLOAT_EQ(values_of<float>(runner.reference()[0])[0], 1.5F);
  OpRunner rounded = runner;
  rounded.constant(real(1.0F)).constant(zero(20));
  EXPECT_EQ(values_of<std::uint8_t>(rounded.reference()[0])[0], 22);  // half to even
  OpRunner clamped = rounded;
  clamped.clamp(-1, 0.4F);
  EXPECT_EQ(values_of<std::uint8_t>(clamped.reference()[0])[0], 20);
  // round(1.5) · 1 + (9 - 4) · 2 = 12; in steps of 4: 3.
  OpRunner added = rounded;
  added.constant(real(2.0F)).constant(zero(4)).constant(real(4.0F)).constant(zero(1));
  added.residual(Tensor::of<std::uint8_t>({1, 1, 1, 1}, {9}));
  EXPECT_EQ(values_of<std::uint8_t>(added.reference()[0])[0], 4);
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 16, 5, 7}, {24, 16, 1, 1}},
      {{1, 13, 6, 5}, {17, 13, 1, 1}},                     // depth and columns that fill no step or vector
      {{1, 5, 9, 8}, {33, 5, 1, 1}, {2, 2}},               // strided
      {{1, 6, 4, 4}, {5, 6, 1, 1}, {1, 1}, {1, 2, 0, 1}},  // 1×1 with borders
      {{2, 8, 7, 6}, {19, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}},
      {{1, 7, 9, 11}, {40, 7, 3, 3}, {2, 1}, {0, 1, 2, 1}},
      {{1, 9, 12, 10}, {8, 9, 3, 2}, {1, 1}, {2, 2, 2, 2}, {2, 3}},  // dilated
      {{1, 3, 17, 19}, {21, 3, 7, 7}, {2, 2}, {3, 3, 3, 3}},         // the stem
      {{1, 1, 8, 9}, {3, 1, 3, 5}, {1, 2}, {1, 2, 1, 2}},
      {{2, 4, 23, 4800}, {2, 4, 3, 3}, {2, 2}, {1, 2, 1, 0}},  // lines of which a few at a time are copied
      {{1, 3, 1, 50}, {9, 3, 1, 7}, {1, 2}, {0, 3, 0, 3}},     // fewer lines than threads
      {{2, 12, 6, 6}, {15, 4, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 3},  // groups
      {{1, 9, 6, 6}, {6, 3, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 3},
      {{1, 128, 3, 3}, {64, 128, 3, 3}, {1, 1}, {1, 1, 1, 1}},
  };
  return all;
}

TEST(QuantizedConvOp, EveryImplementationGivesTheSameBits) {
  for (const Case& c : cases()) {
    for (const Ending ending : {Ending::real, Ending::rounded, Ending::residual, Ending::rounded_residual}) {
      SCOPED_TRACE(c.src.to_string() + " by " + c.weights.to_string());
      EXPECT_TRUE(did_run(make(c, ending).run_implementations(exact()), "conv_quantized"));
    }
    make(c, Ending::rounded, false, 6.0F).run_implementations(exact());
  }
}

// Kernels of which family ran conv_quantized on the ISAs that have those for pairs.
void expect_kernels(const std::vector<Ran>& all, const std::string& family) {
  for (const Ran& ran : all) {
    if (ran.implementation != "conv_quantized" || ops::maddubs_kernels(ran.isa) == nullptr) continue;
    EXPECT_TRUE(ran.kernel.starts_with(family)) << ran.kernel;
  }
}

TEST(QuantizedConvOp, PairsThatFitInto16BitsGiveTheSameBits) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.src.to_string() + " by " + c.weights.to_string());
    const Tensor weights = fitting_weights(c.weights);
    for (const Ending ending : {Ending::real, Ending::rounded, Ending::residual, Ending::rounded_residual})
      expect_kernels(make(c, ending, true, 1e9F, weights).run_implementations(exact()), "gemm_maddubs_");
  }
}

// With every pixel at 250 to 255, sums of a group too many leave 16 bits.
TEST(QuantizedConvOp, GroupsOfStepsGiveTheSameBits) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.src.to_string() + " by " + c.weights.to_string());
    for (const int largest : {1, 16, 21, 40, 64}) {
      for (const int least : {-largest, largest}) {
        const Tensor weights = random_tensor<std::int8_t>(c.weights, 2, least, largest);
        const auto all = make(c, Ending::rounded, true, 1e9F, weights).run_implementations(exact());
        // Groups of 4 and 3 steps, and none.
        const bool deep = c.weights[1] >= 12;
        expect_kernels(all, least < 0 || !deep ? "gemm_maddubs_"
                            : largest < 40     ? "gemm_maddubs_groups"
                                               : "gemm_maddubs");
      }
    }
  }
}

// An input that a ReLU could have left: this share of the elements is not zero, and large.
Source sparse_source(const Shape& shape, double density) {
  Random random(9);
  Tensor numbers(TensorDesc{DType::u8, shape, Layout::nchw});
  for (std::uint8_t& number : numbers.mutable_values<std::uint8_t>()) {
    const auto drawn = static_cast<std::uint8_t>(random.integer(250, 255));
    number = random.uniform() < density ? drawn : std::uint8_t{0};
  }
  return {numbers, 0};
}

TEST(QuantizedConvOp, SkippingZerosGivesTheSameBits) {
  std::vector<Case> all = {
      {{1, 1300, 2, 3}, {31, 1300, 1, 1}},  // parts of the inner dimension
      {{1, 40, 5, 5}, {201, 40, 1, 1}},     // panels, and half of one
      {{1, 64, 17, 19}, {112, 64, 1, 1}},   // more rows than a block
      {{1, 520, 16, 16}, {48, 520, 1, 1}},
      {{2, 64, 7, 7}, {72, 64, 3, 3}, {1, 1}, {1, 1, 1, 1}},
      {{1, 300, 5, 6}, {40, 300, 3, 3}, {2, 2}, {1, 0, 0, 1}},
      {{1, 17, 6, 6}, {24, 17, 5, 5}, {1, 1}, {2, 2, 2, 2}},
  };
  all.insert(all.end(), cases().begin(), cases().end());
  for (const Case& c : all) {
    SCOPED_TRACE(c.src.to_string() + " by " + c.weights.to_string());
    // With small weights, whose steps go in groups elsewhere, and with large ones.
    for (const Tensor& weights :
         {random_tensor<std::int8_t>(c.weights, 2, -5, 5), fitting_weights(c.weights)}) {
      for (const double density : {0.0, 0.1, 0.4, 1.0}) {
        for (const Ending ending : {Ending::real, Ending::rounded_residual}) {
          OpRunner runner = make(c, ending, true, 1e9F, weights, sparse_source(c.src, density));
          runner.sparse_input();
          const auto ran = runner.run_implementations(exact());
          const bool taps = c.weights[2] * c.weights[3] > 1;
          const bool small = c.src[2] * c.src[3] <= 64 && (c.group == 1 || !taps);
          expect_kernels(ran, small ? "sparse_gemm_s8_" : "");
        }
      }
    }
  }
}

TEST(QuantizedConvOp, NumbersAboveAZeroPointAreNotSkipped) {
  const Case c{{1, 64, 5, 5}, {33, 64, 1, 1}};
  OpRunner runner = make(c, Ending::rounded, true, 1e9F, fitting_weights(c.weights));
  runner.sparse_input();
  expect_kernels(runner.run_implementations(exact()), "gemm_maddubs_");
}

TEST(QuantizedConvOp, OnePairTooManyAndThe16BitKernelsRun) {
  const Case c{{1, 64, 5, 5}, {33, 64, 1, 1}};
  auto values = values_of<std::int8_t>(fitting_weights(c.weights));
  for (const int sign : {1, -1}) {
    values[64 * 32 + 62] = static_cast<std::int8_t>(sign * 64);
    values[64 * 32 + 63] = static_cast<std::int8_t>(sign * 65);
    const Tensor weights = Tensor::of<std::int8_t>(c.weights, values);
    expect_kernels(make(c, Ending::rounded, true, 1e9F, weights).run_implementations(exact()), "gemm_s8");
  }
  static_assert(ops::pair_fits(64, 64) && ops::pair_fits(-128, 0) && ops::pair_fits(127, -128));
  static_assert(!ops::pair_fits(64, 65) && !ops::pair_fits(-1, -128));
}

TEST(QuantizedConvOp, TheStemHasAnImplementationOfItsOwn) {
  EXPECT_TRUE(did_run(make(cases()[7], Ending::rounded).run_implementations(exact()), "conv_quantized_rows"));
}

TEST(QuantizedConvOp, WinogradGivesTheSameBits) {
  const std::vector<Case> all = {
      {{2, 32, 7, 6}, {17, 32, 3, 3}, {1, 1}, {1, 1, 1, 1}},
      {{1, 64, 5, 5}, {40, 64, 3, 3}, {1, 1}, {0, 1, 1, 0}},
      {{1, 96, 14, 9}, {64, 96, 3, 3}, {1, 1}, {0, 0, 0, 0}},
      {{1, 32, 3, 1}, {5, 32, 3, 3}, {1, 1}, {2, 2, 2, 2}},
  };
  for (const Case& c : all) {
    for (const Ending ending : {Ending::real, Ending::rounded, Ending::residual, Ending::rounded_residual}) {
      const auto ran = make(c, ending).run_implementations(exact());
      EXPECT_TRUE(did_run(ran, "conv_quantized_winograd2"));
      EXPECT_TRUE(did_run(ran, "conv_quantized_winograd4"));
    }
  }
}

// Sums wrap around on the way and come out again, up to the largest that F(4×4, 3×3) can give back.
TEST(QuantizedConvOp, WinogradHoldsTheLargestSums) {
  const auto run = [](std::int64_t channels, int seed, std::int8_t last) {
    OpRunner runner("QuantizedConv", "godwit");
    // Pixels at either end of their range, where transformed ones are largest.
    auto pixels = values_of<std::uint8_t>(random_tensor<std::uint8_t>({1, channels, 9, 10}, seed, 0, 1));
    for (std::uint8_t& pixel : pixels) pixel = seed == 0 || pixel != 0 ? 255 : 0;
    std::vector<std::int8_t> weights;
    for (const int sign : {1, -1}) {
      for (std::int64_t i = 0; i < channels * 9; ++i)
        weights.push_back(static_cast<std::int8_t>(i < channels * 9 - 1 ? sign * 127 : sign * last));
    }
    runner.input(Tensor::of<std::uint8_t>({1, channels, 9, 10}, pixels))
        .constant(real(1))
        .constant(zero(255))
        .constant(Tensor::of<std::int8_t>({2, channels, 3, 3}, weights))
        .constant(real(1))
        .attribute("pads", std::vector<std::int64_t>{1, 1, 1, 1});
    return runner.run_implementations(exact());
  };
  for (const int seed : {0, 1, 2}) {
    EXPECT_TRUE(did_run(run(96, seed, 127), "conv_quantized_winograd4"));
    // 255 · 127 · 128 · 9 is above 2^25.
    const auto ran = run(128, seed, 127);
    EXPECT_FALSE(did_run(ran, "conv_quantized_winograd4"));
    EXPECT_TRUE(did_run(ran, "conv_quantized_winograd2"));
  }
}

TEST(QuantizedConvOp, NoChannelsAreNoWork) {
  for (const Case& c :
       {Case{{1, 32, 5, 5}, {0, 32, 3, 3}, {1, 1}, {1, 1, 1, 1}}, Case{{1, 8, 5, 5}, {0, 8, 1, 1}},
        Case{{1, 0, 5, 5}, {4, 0, 3, 3}, {1, 1}, {1, 1, 1, 1}}}) {
    SCOPED_TRACE(c.src.to_string() + " by " + c.weights.to_string());
    OpRunner runner("QuantizedConv", "godwit");
    runner.input(Tensor({DType::u8, c.src, Layout::nchw}))
        .constant(real(0.02F))
        .constant(zero(3))
        .constant(Tensor({DType::s8, c.weights, Layout::nchw}))
        .constant(real(0.1F))
        .attribute("pads", c.pads);
    runner.run_implementations(exact());
  }
}

TEST(QuantizedConvOp, DepthwiseGivesTheSameBits) {
  for (const std::int64_t kernel : {3, 5, 4}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      // 150: more than are taken at once
      for (const std::int64_t channels : {2, 16, 21, 150}) {
        const std::int64_t pad = kernel / 2;
        const Case c{{2, channels, 11, 9},
                     {channels, 1, kernel, kernel},
                     {stride, stride},
                     {pad, pad, pad, pad},
                     {1, 1},
                     channels};
        EXPECT_TRUE(did_run(make(c, Ending::rounded, true, 6.0F).run_implementations(exact()),
                            "conv_quantized_depthwise"));
        make(c, Ending::real).run_implementations(exact());
      }
    }
  }
}

// Bounds are those of u8: kernels may leave them to the instruction that packs numbers, unless values are so
// large that they do not fit into 32 bits.
TEST(QuantizedConvOp, ResultsBeyondTheTypeAreHeldInside) {
  for (const Case& c : {Case{{1, 16, 5, 7}, {40, 16, 1, 1}},
                        Case{{1, 20, 7, 9}, {20, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 20}}) {
    for (const bool residual : {false, true}) {
      for (const float scale : {0.02F, 3.0F, 1e4F, 1e12F}) {
        OpRunner runner("QuantizedConv", "godwit");
        runner.input(random_tensor<std::uint8_t>(c.src, 1, 0, 255))
            .constant(real(1.0F))
            .constant(zero(128))
            .constant(random_tensor<std::int8_t>(c.weights, 2, -127, 127))
            .constant(real(scale))
            .omitted()
            .constant(real(1.0F))
            .constant(zero(residual ? 77 : 0));
        if (residual) {
          runner.constant(real(40.0F)).constant(zero(7)).constant(real(0.5F)).constant(zero(0));
          runner.residual(random_tensor<std::uint8_t>(dst_shape(c), 5, 0, 255));
        }
        runner.attribute("pads", c.pads).attribute("group", c.group);
        runner.run_implementations(exact());
      }
    }
  }
}

TEST(QuantizedConvOp, DepthwiseSumsThatF32DoesNotHoldGoAnotherWay) {
  for (const std::int32_t bias : {(1 << 24) - 1 - 255 * 9, (1 << 24) - 255 * 9}) {
    OpRunner runner("QuantizedConv", "godwit");
    runner.input(random_tensor<std::uint8_t>({1, 8, 5, 5}, 1, 0, 255))
        .constant(real(1))
        .constant(zero(0))
        .constant(Tensor::of<std::int8_t>({8, 1, 3, 3}, std::vector<std::int8_t>(72, 1)))
        .constant(real(1))
        .constant(Tensor::of<std::int32_t>({8}, std::vector<std::int32_t>(8, bias)))
        .attribute("group", std::int64_t{8});
    EXPECT_EQ(did_run(runner.run_implementations(exact()), "conv_quantized_depthwise"),
              bias + 255 * 9 < 1 << 24);
  }
}

TEST(QuantizedConvOp, TheExtremesSumUpExactly) {
  // The largest sums: every product at its largest, 2,304 of them.
  for (const int weight : {-128, 127}) {
    OpRunner runner("QuantizedConv", "godwit");
    Tensor src({DType::u8, {1, 256, 3, 3}, Layout::nchw});
    std::ranges::fill(src.mutable_values<std::uint8_t>(), std::uint8_t{255});
    Tensor weights({DType::s8, {16, 256, 3, 3}, Layout::nchw});
    std::ranges::fill(weights.mutable_values<std::int8_t>(), static_cast<std::int8_t>(weight));
    runner.input(src).constant(real(1)).constant(zero(0)).constant(weights).constant(real(1));
    EXPECT_EQ(values_of<float>(runner.reference()[0])[0], static_cast<float>(255 * weight * 2304));
    runner.run_implementations(exact());
  }
}

TEST(QuantizedConvOp, Refuses) {
  const auto with = [](Tensor src, Tensor weights, Tensor scale) {
    return error_of([&] {
      OpRunner("QuantizedConv", "godwit")
          .input(src)
          .constant(real(1))
          .constant(zero(0))
          .constant(weights)
          .constant(scale)
          .infer();
    });
  };
  const Tensor src({DType::u8, {1, 2, 3, 3}, Layout::nchw}), weights({DType::s8, {4, 2, 1, 1}, Layout::nchw});
  EXPECT_EQ(with(Tensor({DType::s8, {1, 2, 3, 3}, Layout::nchw}), weights, real(1)),
            "input 0 is s8, expected u8");
  EXPECT_EQ(with(src, Tensor({DType::u8, {4, 2, 1, 1}, Layout::nchw}), real(1)),
            "input 3 is u8, expected s8");
  EXPECT_EQ(with(src, weights, random_tensor({3}, 1, 1, 2)),
            "the scale of the weights (input 4) has 3 numbers, expected 1 or 4");
}

}  // namespace
}  // namespace godwit::support
