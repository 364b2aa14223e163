// Arithmetic of dimensions that are numbers, symbols or unknown.
#include "ops/axes.h"

#include <gtest/gtest.h>
#include <vector>

#include "tests/support/counting.h"
#include "tests/support/errors.h"

namespace godwit::ops {
namespace {

using support::kBatch;
using support::kOther;

TEST(Axes, SymbolsAreEqualOnlyToThemselves) {
  EXPECT_TRUE(same_dim(3, 3));
  EXPECT_TRUE(same_dim(kBatch, kBatch));
  EXPECT_FALSE(same_dim(kBatch, kOther));
  EXPECT_FALSE(same_dim(kAnyDim, kAnyDim));
  EXPECT_TRUE(may_be_same_dim(kBatch, 3));
  EXPECT_FALSE(may_be_same_dim(2, 3));
}

TEST(Axes, MoreSpecificIsANumberThenASymbol) {
  for (const auto& [a, b, expected] : std::vector<std::array<std::int64_t, 3>>{
           {3, kBatch, 3}, {3, kAnyDim, 3}, {kBatch, kAnyDim, kBatch}, {kAnyDim, kAnyDim, kAnyDim}}) {
    EXPECT_EQ(more_specific_dim(a, b), expected);
    EXPECT_EQ(more_specific_dim(b, a), expected);
  }
  EXPECT_EQ(more_specific_dim(kBatch, kOther), kBatch);
}

TEST(Axes, ProductsAndSumsKeepLoneSymbols) {
  const auto product = [](std::vector<std::int64_t> dims) { return product_of(dims); };
  const auto sum = [](std::vector<std::int64_t> dims) { return sum_of(dims); };
  EXPECT_EQ(product({}), 1);
  EXPECT_EQ(product({2, 3}), 6);
  EXPECT_EQ(product({1, kBatch, 1}), kBatch);
  EXPECT_EQ(product({2, kBatch}), kAnyDim);
  EXPECT_EQ(product({kBatch, kOther}), kAnyDim);
  EXPECT_EQ(product({kBatch, 0}), 0);
  EXPECT_EQ(sum({}), 0);
  EXPECT_EQ(sum({2, 3}), 5);
  EXPECT_EQ(sum({0, kBatch}), kBatch);
  EXPECT_EQ(sum({1, kBatch}), kAnyDim);
  EXPECT_EQ(sum({kBatch, kBatch}), kAnyDim);
}

TEST(Axes, AreCountedFromEitherEnd) {
  EXPECT_EQ(normalize_axis(-4, 4), 0);
  EXPECT_EQ(normalize_axis(3, 4), 3);
  EXPECT_EQ(normalize_axes(std::vector<std::int64_t>{-1, 0}, 3), (std::vector<int>{2, 0}));
  EXPECT_EQ(support::error_of([] { normalize_axis(4, 4); }), "axis 4 is out of range, expected -4 to 3");
}

}  // namespace
}  // namespace godwit::ops
