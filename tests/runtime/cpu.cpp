// ISA detection on this machine, and what the system's files say in made-up ones.
#include "runtime/cpu.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include "runtime/cpu_system.h"
#include "runtime/error.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"

namespace godwit {
namespace {

using support::error_of;
using test::TemporaryDirectory;

// GODWIT_ISA as it was, put back at the end of a test that changes it.
class IsaKnob {
 public:
  IsaKnob() {
    if (const char* value = std::getenv("GODWIT_ISA")) before_ = value;
    ::unsetenv("GODWIT_ISA");
  }
  ~IsaKnob() {
    ::unsetenv("GODWIT_ISA");
    if (!before_.empty()) ::setenv("GODWIT_ISA", before_.c_str(), 1);
  }
  IsaKnob(const IsaKnob&) = delete;
  IsaKnob& operator=(const IsaKnob&) = delete;
  static void set(std::string_view value) { ::setenv("GODWIT_ISA", std::string(value).c_str(), 1); }

 private:
  std::string before_;
};

TEST(Isa, NamesLeadBack) {
  for (const Isa isa : isas_of_build()) EXPECT_EQ(isa_from_name(name_of(isa)), isa);
  EXPECT_EQ(isa_from_name("avx3"), std::nullopt);
  EXPECT_EQ(isa_from_name(""), std::nullopt);
}

TEST(Isa, WhatRunsOneRunsWhatItIncludes) {
  ASSERT_EQ(isas_of_build().front(), Isa::generic);
  EXPECT_TRUE(std::ranges::is_sorted(isas_of_build(), {}, rank_of));
  EXPECT_TRUE(cpu_supports(Isa::generic));
  for (const Isa isa : isas_of_build()) {
    EXPECT_TRUE(includes(isa, Isa::generic));
    for (const Isa part : isas_of_build()) {
      EXPECT_FALSE(includes(isa, part) && cpu_supports(isa) && !cpu_supports(part)) << name_of(part);
    }
  }
}

TEST(Isa, AgreesWithTheKernelsFlags) {
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line;
  while (std::getline(cpuinfo, line) && !line.starts_with("flags")) {
  }
  if (!line.starts_with("flags")) GTEST_SKIP() << "/proc/cpuinfo has no flags here";
  line += ' ';
  const auto has_all = [&](std::initializer_list<const char*> flags) {
    return std::ranges::all_of(flags, [&](const char* flag) {
      return line.find(' ' + std::string(flag) + ' ') != std::string::npos;
    });
  };
  const bool avx2 = has_all({"popcnt", "avx2", "fma", "f16c"});
  const bool avx512 = avx2 && has_all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  const bool vnni = avx512 && has_all({"avx512_vnni"});
  EXPECT_EQ(cpu_supports(Isa::avx2), avx2);
  EXPECT_EQ(cpu_supports(Isa::avx_vnni), avx2 && has_all({"avx_vnni"}));
  EXPECT_EQ(cpu_supports(Isa::avx512), avx512);
  EXPECT_EQ(cpu_supports(Isa::avx512_vnni), vnni);
  EXPECT_EQ(cpu_supports(Isa::avx512_bf16), vnni && has_all({"avx512_bf16"}));
}

TEST(Isa, TheBestHasTheHighestRankOfTheSupported) {
  const IsaKnob knob;
  const Isa best = best_isa();
  EXPECT_TRUE(cpu_supports(best));
  for (const Isa isa : isas_of_build()) {
    EXPECT_FALSE(rank_of(isa) > rank_of(best) && cpu_supports(isa)) << name_of(isa);
    EXPECT_FALSE(includes(best, isa) && !cpu_supports(isa)) << name_of(isa);
  }
}

TEST(Isa, TheKnobCapsTheBest) {
  const IsaKnob knob;
  for (const Isa isa : isas_of_build()) {
    IsaKnob::set(name_of(isa));
    if (cpu_supports(isa)) {
      EXPECT_EQ(best_isa(), isa);
    } else {
      EXPECT_TRUE(error_of([] { best_isa(); }).starts_with("GODWIT_ISA: this machine cannot run"));
    }
  }
  IsaKnob::set("sse9");
  EXPECT_TRUE(error_of([] { best_isa(); }).starts_with("GODWIT_ISA: unknown instruction set 'sse9'"));
}

TEST(Isa, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  const std::string message = error_of([] { require_isa("sse9"); });
  for (const Isa isa : isas_of_build()) EXPECT_NE(message.find(name_of(isa)), std::string::npos) << message;
  EXPECT_EQ(require_isa("generic"), Isa::generic);
}

TEST(Cpu, TellsSensibleThingsAboutThisMachine) {
  EXPECT_GE(usable_cores(), 1);
  EXPECT_LE(usable_cores(), std::max(1U, std::thread::hardware_concurrency()));
  EXPECT_FALSE(cpu_model().empty());
  EXPECT_GE(cache_sizes().l1d, 4096U);
  EXPECT_GE(cache_sizes().l2, cache_sizes().l1d);
}

TEST(CacheSizes, AreReadFromSysfs) {
  const TemporaryDirectory root;
  const std::string cache = "sys/devices/system/cpu/cpu0/cache/";
  const auto write = [&](int index, const char* level, const char* type, const char* size) {
    const std::string folder = cache + "index" + std::to_string(index) + "/";
    root.write(folder + "level", level);
    root.write(folder + "type", type);
    root.write(folder + "size", size);
  };
  write(0, "1\n", "Data\n", "48K\n");
  write(1, "1\n", "Instruction\n", "64K\n");
  write(2, "2\n", "Unified\n", "2M\n");
  write(3, "3\n", "Unified\n", "nonsense\n");
  const CacheSizes sizes = read_cache_sizes(root.path());
  EXPECT_EQ(sizes.l1d, 48U << 10);
  EXPECT_EQ(sizes.l2, 2U << 20);
  EXPECT_EQ(sizes.l3, CacheSizes{}.l3);
  EXPECT_EQ(read_cache_sizes(root.path() / "nowhere").l1d, CacheSizes{}.l1d);
}

TEST(CpuModel, IsTheFirstModelName) {
  const TemporaryDirectory root;
  EXPECT_EQ(read_cpu_model(root.path()), "unknown CPU");
  root.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2:1 GHz \nmodel name\t: Other\n");
  EXPECT_EQ(read_cpu_model(root.path()), "Some CPU @ 2:1 GHz");
  root.write("proc/cpuinfo", "model name\nmodel name\t:\n");
  EXPECT_EQ(read_cpu_model(root.path()), "unknown CPU");
}

constexpr const char* kMountV2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";

TEST(CgroupCores, NothingLimitsWhereNothingIsSaid) {
  const TemporaryDirectory root;
  EXPECT_EQ(read_cgroup_cores(root.path()), std::nullopt);
  root.write("proc/self/cgroup", "0::/a\n");
  root.write("proc/self/mountinfo", kMountV2);
  EXPECT_EQ(read_cgroup_cores(root.path()), std::nullopt);
  root.write("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), std::nullopt);
}

TEST(CgroupCores, V2TakesTheTightestOnTheWayUpAndRoundsUp) {
  const TemporaryDirectory root;
  root.write("proc/self/cgroup", "0::/a/b/c\n");
  root.write("proc/self/mountinfo", kMountV2);
  root.write("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
  root.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  root.write("sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n");
  root.write("sys/fs/cgroup/other/cpu.max", "100000 100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), 3);
  root.write("sys/fs/cgroup/a/b/c/cpu.max", "5000 100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), 1);
}

TEST(CgroupCores, V2WithoutMountinfoIsLookedForAtTheUsualPlace) {
  const TemporaryDirectory root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), 2);
}

TEST(CgroupCores, V1InAContainerWhoseMountShowsItsOwnGroup) {
  const TemporaryDirectory root;
  root.write("proc/self/cgroup", "5:memory:/docker/x\n4:cpuacct,cpu:/docker/x/y\n");
  root.write("proc/self/mountinfo",
             "33 32 0:30 /docker/x /sys/fs/cgroup/cpu\\040all ro shared:9 - cgroup cgroup rw,cpuacct,cpu\n");
  root.write("sys/fs/cgroup/cpu all/cpu.cfs_quota_us", "150000\n");
  root.write("sys/fs/cgroup/cpu all/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/cpu all/y/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu all/y/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), 2);
  root.write("sys/fs/cgroup/cpu all/y/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), 1);
}

TEST(CgroupCores, TheTighterOfBothVersionsCounts) {
  const TemporaryDirectory root;
  root.write("proc/self/cgroup", "1:cpu:/\n0::/\n");
  root.write("proc/self/mountinfo",
             std::string(kMountV2) + "34 32 0:31 / /cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  root.write("sys/fs/cgroup/cpu.max", "700000 100000\n");
  root.write("cgroup/cpu/cpu.cfs_quota_us", "600000\n");
  root.write("cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), 6);
}

TEST(CgroupCores, APathOutsideTheMountLeavesTheMountsOwnLimit) {
  const TemporaryDirectory root;
  root.write("proc/self/cgroup", "0::/../../elsewhere\n");
  root.write("proc/self/mountinfo", "30 24 0:26 /pod /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  root.write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  root.write("elsewhere/cpu.max", "100000 100000\n");
  EXPECT_EQ(read_cgroup_cores(root.path()), 3);
}

TEST(CgroupCores, NonsenseIsNoLimit) {
  const TemporaryDirectory root;
  root.write("proc/self/cgroup", "::\n0\n\n0::/\n");
  root.write("proc/self/mountinfo", std::string("- - -\nshort\n") + kMountV2);
  for (const char* text :
       {"", "max", "x y", "-5 100000", "100000 0", "99999999999999999999 1", "1 2 3", "1e5 10"}) {
    root.write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(read_cgroup_cores(root.path()), std::nullopt) << text;
  }
  root.write("sys/fs/cgroup/cpu.max", "9000000000000000000 1");
  EXPECT_GT(read_cgroup_cores(root.path()).value(), 1'000'000);
}

}  // namespace
}  // namespace godwit
