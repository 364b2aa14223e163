// Huge pages: each block is measured by itself, with a made-up clock, and what one finds is nothing to the
// next.
#include "runtime/huge_pages.h"

#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/memory.h"

namespace godwit {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// The system's notes of the page at `address`: "hg", huge pages are asked for; "nh", they are not wanted.
std::set<std::string> flags_at(const std::byte* address) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool inside = false;
  while (std::getline(maps, line)) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream words(line);
    if (words >> std::hex >> begin >> dash >> end && dash == '-') {
      const auto at = reinterpret_cast<std::uintptr_t>(address);
      inside = begin <= at && at < end;
    }
    if (!inside || !line.starts_with("VmFlags:")) continue;
    std::set<std::string> flags;
    std::istringstream rest(line.substr(8));
    for (std::string flag; rest >> flag;) flags.insert(flag);
    return flags;
  }
  return {};
}

// A clock by which each page takes so long to touch in turn, the last one for all others.
class PageClock {
 public:
  explicit PageClock(std::vector<int> page_us) : page_us_(std::move(page_us)) {}
  nanoseconds operator()() {
    if (calls_++ % 2 == 1) now_ += microseconds(page_us_[std::min(touched++, page_us_.size() - 1)]);
    return now_;
  }
  std::size_t touched = 0;

 private:
  std::vector<int> page_us_;
  nanoseconds now_{0};
  int calls_ = 0;
};

class HugePages : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) GTEST_SKIP() << "not in this system";
    block = map_huge_pages(kPages * kHugePage);
    ASSERT_NE(block, nullptr);
    if (flags_at(block.get()).empty()) GTEST_SKIP() << "the system does not tell";
  }
  std::byte* page(std::size_t i) const { return block.get() + i * kHugePage; }

  static constexpr std::size_t kPages = 40;
  std::shared_ptr<std::byte> block;
};

TEST_F(HugePages, BlocksBeginAtAPage) {
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.get()) % kHugePage, 0U);
  std::memset(block.get(), 1, kPages * kHugePage);
  const auto other = allocate_aligned(2 * kHugePage);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(other.get()) % kHugePage, 0U);
}

TEST_F(HugePages, StayWhereTheyAreFast) {
  PageClock clock({100});
  EXPECT_TRUE(advise_huge_pages(block.get(), kPages * kHugePage, clock));
  EXPECT_EQ(clock.touched, 1U);
  EXPECT_TRUE(flags_at(page(0)).contains("hg"));
  EXPECT_TRUE(flags_at(page(kPages - 1)).contains("hg"));
}

TEST_F(HugePages, StayAfterOneThatWasSlowByChance) {
  PageClock clock({3000, 4000, 100});
  EXPECT_TRUE(advise_huge_pages(block.get(), kPages * kHugePage, clock));
  EXPECT_EQ(clock.touched, 3U);
  EXPECT_TRUE(flags_at(page(kPages - 1)).contains("hg"));
}

TEST_F(HugePages, AreLeftAloneWhereTheyAreSlow) {
  PageClock clock({3000});
  EXPECT_FALSE(advise_huge_pages(block.get(), kPages * kHugePage, clock));
  EXPECT_EQ(clock.touched, 4U) << "no more is spent on a block";
  EXPECT_TRUE(flags_at(page(3)).contains("hg"));
  EXPECT_TRUE(flags_at(page(4)).contains("nh"));
  EXPECT_TRUE(flags_at(page(kPages - 1)).contains("nh"));
  PageClock small({3000});
  EXPECT_FALSE(advise_huge_pages(block.get(), 3 * kHugePage, small));
  EXPECT_EQ(small.touched, 1U);
}

// The give-up of one block, as of the first plan's weights, is nothing to the next plan's.
TEST_F(HugePages, AreMeasuredForEveryBlockByItself) {
  PageClock slow({3000}), fast({100});
  EXPECT_FALSE(advise_huge_pages(block.get(), kPages * kHugePage, slow));
  const auto second = map_huge_pages(kPages * kHugePage);
  ASSERT_NE(second, nullptr);
  EXPECT_TRUE(advise_huge_pages(second.get(), kPages * kHugePage, fast));
  EXPECT_TRUE(flags_at(second.get() + (kPages - 1) * kHugePage).contains("hg"));
}

}  // namespace
}  // namespace godwit
