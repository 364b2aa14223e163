// Conv: values by hand, geometry, groups, epilogues, shapes, refusals, and every implementation against the
// reference.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <vector>

#include "ops/movement.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"
#include "tests/support/winograd_bound.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
constexpr std::int64_t kBatch = kAnyDim - 1;
constexpr std::int64_t kWidth = kAnyDim - 2;

Tensor counting(const Shape& shape) {
  Floats values(static_cast<std::size_t>(shape.elements()));
  std::iota(values.begin(), values.end(), 0.0F);
  return Tensor::of<float>(shape, values);
}

Tensor ones(const Shape& shape) {
  return Tensor::of<float>(shape, Floats(static_cast<std::size_t>(shape.elements()), 1.0F));
}

Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(ConvOp, SumsUnderThreeByThree) {
  OpRunner plain("Conv");
  plain.input(counting({1, 1, 5, 5})).constant(ones({1, 1, 3, 3}));
  EXPECT_EQ(first(plain), (Floats{54, 63, 72, 99, 108, 117, 144, 153, 162}));
  EXPECT_EQ(first(plain.attribute("pads", {1, 1, 1, 1})),
            (Floats{12,  21, 27, 33,  24,  33,  54,  63, 72,  51,  63,  99, 108,
                    117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84}));
}

TEST(ConvOp, StridesAndPadsEachSideByItself) {
  OpRunner runner("Conv");
  runner.input(counting({1, 1, 7, 5})).constant(ones({1, 1, 3, 3})).attribute("strides", {2, 2});
  EXPECT_EQ(first(runner), (Floats{54, 72, 144, 162, 234, 252}));
  EXPECT_EQ(first(runner.attribute("pads", {1, 1, 1, 1})),
            (Floats{12, 27, 24, 63, 108, 81, 123, 198, 141, 112, 177, 124}));
  EXPECT_EQ(first(runner.attribute("pads", {1, 0, 1, 0})), (Floats{21, 33, 99, 117, 189, 207, 171, 183}));
}

TEST(ConvOp, WorksInOneDimension) {
  OpRunner runner("Conv");
  runner.input(Tensor::of<float>({1, 1, 4}, {1, 2, 3, 4})).constant(Tensor::of<float>({1, 1, 3}, {1, 0, -1}));
  EXPECT_EQ(first(runner.attribute("pads", {1, 1})), (Floats{-2, -2, -2, 3}));
}

// Whole elements from -4 to 4: sums of their products are exact.
Tensor whole(const Shape& shape, std::uint64_t seed) {
  return stored(random_tensor<std::int8_t>(shape, seed, -4, 4), DType::f32);
}

// ONNX's definition, written out with one loop for each index. All tensors are of rank 5.
Tensor convolved(const Tensor& src, const Tensor& weights, const Shape& dst,
                 const std::vector<std::int64_t>& strides, const std::vector<std::int64_t>& pads,
                 const std::vector<std::int64_t>& dilations, std::int64_t group) {
  const auto at = [](const Tensor& tensor, std::initializer_list<std::int64_t> index) {
    std::int64_t offset = 0;
    int axis = 0;
    for (const std::int64_t i : index) {
      const std::int64_t size = tensor.shape()[axis++];
      if (i < 0 || i >= size) return 0.0F;
      offset = offset * size + i;
    }
    return tensor.values<float>()[static_cast<std::size_t>(offset)];
  };
  const Shape& k = weights.shape();
  Floats values;
  ops::for_each_index(dst, [&](const ops::Index& o, std::int64_t) {
    float sum = 0;
    const std::int64_t first = o[1] / (dst[1] / group) * k[1];
    ops::for_each_index({k[1], k[2], k[3], k[4]}, [&](const ops::Index& t, std::int64_t) {
      const auto position = [&](std::size_t axis) {
        return o[axis + 2] * strides[axis] + t[axis + 1] * dilations[axis] - pads[axis];
      };
      sum += at(src, {o[0], first + t[0], position(0), position(1), position(2)}) *
             at(weights, {o[1], t[0], t[1], t[2], t[3]});
    });
    values.push_back(sum);
  });
  return Tensor::of<float>(dst, values);
}

TEST(ConvOp, WorksInThreeDimensions) {
  OpRunner cube("Conv");
  cube.input(counting({1, 1, 2, 2, 2})).constant(ones({1, 1, 2, 2, 2}));
  EXPECT_EQ(first(cube), (Floats{28}));
  EXPECT_EQ(first(cube.attribute("auto_pad", "SAME_UPPER")), (Floats{28, 16, 18, 10, 22, 12, 13, 7}));
  EXPECT_EQ(cube.layout(), ops::LayoutRule::nhwc);

  const Tensor src = whole({2, 4, 5, 6, 7}, 1), weights = whole({6, 2, 3, 2, 3}, 2);
  const std::vector<std::int64_t> strides{1, 2, 3}, pads{1, 0, 2, 0, 1, 1}, dilations{2, 1, 2};
  OpRunner runner("Conv");
  runner.input(src).constant(weights).attribute("group", 2);
  runner.attribute("strides", strides).attribute("pads", pads).attribute("dilations", dilations);
  EXPECT_EQ(runner.shape(), Shape({2, 6, 2, 3, 2}));
  EXPECT_EQ(first(runner),
            values_of<float>(convolved(src, weights, runner.shape(), strides, pads, dilations, 2)));
  runner.constant(whole({6}, 3)).residual(whole(runner.shape(), 4)).clamp(0);
  EXPECT_TRUE(did_run(runner.run_implementations(exact()), "conv_gemm"));
  for (const Shape& kernel : {Shape{24, 16, 1, 1, 1}, Shape{24, 16, 3, 3, 3}, Shape{9, 16, 2, 1, 3}}) {
    OpRunner volume("Conv");
    volume.input(random_tensor({2, 16, 4, 5, 3}, 1))
        .constant(random_tensor(kernel, 2))
        .attribute("strides", {2, 1, 1});
    if (kernel[2] == 3) volume.attribute("pads", {1, 1, 1, 1, 1, 1});
    const std::int64_t length = kernel.product(1, 5);
    EXPECT_TRUE(did_run(volume.run_implementations(product_sum_bound(volume, length)), "conv_gemm"));
    const OpRunner half = volume.stored_as(DType::f16);
    half.run_implementations(rounded_to(DType::f16, product_sum_bound(half, length)));
  }
}

TEST(ConvOp, AVolumeOfOneSliceIsAnImage) {
  const Tensor src = random_tensor({2, 6, 9, 7}, 1), weights = random_tensor({4, 3, 3, 2}, 2);
  OpRunner image("Conv"), volume("Conv");
  image.input(src).constant(weights).attribute("group", 2).attribute("pads", {1, 2, 0, 1});
  volume.input(src.reshaped({2, 6, 1, 9, 7}))
      .constant(weights.reshaped({4, 3, 1, 3, 2}))
      .attribute("group", 2);
  volume.attribute("pads", {0, 1, 2, 0, 0, 1});
  EXPECT_EQ(first(volume), first(image));
}

TEST(ConvOp, Dilates) {
  OpRunner runner("Conv");
  runner.input(Tensor::of<float>({1, 1, 5}, {1, 2, 3, 4, 5})).constant(ones({1, 1, 2}));
  EXPECT_EQ(first(runner.attribute("dilations", {3})), (Floats{5, 7}));
}

TEST(ConvOp, PadsAutomatically) {
  OpRunner runner("Conv");
  runner.input(Tensor::of<float>({1, 1, 4}, {1, 2, 3, 4}))
      .constant(ones({1, 1, 3}))
      .attribute("strides", {2});
  EXPECT_EQ(first(runner.attribute("auto_pad", "SAME_UPPER")), (Floats{6, 7}));
  EXPECT_EQ(first(runner.attribute("auto_pad", "SAME_LOWER")), (Floats{3, 9}));
  EXPECT_EQ(first(runner.attribute("auto_pad", "VALID")), (Floats{6}));
}

TEST(ConvOp, ConvolvesGroupsApartAndAddsTheBias) {
  OpRunner runner("Conv");
  runner.input(Tensor::of<float>({1, 2, 1, 2}, {1, 2, 3, 4}));
  runner.constant(Tensor::of<float>({4, 1, 1, 1}, {1, 10, 100, 1000})).attribute("group", 2);
  EXPECT_EQ(first(runner), (Floats{1, 2, 10, 20, 300, 400, 3000, 4000}));
  runner.constant(Tensor::of<float>({4}, {0.5F, 1, 2, 4}));
  EXPECT_EQ(first(runner), (Floats{1.5F, 2.5F, 11, 21, 302, 402, 3004, 4004}));
}

TEST(ConvOp, AddsBiasThenResidualThenClamps) {
  OpRunner runner("Conv");
  runner.input(Tensor::of<float>({1, 1, 1, 3}, {1, 2, 3})).constant(Tensor::of<float>({1, 1, 1, 1}, {2}));
  OpRunner without_bias = runner;
  without_bias.residual(Tensor::of<float>({1, 1, 1, 3}, {-10, 1, 0}));
  EXPECT_EQ(first(without_bias), (Floats{-8, 5, 6}));
  runner.constant(Tensor::of<float>({1}, {1})).residual(Tensor::of<float>({1, 1, 1, 3}, {-10, 1, 0}));
  EXPECT_EQ(first(runner), (Floats{-7, 6, 7}));
  EXPECT_EQ(first(runner.clamp(0, 6.5F)), (Floats{0, 6, 6.5F}));
}

TEST(ConvOp, ClampLetsNanPass) {
  OpRunner runner("Conv");
  runner.input(Tensor::of<float>({1, 1, 1, 2}, {std::numeric_limits<float>::quiet_NaN(), -1}));
  runner.constant(ones({1, 1, 1, 1})).clamp(0, 6);
  const Floats values = first(runner);
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], 0);
}

TEST(ConvOp, ComputesDoubles) {
  OpRunner runner("Conv");
  runner.input(Tensor::of<double>({1, 1, 2}, {1, 1e-12})).constant(Tensor::of<double>({1, 1, 2}, {1, 1}));
  EXPECT_EQ(values_of<double>(runner.reference()[0]), (std::vector<double>{1 + 1e-12}));
}

TEST(ConvOp, EmptyTensors) {
  EXPECT_EQ(OpRunner("Conv").input(ones({0, 2, 3, 3})).constant(ones({4, 2, 3, 3})).reference()[0].shape(),
            Shape({0, 4, 1, 1}));
  EXPECT_EQ(OpRunner("Conv").input(ones({1, 2, 3, 3})).constant(ones({0, 2, 3, 3})).reference()[0].shape(),
            Shape({1, 0, 1, 1}));
  // No channel at all: sums of nothing, and the bias.
  OpRunner runner("Conv");
  runner.input(ones({1, 0, 1, 2})).constant(ones({1, 0, 1, 1})).constant(Tensor::of<float>({1}, {3}));
  EXPECT_EQ(first(runner), (Floats{3, 3}));
}

TEST(ConvOp, InfersSymbolicShapes) {
  OpRunner stem("Conv");
  stem.input({kBatch, 3, 224, 224})
      .input({64, 3, 7, 7})
      .attribute("strides", {2, 2})
      .attribute("pads", {3, 3, 3, 3});
  EXPECT_EQ(stem.shape(), Shape({kBatch, 64, 112, 112}));
  OpRunner same("Conv");
  same.input({1, 3, 8, kWidth}).input({4, 3, 3, 3}).attribute("pads", {1, 1, 1, 1});
  EXPECT_EQ(same.shape(), Shape({1, 4, 8, kWidth}));
  EXPECT_EQ(same.attribute("strides", {2, 2}).shape(), Shape({1, 4, 4, kAnyDim}));
  EXPECT_EQ(OpRunner("Conv").input({1, 3, 8, 8}).input(Shape::unranked()).shape(),
            Shape({1, kAnyDim, kAnyDim, kAnyDim}));
  OpRunner by_attribute("Conv");
  by_attribute.input({1, 3, 8, 8}).input({4, 3, kAnyDim, kAnyDim}).attribute("kernel_shape", {3, 3});
  EXPECT_EQ(by_attribute.shape(), Shape({1, 4, 6, 6}));
  EXPECT_EQ(OpRunner("Conv").input(Shape::unranked()).input({4, 3, 3, 3}).shape(), Shape::unranked());
}

TEST(ConvOp, RefusesWhatDoesNotFit) {
  const auto error = [](const Shape& src, const Shape& weights, auto&&... more) {
    OpRunner runner("Conv");
    runner.input(src).input(weights);
    (more(runner), ...);
    return error_of([&] { runner.infer(); });
  };
  const auto with = [](const char* name, auto value) {
    return [name, value](OpRunner& runner) { runner.attribute(name, value); };
  };
  using Integers = std::vector<std::int64_t>;
  EXPECT_EQ(error({1, 3, 4, 4, 4, 4}, {1, 3, 3, 3, 3, 3}),
            "input 0 has 6 dimensions (1x3x4x4x4x4), expected 3 to 5");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 3}), "input 1 has 3 dimensions (1x3x3), expected 4");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 2, 3, 3}),
            "the weights' number of input channels per group is 2, expected 3");
  EXPECT_EQ(error({1, 3, 4, 4}, {2, 1, 3, 3}, with("group", 2)),
            "3 input channels cannot be split into 2 groups");
  EXPECT_EQ(error({1, 4, 4, 4}, {3, 2, 3, 3}, with("group", 2)),
            "3 output channels cannot be split into 2 groups");
  EXPECT_EQ(error({1, 4, 4, 4}, {3, 2, 3, 3}, with("group", 0)),
            "attribute 'group' is 0, expected at least 1");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 3, 3}, with("kernel_shape", Integers{3, 5})),
            "attribute 'kernel_shape' has 5, the weights 1x3x3x3 have 3");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 3, 3}, with("pads", Integers{1, 1, 1})),
            "attribute 'pads' has 3 values, expected 4");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 3, 3}, with("strides", Integers{0, 1})),
            "attribute 'strides' has value 0, expected at least 1");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 5, 5}),
            "a window of 5 (dilation 1) does not fit into 4 padded by 0 and 0");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 3, 3}, with("auto_pad", "SAME")),
            "attribute 'auto_pad' is 'SAME', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 3, 3}, [](OpRunner& runner) { runner.input({2}); }),
            "the length of the bias is 2, expected 1");
  EXPECT_EQ(error({1, 3, 4, 4}, {1, 3, 3, 3},
                  [](OpRunner& runner) {
                    runner.residual(ones({1, 1, 4, 4}));
                  }),
            "the residual has shape 1x1x4x4, expected 1x1x2x2");
}

TEST(ConvOp, RefusesOtherTypes) {
  const TensorDesc bytes{DType::u8, {1, 3, 4, 4}, {}}, doubles{DType::f64, {1, 3, 3, 3}, {}};
  EXPECT_EQ(error_of([&] { OpRunner("Conv").input(bytes).input(bytes).infer(); }),
            "input 0 is u8, expected f32, f64, f16 or bf16");
  EXPECT_EQ(error_of([&] {
              OpRunner("Conv").input({1, 3, 4, 4}).input(doubles).infer();
            }),
            "input 1 is f64, expected f32 as input 0");
}

TEST(ConvOp, CountsItsWork) {
  OpRunner runner("Conv");
  runner.input({2, 8, 5, 5}).constant(ones({6, 4, 3, 3})).attribute("group", 2).constant(ones({6}));
  // 2 x 6 x 3 x 3 results of 4 x 3 x 3 products each.
  EXPECT_EQ(runner.cost().macs, 108 * 36);
  EXPECT_EQ(runner.cost().flops, 2 * 108 * 36 + 108);
  EXPECT_EQ(runner.clamp(0).cost().flops, 2 * 108 * 36 + 2 * 108);
  EXPECT_EQ(runner.layout(), ops::LayoutRule::nhwc);
}

struct Case {
  Shape src, weights;
  std::vector<std::int64_t> strides, pads, dilations;
  std::int64_t group = 1;
};

OpRunner node_of(const Case& one, const Tensor& src, const Tensor& weights, int variant) {
  OpRunner runner("Conv");
  runner.input(src).constant(weights).attribute("group", one.group);
  runner.attribute("strides", one.strides).attribute("pads", one.pads).attribute("dilations", one.dilations);
  const Shape dst = runner.shape();
  if ((variant & 1) != 0) runner.constant(random_tensor({one.weights[0]}, 3));
  if ((variant & 2) != 0) runner.residual(random_tensor(dst, 4));
  if ((variant & 4) != 0) runner.clamp(-0.25F, 1.5F);
  return runner;
}

// Sums of IC products between transforms: each of the two-dimensional ones of input and output rounds at most
// eight times, the filters' once; then come bias, residual and the reference.
// Transformed weights in f16 have been rounded once more, to that.
Bound winograd_bound(const Case& one, const Tensor& src, const Tensor& weights, int variant,
                     DType dtype = DType::f32) {
  const OpRunner node = node_of(one, src, weights, variant);
  const StoredUnits units = stored_units(dtype);
  const bool packs_f16 = dtype == DType::f16;
  const Tensor added = node_of(one, src, random_tensor(one.weights, 0, 0, 0), variant).magnitudes();
  const auto of = [&](std::int64_t m) {
    return winograd_magnitudes(m, src, weights, node.shape(), one.pads[0], one.pads[1]);
  };
  // Each transformed weight that underflows in f16 is off by half the smallest number, times the transformed
  // pixels, which are at most 100 times the largest, summed over channels and by the output transform.
  const double underflow = packs_f16 ? units.smallest * 100 * 225 * static_cast<double>(one.src[1]) : 0;
  const std::int64_t roundings = one.src[1] + 8 + 1 + 8 + 3;
  return [two = of(2), four = of(4), added, roundings, units, packs_f16, underflow](const Element& element) {
    const Tensor& magnitudes = element.implementation == "conv_winograd2" ? two : four;
    const double packed = packs_f16 ? units.roundoff * value_at(magnitudes, element.index) : 0;
    return gamma(roundings) * (value_at(magnitudes, element.index) + value_at(added, element.index)) +
           packed + underflow;
  };
}

// All combinations of bias, residual and clamp.
void run_all_epilogues(const Case& one) {
  const Tensor src = random_tensor(one.src, 1), weights = random_tensor(one.weights, 2);
  for (int variant = 0; variant < 8; ++variant) {
    SCOPED_TRACE("src " + one.src.to_string() + ", weights " + one.weights.to_string() + ", epilogue " +
                 std::to_string(variant));
    const OpRunner node = node_of(one, src, weights, variant);
    const Bound direct = product_sum_bound(node, one.weights.product(1, one.weights.rank()));
    const bool may_be_winograd =
        one.weights.rank() == 4 && one.weights[2] == 3 && one.weights[3] == 3 && one.group == 1;
    const Bound winograd = may_be_winograd ? winograd_bound(one, src, weights, variant) : direct;
    node.run_implementations([&](const Element& element) {
      return element.implementation.starts_with("conv_winograd") ? winograd(element) : direct(element);
    });
  }
}

// The same in a 16-bit float, the bias in f32, the result in either.
std::vector<Ran> run_stored(const Case& one, DType dtype) {
  const Tensor src = stored(random_tensor(one.src, 1), dtype);
  const Tensor weights = stored(random_tensor(one.weights, 2), dtype);
  std::vector<Ran> all;
  for (int variant = 0; variant < 16; ++variant) {
    SCOPED_TRACE("src " + one.src.to_string() + ", weights " + one.weights.to_string() + ", " +
                 std::string(name_of(dtype)) + ", epilogue " + std::to_string(variant));
    OpRunner node("Conv");
    node.input(src).constant(weights).attribute("group", one.group);
    node.attribute("strides", one.strides).attribute("pads", one.pads).attribute("dilations", one.dilations);
    const bool dst_f32 = (variant & 8) != 0;
    if (dst_f32) node.dst_f32();
    const Shape dst = node.shape();
    const Tensor residual = random_tensor(dst, 4);
    if ((variant & 1) != 0) node.constant(random_tensor({one.weights[0]}, 3));
    if ((variant & 2) != 0) node.residual(dst_f32 ? residual : stored(residual, dtype));
    if ((variant & 4) != 0) node.clamp(-0.25F, 1.5F);
    // Magnitudes are f32 sums of the widened operands: rounding them to 16 bits would shift the bound.
    const Tensor real_src = stored(src, DType::f32), real_weights = stored(weights, DType::f32);
    const OpRunner real = node_of(one, real_src, real_weights, variant & 7);
    const Bound direct = product_sum_bound(real, one.weights.product(1, one.weights.rank()));
    const bool may_be_winograd =
        one.weights.rank() == 4 && one.weights[2] == 3 && one.weights[3] == 3 && one.group == 1;
    const Bound winograd =
        may_be_winograd ? winograd_bound(one, real_src, real_weights, variant & 7, dtype) : direct;
    const Bound sums = [&](const Element& element) {
      return element.implementation.starts_with("conv_winograd") ? winograd(element) : direct(element);
    };
    const std::vector<Ran> ran = node.run_implementations(dst_f32 ? sums : rounded_to(dtype, sums));
    all.insert(all.end(), ran.begin(), ran.end());
  }
  return all;
}

TEST(ConvOp, EveryImplementationTakesSixteenBits) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const auto expect = [&](const Case& one, std::string_view implementation) {
      EXPECT_TRUE(did_run(run_stored(one, dtype), implementation)) << implementation;
    };
    expect({{2, 19, 5, 7}, {33, 19, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, "conv_gemm");
    expect({{1, 64, 7, 7}, {72, 64, 1, 1}, {1, 1}, {1, 0, 0, 2}, {1, 1}}, "conv_gemm");
    expect({{1, 24, 9, 8}, {40, 12, 1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}, 2}, "conv_gemm");
    expect({{1, 3, 17, 15}, {24, 3, 7, 7}, {2, 2}, {3, 3, 3, 3}, {1, 1}}, "conv_gemm_rows");
    expect({{1, 16, 9, 11}, {32, 8, 3, 3}, {2, 1}, {0, 1, 2, 0}, {1, 1}, 2}, "conv_gemm");
    expect({{1, 17, 9, 5}, {35, 17, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, "conv_winograd4");
    expect({{2, 8, 14, 14}, {16, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, "conv_winograd2");
    expect({{2, 19, 7, 7}, {19, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 19}, "conv_depthwise");
    expect({{1, 96, 9, 6}, {96, 1, 5, 5}, {2, 2}, {2, 2, 2, 2}, {1, 1}, 96}, "conv_depthwise");
    expect({{1, 16, 8, 8}, {16, 1, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}, 16}, "conv_depthwise");
    expect({{1, 16, 9}, {16, 16, 3}, {1}, {1, 1}, {1}}, "conv_gemm");
    // Odd numbers of channels under each tap, for kernels that take pairs of them.
    expect({{2, 15, 5, 6}, {9, 5, 3, 2}, {1, 2}, {1, 0, 1, 1}, {1, 1}, 3}, "conv_gemm");
    expect({{1, 10, 4, 7}, {6, 5, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 2}, "conv_gemm");
    expect({{1, 7, 9, 8}, {34, 7, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}}, "conv_gemm");
    expect({{2, 4, 11, 9}, {20, 4, 5, 5}, {2, 1}, {2, 1, 0, 2}, {1, 1}}, "conv_gemm_rows");
    // Rows that lie 4 KiB apart.
    expect({{1, 2048, 3, 3}, {35, 2048, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, "conv_gemm");
  }
}

// Steps of several numbers must not let a pixel's neighbour in.
TEST(ConvOp, AnInfinityStaysInItsWindows) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t kernel : {1, 3}) {
      for (const std::int64_t channels : {3, 7, 8, 13}) {
        SCOPED_TRACE(std::to_string(channels) + " channels, kernel " + std::to_string(kernel));
        Tensor src = random_tensor({2, channels, 5, 7}, 1, 0.5, 1);
        src.mutable_values<float>()[17] = std::numeric_limits<float>::infinity();
        OpRunner node("Conv");
        node.input(src).constant(random_tensor({19, channels, kernel, kernel}, 2, 0.5, 1));
        // Stride 2 keeps Winograd's transforms out, whose differences spread an infinity over their tile.
        node.attribute("strides", {2, 2});
        const OpRunner same = dtype == DType::f32 ? node : node.stored_as(dtype);
        const std::int64_t length = channels * kernel * kernel;
        const Bound sums = roundings(length + 2);
        const auto ran = same.run_implementations(dtype == DType::f32 ? sums : rounded_to(dtype, sums));
        EXPECT_TRUE(did_run(ran, "conv_gemm"));
      }
    }
  }
}

TEST(ConvOp, EveryImplementationAgreesOnPointwise) {
  run_all_epilogues({{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}});
  run_all_epilogues({{2, 19, 5, 7}, {33, 19, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}});
  run_all_epilogues({{1, 64, 7, 7}, {72, 64, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}});
  run_all_epilogues({{1, 24, 9, 8}, {40, 24, 1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}});
  run_all_epilogues({{1, 5, 3, 3}, {7, 5, 1, 1}, {1, 1}, {1, 0, 0, 2}, {1, 1}});
  // Many tiles below each other, of two heights, and a last panel that is not full.
  run_all_epilogues({{2, 20, 17, 19}, {43, 20, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}});
  run_all_epilogues({{1, 1024, 5, 5}, {24, 1024, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}});
}

TEST(ConvOp, EveryImplementationAgreesOnWindows) {
  run_all_epilogues({{1, 3, 17, 15}, {24, 3, 7, 7}, {2, 2}, {3, 3, 3, 3}, {1, 1}});
  // More rows than one block has, and more weights than stay in the L2.
  run_all_epilogues({{1, 3, 45, 39}, {24, 3, 7, 7}, {2, 2}, {3, 3, 3, 3}, {1, 1}});
  run_all_epilogues({{1, 8, 9, 10}, {700, 8, 5, 5}, {2, 2}, {2, 2, 2, 2}, {1, 1}});
  run_all_epilogues({{2, 8, 14, 14}, {16, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}});
  run_all_epilogues({{1, 17, 6, 5}, {35, 17, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}});
  run_all_epilogues({{1, 16, 9, 11}, {32, 16, 3, 3}, {2, 1}, {0, 1, 2, 0}, {1, 1}});
  run_all_epilogues({{1, 4, 12, 12}, {9, 4, 3, 2}, {1, 1}, {2, 1, 2, 0}, {2, 3}});
  run_all_epilogues({{1, 6, 4, 9}, {5, 6, 1, 5}, {1, 3}, {0, 2, 0, 2}, {1, 1}});
  // Lines of which a few at a time are copied with their borders, and fewer lines than threads.
  run_all_epilogues({{2, 4, 23, 1200}, {2, 4, 3, 3}, {2, 2}, {1, 2, 1, 0}, {1, 1}});
  run_all_epilogues({{1, 3, 1, 50}, {9, 3, 1, 7}, {1, 2}, {0, 3, 0, 3}, {1, 1}});
  // Padding wider than the kernel: whole windows lie outside.
  run_all_epilogues({{1, 2, 2, 2}, {3, 2, 2, 2}, {1, 1}, {3, 3, 3, 3}, {1, 1}});
}

TEST(ConvOp, EveryImplementationAgreesOnGroups) {
  run_all_epilogues({{1, 8, 6, 6}, {12, 2, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 4});
  run_all_epilogues({{1, 32, 5, 5}, {64, 16, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 2});
  run_all_epilogues({{2, 19, 7, 7}, {19, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 19});
  run_all_epilogues({{1, 96, 9, 6}, {96, 1, 5, 5}, {2, 2}, {2, 2, 2, 2}, {1, 1}, 96});
  run_all_epilogues({{1, 16, 8, 8}, {16, 1, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}, 16});
  // More channels, columns and lines than are taken at once, and none at all.
  run_all_epilogues({{1, 150, 9, 41}, {150, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 150});
  run_all_epilogues({{2, 135, 11, 23}, {135, 1, 3, 3}, {2, 2}, {0, 1, 1, 0}, {1, 1}, 135});
  run_all_epilogues({{1, 140, 7, 30}, {140, 1, 5, 5}, {1, 1}, {2, 2, 2, 2}, {1, 1}, 140});
  run_all_epilogues({{0, 16, 8, 8}, {16, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 16});
  // Two output channels for each input channel.
  run_all_epilogues({{1, 6, 5, 5}, {12, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 6});
}

TEST(ConvOp, EveryImplementationAgreesInOneDimensionAndOnNothing) {
  run_all_epilogues({{2, 5, 23}, {7, 5, 4}, {2}, {1, 2}, {2}});
  run_all_epilogues({{1, 16, 9}, {16, 1, 3}, {1}, {1, 1}, {1}, 16});
  run_all_epilogues({{0, 4, 5, 5}, {8, 4, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}});
  run_all_epilogues({{1, 0, 5, 5}, {8, 0, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}});
  run_all_epilogues({{1, 4, 5, 5}, {0, 4, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}});
}

TEST(ConvOp, EveryImplementationTakesComputedWeights) {
  OpRunner runner("Conv");
  runner.input(random_tensor({1, 8, 6, 6}, 1))
      .input(random_tensor({16, 8, 3, 3}, 2))
      .input(random_tensor({16}, 3));
  runner.run_implementations(product_sum_bound(runner, 72));
}

}  // namespace
}  // namespace godwit::support
