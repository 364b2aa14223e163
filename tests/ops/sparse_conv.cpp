// Convolutions that skip zeros: every way in which rows, taps, panels and parts of the inner dimension can be
// cut, by densities from nothing to everything.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

struct Case {
  Shape src, weights;
  std::vector<std::int64_t> strides, pads, dilations;
  std::int64_t group = 1;
};

// A tensor that a ReLU could have left: this share of the elements is above 0.
Tensor sparse_tensor(const Shape& shape, double density) {
  Random random(7);
  Tensor tensor(TensorDesc{DType::f32, shape, Layout::nchw});
  for (float& value : tensor.mutable_values<float>()) {
    const double drawn = random.uniform();
    value = random.uniform() < density ? static_cast<float>(drawn) : 0.0F;
  }
  return tensor;
}

OpRunner node_of(const Case& one, const Tensor& src, const Tensor& weights, int variant) {
  OpRunner node("Conv");
  node.input(src).constant(weights).attribute("group", one.group).sparse_input();
  node.attribute("strides", one.strides).attribute("pads", one.pads).attribute("dilations", one.dilations);
  const Shape dst = node.shape();
  if ((variant & 1) != 0) node.constant(random_tensor({one.weights[0]}, 3));
  if ((variant & 2) != 0) node.residual(random_tensor(dst, 4));
  if ((variant & 4) != 0) node.clamp(-0.25F, 1.5F);
  return node;
}

std::string kernel_of(const std::vector<Ran>& all, std::string_view implementation, Isa isa) {
  for (const Ran& ran : all) {
    if (ran.implementation == implementation && ran.isa == isa) return ran.kernel;
  }
  return "(did not run)";
}

// `bound`, but for Winograd's implementations, whose bounds are others: they are tested with Conv.
Bound without_winograd(const Bound& bound) {
  return [bound](const Element& element) {
    return element.implementation.starts_with("conv_winograd") ? std::numeric_limits<double>::max()
                                                               : bound(element);
  };
}

// On every ISA, within the bounds of sums of products; 16-bit operands too.
void expect_right(const Case& one, double density) {
  const Tensor src = sparse_tensor(one.src, density), weights = random_tensor(one.weights, 2);
  for (int variant = 0; variant < 8; ++variant) {
    SCOPED_TRACE("src " + one.src.to_string() + ", weights " + one.weights.to_string() + ", density " +
                 std::to_string(density) + ", epilogue " + std::to_string(variant));
    const OpRunner node = node_of(one, src, weights, variant);
    const std::int64_t length = one.weights.product(1, one.weights.rank());
    const std::vector<Ran> ran = node.run_implementations(without_winograd(product_sum_bound(node, length)));
    EXPECT_TRUE(kernel_of(ran, "conv_gemm", Isa::generic).starts_with("sparse_gemm_f32_")) << ran.size();
    if (variant != 0 && variant != 7) continue;
    for (const DType dtype : {DType::f16, DType::bf16}) {
      SCOPED_TRACE(name_of(dtype));
      const OpRunner narrow = node.stored_as(dtype, 2);  // the bias stays f32
      // Magnitudes of the operands as they are stored, but in f32: rounding magnitudes to 16 bits would shift
      // the bound.
      const auto rounded = [&](const Tensor& tensor) { return stored(stored(tensor, dtype), DType::f32); };
      const Bound sums = product_sum_bound(node_of(one, rounded(src), rounded(weights), variant), length);
      const std::vector<Ran> narrow_ran =
          narrow.run_implementations(without_winograd(rounded_to(dtype, sums)));
      EXPECT_TRUE(kernel_of(narrow_ran, "conv_gemm", Isa::generic).starts_with("sparse_gemm_"));
    }
  }
}

TEST(SparseConv, EveryDensity) {
  for (const double density : {0.0, 0.02, 0.3, 0.6, 1.0})
    expect_right({{1, 100, 9, 7}, {200, 100, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, density);
}

TEST(SparseConv, WholePanelsHalfOnesAndParts) {
  for (const std::int64_t columns : {1, 5, 8, 13, 16, 24, 33, 96, 131, 224})
    expect_right({{2, 35, 5, 4}, {columns, 35, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, 0.2);
}

TEST(SparseConv, EveryDepth) {
  for (const std::int64_t depth : {1, 2, 15, 16, 17, 64, 65, 300, 1030})
    expect_right({{1, depth, 3, 5}, {120, depth, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, 0.2);
}

TEST(SparseConv, StridesPadsAndGroups) {
  expect_right({{1, 40, 9, 9}, {72, 40, 1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}}, 0.3);
  expect_right({{2, 40, 5, 6}, {50, 40, 1, 1}, {1, 2}, {1, 0, 0, 2}, {1, 1}}, 0.3);
  expect_right({{1, 70, 6, 5}, {96, 35, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 2}, 0.2);
  expect_right({{1, 48, 9}, {70, 48, 1}, {1}, {0, 0}, {1}}, 0.2);
}

TEST(SparseConv, SeveralTaps) {
  expect_right({{2, 33, 7, 7}, {100, 33, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, 0.2);
  expect_right({{1, 130, 6, 5}, {72, 130, 3, 3}, {2, 2}, {1, 0, 0, 1}, {1, 1}}, 0.1);
  expect_right({{1, 24, 9, 8}, {40, 24, 3, 2}, {1, 1}, {2, 1, 2, 1}, {2, 2}}, 0.2);
  expect_right({{1, 20, 9, 8}, {28, 20, 5, 5}, {1, 1}, {2, 2, 2, 2}, {1, 1}}, 0.0);
  expect_right({{1, 20, 9, 8}, {28, 20, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, 1.0);
  expect_right({{1, 40, 11}, {70, 40, 3}, {1}, {1, 1}, {1}}, 0.2);
}

TEST(SparseConv, MoreRowsThanABlock) {
  expect_right({{1, 19, 31, 29}, {97, 19, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, 0.2);
  expect_right({{1, 24, 17, 18}, {33, 24, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, 0.2);
}

// The rows that stand for all are empty, the others full: lists end before the block does.
TEST(SparseConv, MoreNumbersThanExpected) {
  const Case one{{1, 700, 16, 16}, {48, 700, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}};
  Tensor src = sparse_tensor(one.src, 1);
  const auto values = src.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 256 % 16 == 0) values[i] = 0;
  }
  const OpRunner node = node_of(one, src, random_tensor(one.weights, 2), 7);
  node.run_implementations(product_sum_bound(node, 700));
}

TEST(SparseConv, NansAndInfinitiesAreNotZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::int64_t kernel : {1, 3}) {
    Tensor src = sparse_tensor({1, 32, 5, 5}, 0.2);
    src.mutable_values<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    src.mutable_values<float>()[24] = infinity;
    src.mutable_values<float>()[12] = -0.0F;
    OpRunner node("Conv");
    node.input(src).constant(random_tensor({40, 32, kernel, kernel}, 2, 0.5, 1)).sparse_input();
    node.attribute("strides", {2, 2});  // so that Winograd stays out
    node.run_implementations(product_sum_bound(node, 32 * kernel * kernel));
  }
}

// Zero times infinity is not zero: nothing may be skipped.
TEST(SparseConv, MultipliesZerosByWhatIsNotFinite) {
  for (const float value :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Tensor weights = random_tensor({20, 16, 1, 1}, 2, 0.5, 1);
    weights.mutable_values<float>()[7] = value;
    OpRunner node("Conv");
    node.input(sparse_tensor({1, 16, 4, 4}, 0.2)).constant(weights).sparse_input();
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      const bool narrow = dtype != DType::f32;
      const OpRunner stored = narrow ? node.stored_as(dtype) : node;
      const Bound sums = roundings(16 + 2);
      const std::vector<Ran> ran = stored.run_implementations(narrow ? rounded_to(dtype, sums) : sums);
      EXPECT_TRUE(kernel_of(ran, "conv_gemm", Isa::generic).starts_with("gemm_")) << ran.size();
    }
  }
}

}  // namespace
}  // namespace godwit::support
