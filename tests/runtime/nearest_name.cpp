// Mistyped names and what was meant.
#include "runtime/nearest_name.h"

#include <array>
#include <gtest/gtest.h>

namespace godwit {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"classify", "accuracy", "bench",
                                                    "Conv",     "avx512",   "avx2"};

TEST(NearestName, IsTheOneOfFewestTypingErrors) {
  EXPECT_EQ(nearest_name("clasify", kNames), "classify");
  EXPECT_EQ(nearest_name("calssify", kNames), "classify");
  EXPECT_EQ(nearest_name("accurracy", kNames), "accuracy");
  EXPECT_EQ(nearest_name("conv", kNames), "Conv");
  EXPECT_EQ(nearest_name("AVX512", kNames), "avx512");
  EXPECT_EQ(nearest_name("avx3", kNames), "avx2");
}

TEST(NearestName, IsNoneWhereNoneIsNear) {
  EXPECT_EQ(nearest_name("quantize", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name("xyz", kNames), "");
  EXPECT_EQ(nearest_name(std::string(100, 'c'), kNames), "");
}

TEST(NearestName, MakesAQuestion) {
  EXPECT_EQ(did_you_mean("bnech", kNames), "; did you mean 'bench'?");
  EXPECT_EQ(did_you_mean("nothing at all", kNames), "");
}

}  // namespace
}  // namespace godwit
