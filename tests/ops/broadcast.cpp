// Broadcasting: shapes with unknown and symbolic dimensions, and the walk over operands.
#include "ops/broadcast.h"

#include <gtest/gtest.h>
#include <vector>

#include "tests/support/errors.h"

namespace godwit::ops {
namespace {

using support::error_of;

constexpr std::int64_t kBatch = kAnyDim - 1;
constexpr std::int64_t kOther = kAnyDim - 2;

TEST(Broadcast, OfDimensions) {
  EXPECT_EQ(broadcast_dim(3, 3), 3);
  EXPECT_EQ(broadcast_dim(1, 5), 5);
  EXPECT_EQ(broadcast_dim(0, 1), 0);
  EXPECT_EQ(broadcast_dim(1, kBatch), kBatch);
  EXPECT_EQ(broadcast_dim(kBatch, kBatch), kBatch);
  EXPECT_EQ(broadcast_dim(kBatch, 5), 5);
  EXPECT_EQ(broadcast_dim(kBatch, kOther), kAnyDim);
  EXPECT_EQ(broadcast_dim(kAnyDim, kAnyDim), kAnyDim);
  EXPECT_EQ(error_of([] { broadcast_dim(2, 0); }), "dimensions 2 and 0 do not broadcast");
}

TEST(Broadcast, OfShapes) {
  EXPECT_EQ(broadcast_shapes({2, 1, 4}, {3, 1}), Shape({2, 3, 4}));
  EXPECT_EQ(broadcast_shapes({}, {3, 1}), Shape({3, 1}));
  EXPECT_EQ(broadcast_shapes({kBatch, 3, 1, 1}, {5, 7}), Shape({kBatch, 3, 5, 7}));
  EXPECT_EQ(broadcast_shapes(Shape::unranked(), {5}), Shape::unranked());
  EXPECT_EQ(error_of([] {
              broadcast_shapes({2, 3}, {2});
            }),
            "shapes 2x3 and 2: dimensions 3 and 2 do not broadcast");
}

TEST(Broadcast, InOneDirection) {
  require_broadcasts_to({1, 5}, {3, 5}, "C");
  require_broadcasts_to({kAnyDim}, {3, 5}, "C");
  EXPECT_EQ(error_of([] {
              require_broadcasts_to({3, 5}, {1, 5}, "C");
            }),
            "C of shape 3x5 does not broadcast to 1x5");
}

std::vector<std::int64_t> walk(const Shape& dst, const Shape& src) {
  std::vector<std::int64_t> offsets;
  BroadcastIndex index(dst, src);
  for (std::int64_t i = 0; i < dst.elements(); ++i, index.next()) offsets.push_back(index.offset());
  return offsets;
}

TEST(Broadcast, WalksOverOperands) {
  using Offsets = std::vector<std::int64_t>;
  EXPECT_EQ(walk({2, 3}, {2, 3}), (Offsets{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(walk({2, 3}, {3}), (Offsets{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(walk({2, 3}, {2, 1}), (Offsets{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(walk({2, 2, 2}, {2, 1, 2}), (Offsets{0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(walk({2, 2}, {}), (Offsets{0, 0, 0, 0}));
  EXPECT_EQ(walk({}, {}), (Offsets{0}));
  EXPECT_EQ(walk({2, 0}, {0}), Offsets{});
}

}  // namespace
}  // namespace godwit::ops
