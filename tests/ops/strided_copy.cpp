// StridedCopy: boxes in the middle of larger tensors, reversed and repeated, by teams of every size.
#include "ops/algorithms/strided_copy.h"

#include <gtest/gtest.h>
#include <vector>

namespace godwit::ops {
namespace {

// Every element of the box by itself.
std::vector<int> copied(const CopyBox& box, const std::vector<int>& src, std::size_t size) {
  std::vector<int> dst(size, -1);
  for_each_index(box.extent, [&](const Index& index, std::int64_t) {
    const std::int64_t from = box.src_offset + offset_of(index, box.src_strides, box.extent.rank());
    const std::int64_t to = box.dst_offset + offset_of(index, box.dst_strides, box.extent.rank());
    dst[static_cast<std::size_t>(to)] = src[static_cast<std::size_t>(from)];
  });
  return dst;
}

void expect_copies(const CopyBox& box, std::size_t src_size, std::size_t dst_size) {
  std::vector<int> src(src_size);
  for (std::size_t i = 0; i < src_size; ++i) src[i] = static_cast<int>(i);
  const std::vector<int> expected = copied(box, src, dst_size);
  const StridedCopy copy(box, sizeof(int));
  for (const int count : {1, 2, 5}) {
    std::vector<int> dst(dst_size, -1);
    for (int index = 0; index < count; ++index) {
      copy.run(reinterpret_cast<const std::byte*>(src.data()), reinterpret_cast<std::byte*>(dst.data()),
               Worker{index, count, nullptr});
    }
    EXPECT_EQ(dst, expected);
  }
}

TEST(StridedCopy, CopiesRunsLongerThanATile) {
  expect_copies(
      {.extent = {100000}, .src_strides = {1}, .dst_strides = {1}, .src_offset = 3, .dst_offset = 5}, 100003,
      100005);
  expect_copies({.extent = {3, 40000}, .src_strides = {40001, 1}, .dst_strides = {40002, 1}}, 120003, 120006);
}

TEST(StridedCopy, CopiesABoxInside) {
  expect_copies({.extent = {3, 4, 5},
                 .src_strides = {100, 10, 1},
                 .dst_strides = {60, 6, 1},
                 .src_offset = 111,
                 .dst_offset = 7},
                500, 300);
}

TEST(StridedCopy, TransposesTilesWithRemainders) {
  expect_copies({.extent = {33, 65}, .src_strides = {1, 33}, .dst_strides = {65, 1}}, 33 * 65, 33 * 65);
  expect_copies({.extent = {2000, 3}, .src_strides = {1, 2000}, .dst_strides = {3, 1}}, 6000, 6000);
  expect_copies({.extent = {3, 2000}, .src_strides = {1, 3}, .dst_strides = {2000, 1}}, 6000, 6000);
  for (const std::int64_t planes : {2, 3, 4, 5}) {
    const auto size = static_cast<std::size_t>(1501 * planes);
    expect_copies({.extent = {1501, planes}, .src_strides = {1, 1501}, .dst_strides = {planes, 1}}, size,
                  size);
  }
}

TEST(StridedCopy, ReversesAndRepeats) {
  expect_copies({.extent = {7, 9}, .src_strides = {-9, -1}, .dst_strides = {9, 1}, .src_offset = 62}, 63, 63);
  expect_copies({.extent = {50, 60}, .src_strides = {0, 1}, .dst_strides = {60, 1}}, 60, 3000);
  expect_copies({.extent = {50, 60}, .src_strides = {1, 0}, .dst_strides = {60, 1}}, 50, 3000);
}

TEST(StridedCopy, CopiesOneElementAndNone) {
  expect_copies({.extent = {}, .src_offset = 2, .dst_offset = 1}, 3, 3);
  expect_copies({.extent = {1, 1}, .src_strides = {5, 5}, .dst_strides = {5, 5}}, 1, 1);
  expect_copies({.extent = {4, 0}}, 1, 1);
}

}  // namespace
}  // namespace godwit::ops
