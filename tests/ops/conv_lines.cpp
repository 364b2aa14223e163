// Conv by lines of the image, in small groups and tap by tap: sizes, strides, pads and epilogues of each.
#include <gtest/gtest.h>
#include <string>
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

// All combinations of bias, residual and clamp. True where the implementation took one of them.
bool runs(const Case& one, std::string_view implementation) {
  bool did = false;
  for (int variant = 0; variant < 8; ++variant) {
    SCOPED_TRACE("src " + one.src.to_string() + ", weights " + one.weights.to_string() + ", epilogue " +
                 std::to_string(variant));
    OpRunner node("Conv");
    node.input(random_tensor(one.src, 1)).constant(random_tensor(one.weights, 2));
    node.attribute("group", one.group).attribute("strides", one.strides);
    node.attribute("pads", one.pads).attribute("dilations", one.dilations);
    const Shape dst = node.shape();
    if ((variant & 1) != 0) node.constant(random_tensor({one.weights[0]}, 3));
    if ((variant & 2) != 0) node.residual(random_tensor(dst, 4));
    if ((variant & 4) != 0) node.clamp(-0.25F, 1.5F);
    const std::int64_t length = one.weights.product(1, one.weights.rank());
    did |= did_run(node.run_implementations(product_sum_bound(node, length)), implementation);
  }
  return did;
}

TEST(ConvLines, DepthwiseOfEverySizeAndStride) {
  // Wider and narrower than what kernels take at once, and windows that lie outside altogether.
  const auto take = [](const Case& one) { EXPECT_TRUE(runs(one, "conv_depthwise")); };
  take({{1, 35, 9, 16}, {35, 1, 7, 7}, {1, 1}, {3, 3, 3, 3}, {1, 1}, 35});
  take({{2, 48, 5, 3}, {48, 1, 7, 7}, {2, 2}, {3, 3, 3, 3}, {1, 1}, 48});
  take({{1, 33, 8, 31}, {33, 1, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 33});
  take({{1, 20, 8, 8}, {20, 1, 3, 3}, {3, 1}, {4, 3, 4, 5}, {1, 1}, 20});
}

TEST(ConvLines, SmallGroups) {
  // Several groups to a vector, one, and several vectors; odd numbers of them.
  const auto take = [](const Case& one) { EXPECT_TRUE(runs(one, "conv_grouped")); };
  take({{1, 20, 9, 16}, {20, 4, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 5});
  take({{2, 56, 7, 30}, {56, 8, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 7});
  take({{1, 48, 14, 14}, {48, 16, 3, 3}, {1, 2}, {0, 2, 1, 0}, {2, 1}, 3});
  take({{1, 40, 3, 2}, {40, 8, 3, 3}, {1, 1}, {2, 2, 2, 2}, {1, 1}, 5});
  EXPECT_FALSE(runs({{1, 24, 5, 5}, {24, 12, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 2}, "conv_grouped"));
  EXPECT_FALSE(runs({{1, 24, 9, 9}, {24, 8, 3, 3}, {3, 3}, {1, 1, 1, 1}, {1, 1}, 3}, "conv_grouped"));
}

TEST(ConvLines, TapsInsideOfTheImage) {
  // Most, some and all taps; rows that collide in the cache; batches; steps and dilations of every kind.
  const auto take = [](const Case& one) { EXPECT_TRUE(runs(one, "conv_taps")); };
  take({{2, 20, 9, 8}, {35, 20, 3, 3}, {1, 1}, {6, 5, 6, 5}, {6, 5}});
  take({{1, 12, 7, 7}, {17, 12, 3, 3}, {1, 1}, {24, 24, 24, 24}, {24, 24}});
  take({{1, 9, 11, 6}, {8, 9, 3, 5}, {2, 1}, {3, 4, 3, 4}, {3, 2}});
  take({{1, 1024, 3, 4}, {5, 1024, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}});
  // No tap lies inside everywhere.
  EXPECT_FALSE(runs({{1, 4, 6, 6}, {5, 4, 2, 2}, {1, 1}, {3, 3, 3, 3}, {3, 3}}, "conv_taps"));
}

}  // namespace
}  // namespace godwit::support
