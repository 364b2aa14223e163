// Aligned blocks, arenas and mapped files.
#include "runtime/memory.h"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <sys/stat.h>

#include "runtime/error.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"

namespace godwit {
namespace {

using support::error_of;

TEST(Memory, BlocksAreAlignedAndPadded) {
  for (const std::size_t bytes : {0U, 1U, 63U, 64U, 65U, 4097U}) {
    const auto block = allocate_aligned(bytes);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.get()) % kAlignment, 0U);
    std::memset(block.get(), 1, align_up(std::max<std::size_t>(bytes, 1)));
  }
  EXPECT_EQ(align_up(0), 0U);
  EXPECT_EQ(align_up(65), 128U);
  EXPECT_EQ(align_up(4097, 4096), 8192U);
}

TEST(Memory, ASizeBeyondTheAddressSpaceIsAnError) {
  EXPECT_NE(error_of([] { allocate_aligned(std::numeric_limits<std::size_t>::max()); }), "");
}

TEST(Memory, WhatTheSystemRefusesIsAnError) {
  EXPECT_NE(error_of([] { allocate_aligned(std::numeric_limits<std::size_t>::max() / 2); }), "");
}

TEST(Memory, ABlockThatNobodyCouldFillIsRefused) {
  const std::size_t available = available_bytes();
  ASSERT_GT(available, 0U);
  ASSERT_LT(available, std::size_t{1} << 50) << "the system says what it has";
  const std::size_t bytes = std::size_t{1} << 60;  // more than any swap
  const std::string error = error_of([&] { allocate_aligned(bytes); });
  EXPECT_TRUE(error.starts_with("out of memory: cannot allocate ")) << error;
  EXPECT_TRUE(error.ends_with(" are available")) << error;
}

TEST(Memory, AnArenaGivesOffsetsIntoOneBlock) {
  const Arena arena(256);
  EXPECT_EQ(arena.bytes(), 256U);
  EXPECT_EQ(arena.at(128) - arena.at(0), 128);
  EXPECT_EQ(Arena().bytes(), 0U);
}

TEST(MappedFile, ShowsTheBytes) {
  const test::TemporaryDirectory directory;
  const MappedFile file(directory.write("a", "hello"));
  ASSERT_EQ(file.size(), 5U);
  EXPECT_EQ(std::memcmp(file.data(), "hello", 5), 0);
}

TEST(MappedFile, AnEmptyFileHasNoBytes) {
  const test::TemporaryDirectory directory;
  const MappedFile file(directory.write("a", ""));
  EXPECT_EQ(file.size(), 0U);
  EXPECT_EQ(file.data(), nullptr);
}

TEST(MappedFile, ReleasedPagesAreReadAgain) {
  const test::TemporaryDirectory directory;
  const std::string text(100'000, 'x');
  const MappedFile file(directory.write("a", text));
  file.release(10, 90'000);
  file.release(99'999, 1'000'000);
  EXPECT_EQ(std::memcmp(file.data(), text.data(), text.size()), 0);
}

TEST(MappedFile, ErrorsNameThePath) {
  const test::TemporaryDirectory directory;
  const std::string absent = directory / "absent";
  EXPECT_EQ(error_of([&] { MappedFile file(absent); }),
            "cannot open '" + absent + "': No such file or directory");
  const std::string folder = directory.path().string();
  EXPECT_EQ(error_of([&] { MappedFile file(folder); }), "'" + folder + "' is not a regular file");
  const std::string fifo = directory / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { MappedFile file(fifo); }), "'" + fifo + "' is not a regular file");
}

TEST(Memory, PeakResidentGrowsWithUse) {
  const std::size_t before = peak_resident_bytes();
  ASSERT_GT(before, 0U);
  constexpr std::size_t kBytes = 256U << 20;  // more than the test held before
  const auto block = allocate_aligned(kBytes);
  std::memset(block.get(), 1, kBytes);
  EXPECT_GE(peak_resident_bytes(), kBytes);
}

}  // namespace
}  // namespace godwit
