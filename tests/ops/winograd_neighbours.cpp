// One large value and what Winograd's transforms carry of it to its neighbours: no more than ops/README.md
// says.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

constexpr std::int64_t kChannels = 16, kSide = 11;

// The largest magnitude that the tile of this pixel of the result reads, over all channels.
double largest_in_tile(const Tensor& src, std::int64_t m, std::int64_t oh, std::int64_t ow) {
  const std::int64_t top = oh / m * m - 1, left = ow / m * m - 1;
  double largest = 0;
  for (std::int64_t c = 0; c < kChannels; ++c) {
    for (std::int64_t h = std::max<std::int64_t>(top, 0); h < std::min(top + m + 2, kSide); ++h) {
      for (std::int64_t w = std::max<std::int64_t>(left, 0); w < std::min(left + m + 2, kSide); ++w)
        largest =
            std::max(largest, std::abs(value_at(src, static_cast<std::size_t>((c * kSide + h) * kSide + w))));
    }
  }
  return largest;
}

TEST(Winograd, BlursNeighboursWithinTheStatedBound) {
  const Tensor weights = random_tensor({8, kChannels, 3, 3}, 2);
  std::vector<double> sums(8);  // of the magnitudes of each result channel's weights
  for (std::size_t i = 0; i < weights.values<float>().size(); ++i)
    sums[i / (kChannels * 9)] += std::abs(value_at(weights, i));
  for (const auto& [h, w] : {std::pair{5, 5}, {0, 0}, {3, 4}, {10, 7}}) {
    for (const float large : {1e6F, -3e4F, 1e20F}) {
      Tensor src = random_tensor({1, kChannels, kSide, kSide}, 1);
      src.mutable_values<float>()[static_cast<std::size_t>((7 * kSide + h) * kSide + w)] = large;
      OpRunner node("Conv");
      node.input(src).constant(weights).attribute("pads", {1, 1, 1, 1});
      const Bound direct = product_sum_bound(node, 9 * kChannels);
      const auto ran = node.run_implementations([&](const Element& element) {
        if (!element.implementation.starts_with("conv_winograd")) return direct(element);
        const std::int64_t m = element.implementation == "conv_winograd2" ? 2 : 4;
        const double factor = m == 2 ? 16 : 861;
        const auto at = static_cast<std::int64_t>(element.index);
        const double largest = largest_in_tile(src, m, at / kSide % kSide, at % kSide);
        return gamma(kChannels + 20) * factor * largest * sums[element.index / (kSide * kSide)];
      });
      EXPECT_TRUE(did_run(ran, "conv_winograd4"));
      EXPECT_TRUE(did_run(ran, "conv_winograd2"));
    }
  }
}

// The factors: rows of |Bᵀ| times the largest of |G|'s rows, through |Aᵀ|, in both directions.
TEST(Winograd, BoundFollowsFromItsMatrices) {
  const auto factor = [](const std::vector<std::vector<double>>& a, const std::vector<double>& g,
                         const std::vector<double>& b) {
    double largest = 0;
    for (const auto& row : a) {
      double sum = 0;
      for (std::size_t i = 0; i < row.size(); ++i) sum += row[i] * g[i] * b[i];
      largest = std::max(largest, sum);
    }
    return largest * largest;
  };
  EXPECT_EQ(factor({{1, 1, 1, 0}, {0, 1, 1, 1}}, {1, 0.5, 0.5, 1}, {2, 2, 2, 2}), 16);
  const double four = factor({{1, 1, 1, 1, 1, 0}, {0, 1, 1, 2, 2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, 1, 8, 8, 1}},
                             {1. / 4, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1}, {10, 10, 10, 6, 6, 10});
  EXPECT_LE(four, 861);
  EXPECT_GT(four, 860);
}

}  // namespace
}  // namespace godwit::support
