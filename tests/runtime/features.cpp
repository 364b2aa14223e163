// The table of instruction sets: consistent in itself, and right for machines that are made up.
#include "runtime/features.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "runtime/cpu.h"
#include "runtime/error.h"
#include "tests/support/errors.h"

namespace godwit {
namespace {

using support::error_of;
using enum Feature;

TEST(IsaTable, RowsAreInTheOrderOfTheEnumerations) {
  for (std::size_t i = 0; i < isa_rows().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(isa_rows()[i].isa), i);
    EXPECT_EQ(&row_of(isa_rows()[i].isa), &isa_rows()[i]);
  }
  for (std::size_t i = 0; i < feature_rows().size(); ++i)
    EXPECT_EQ(static_cast<std::size_t>(feature_rows()[i].feature), i);
}

TEST(IsaTable, NamesRanksAndWordsAreUnique) {
  std::set<std::string_view> names, words;
  std::set<int> ranks;
  for (const IsaRow& row : isa_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(ranks.insert(row.rank).second) << row.name;
  }
  for (const FeatureRow& row : feature_rows()) {
    EXPECT_FALSE(row.words.empty());
    EXPECT_TRUE(words.insert(row.words).second) << row.words;
  }
}

TEST(IsaTable, IncludingIsAPartialOrder) {
  for (const IsaRow& a : isa_rows()) {
    EXPECT_TRUE(includes(a.isa, a.isa)) << a.name;
    for (const IsaRow& b : isa_rows()) {
      if (a.included.contains(b.isa)) {
        EXPECT_TRUE(includes(a.isa, b.isa)) << a.name << ' ' << b.name;
      }
      if (a.isa != b.isa) {
        EXPECT_FALSE(includes(a.isa, b.isa) && includes(b.isa, a.isa)) << a.name << ' ' << b.name;
      }
      for (const IsaRow& c : isa_rows()) {
        if (includes(a.isa, b.isa) && includes(b.isa, c.isa)) {
          EXPECT_TRUE(includes(a.isa, c.isa)) << a.name << ' ' << b.name << ' ' << c.name;
        }
      }
    }
  }
}

TEST(IsaTable, WhatIsIncludedNeedsLessAndRanksLower) {
  for (const IsaRow& isa : isa_rows()) {
    EXPECT_TRUE(includes(isa.isa, Isa::generic)) << isa.name;
    for (const IsaRow& part : isa_rows()) {
      if (isa.isa == part.isa || !includes(isa.isa, part.isa)) continue;
      EXPECT_TRUE(features_of(isa.isa).contains(features_of(part.isa))) << isa.name << ' ' << part.name;
      EXPECT_GT(isa.rank, part.rank) << isa.name << ' ' << part.name;
      EXPECT_TRUE(part.processor == Processor::any || part.processor == isa.processor) << isa.name;
    }
  }
  EXPECT_EQ(features_of(Isa::generic), FeatureSet{});
  EXPECT_FALSE(includes(Isa::avx512_bf16, Isa::avx_vnni));
  EXPECT_TRUE(includes(Isa::avx512_bf16, Isa::avx512_vnni));
}

TEST(IsaTable, EveryFeatureIsNeededBySomeIsa) {
  for (const FeatureRow& row : feature_rows()) {
    EXPECT_TRUE(std::ranges::any_of(isa_rows(), [&](const IsaRow& isa) {
      return features_of(isa.isa).contains(row.feature);
    })) << row.words;
  }
}

// Features of machines that no test runs on.
constexpr FeatureSet kHaswell{popcnt, avx, fma, f16c, Feature::avx2, ymm};
constexpr FeatureSet kAlderLake = kHaswell | FeatureSet{Feature::avx_vnni};
constexpr FeatureSet kSkylakeServer =
    kHaswell | FeatureSet{avx512f, avx512cd, avx512bw, avx512dq, avx512vl, zmm};
constexpr FeatureSet kSapphireRapids =
    kSkylakeServer | kAlderLake | FeatureSet{Feature::avx512_vnni, Feature::avx512_bf16};

TEST(Machines, RunTheIsaOfTheHighestRankThatTheyHaveAllFeaturesOf) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "these are machines of x86-64";
#endif
  EXPECT_EQ(best_isa(FeatureSet{}), Isa::generic);
  EXPECT_EQ(best_isa(kHaswell), Isa::avx2);
  EXPECT_EQ(best_isa(kAlderLake), Isa::avx_vnni);
  EXPECT_EQ(best_isa(kSkylakeServer), Isa::avx512);
  EXPECT_EQ(best_isa(kSkylakeServer | FeatureSet{Feature::avx512_vnni}), Isa::avx512_vnni);
  EXPECT_EQ(best_isa(kSapphireRapids), Isa::avx512_bf16);
  // Products of bfloat16 alone do not reach the ISA that includes those of bytes.
  EXPECT_EQ(best_isa(kSkylakeServer | FeatureSet{Feature::avx512_bf16}), Isa::avx512);
  EXPECT_EQ(best_isa(FeatureSet{popcnt, avx, fma, f16c, ymm}), Isa::generic);
}

TEST(Machines, AreRefusedByTheNamesOfWhatTheyLack) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "these are machines of x86-64";
#endif
  EXPECT_EQ(require_isa("avx2", kHaswell), Isa::avx2);
  EXPECT_EQ(
      error_of([] { require_isa("avx_vnni", kHaswell); }),
      "this machine cannot run instruction set 'avx_vnni', it lacks avx_vnni; the best it runs is 'avx2'");
  EXPECT_EQ(
      error_of([] {
        require_isa("avx2", FeatureSet{popcnt, avx, f16c, ymm});
      }),
      "this machine cannot run instruction set 'avx2', it lacks fma, avx2; the best it runs is 'generic'");
  // A virtual machine that shows the CPU's bits but does not switch its registers.
  EXPECT_EQ(error_of([] {
              require_isa("avx512", kHaswell | FeatureSet{avx512f, avx512cd, avx512bw, avx512dq, avx512vl});
            }),
            "this machine cannot run instruction set 'avx512', it lacks an operating system that saves ZMM "
            "registers; the best it runs is 'avx2'");
  for (const Isa isa : isas_of_build()) {
    EXPECT_TRUE(missing_for(isa, kSapphireRapids).empty()) << name_of(isa);
    for (const FeatureRow& row : feature_rows()) {
      if (!features_of(isa).contains(row.feature)) continue;
      EXPECT_TRUE(std::ranges::count(missing_for(isa, FeatureSet{}), row.words) == 1) << row.words;
    }
  }
}

TEST(Machines, ThisOneHasWhatItsKernelSaysThatItHas) {
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line;
  while (std::getline(cpuinfo, line) && !line.starts_with("flags")) {
  }
  if (!line.starts_with("flags")) GTEST_SKIP() << "/proc/cpuinfo has no flags here";
  line += ' ';
  for (const FeatureRow& row : feature_rows()) {
    // Those of the operating system are no flags.
    if (row.flag.empty()) continue;
    const bool listed = line.find(fmt::format(" {} ", row.words)) != std::string::npos;
    EXPECT_EQ(machine_features().contains(row.feature), listed) << row.words;
  }
}

}  // namespace
}  // namespace godwit
