// Power caps on made-up trees: every limit comes back, whatever becomes of the process that lowered it.
#include "runtime/energy/caps/power_cap.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "runtime/energy/caps/cap_journal_file.h"
#include "tests/support/errors.h"
#include "tests/support/figure.h"
#include "tests/support/temporary_directory.h"

namespace godwit::energy {
namespace {

using godwit::test::TemporaryDirectory;
using support::error_of;
using Outcome = Restored::Outcome;

const std::string kRapl = "sys/class/powercap/intel-rapl:0/", kMmio = "sys/class/powercap/intel-rapl-mmio:0/";
const std::string kLong = "constraint_0_power_limit_uw", kShort = "constraint_1_power_limit_uw";

std::string content(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// One package of 65 W with its twin by MMIO, two frequency policies, a boot id.
class Tree {
 public:
  Tree() {
    for (const std::string& zone : {kRapl, kMmio}) {
      folder_.write(zone + "name", "package-0\n");
      folder_.write(zone + "constraint_0_name", "long_term\n");
      folder_.write(zone + "constraint_1_name", "short_term\n");
      folder_.write(zone + kLong, zone == kRapl ? "65000000\n" : "70000000\n");
      folder_.write(zone + kShort, "90000000\n");
    }
    for (const int policy : {0, 1}) {
      const std::string directory = fmt::format("sys/devices/system/cpu/cpufreq/policy{}/", policy);
      folder_.write(directory + "scaling_max_freq", "3500000\n");
      folder_.write(directory + "cpuinfo_min_freq", "800000\n");
    }
    set_boot("boot-1");
    limits_ = read_limits();
    std::string name = "/dev/shm/godwit-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) in_memory_ = name;
  }
  ~Tree() {
    std::error_code ignored;
    if (!in_memory_.empty()) std::filesystem::remove_all(in_memory_, ignored);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  void set_boot(const std::string& id) { folder_.write("proc/sys/kernel/random/boot_id", id + "\n"); }
  std::unique_ptr<SysRoot> root() const { return open_sys_root({folder_ / "sys", folder_ / "proc"}); }
  // In memory where that is possible: the journal is flushed at every write, which a disk takes its time for.
  std::string journal() const { return in_memory_.empty() ? folder_ / "run" : in_memory_; }
  std::string path(const std::string& file) const { return folder_ / file; }
  void write(const std::string& file, const std::string& text) const { folder_.write(file, text); }
  std::string read(const std::string& file) const { return content(folder_ / file); }

  std::map<std::string, std::string> read_limits() const {
    std::map<std::string, std::string> limits;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "sys")) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with("_power_limit_uw") || name == "scaling_max_freq")
        limits[entry.path().string()] = content(entry.path().string());
    }
    return limits;
  }
  bool as_found() const { return read_limits() == limits_; }
  // True when every file holds its old bytes within a second.
  bool comes_back() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (std::chrono::steady_clock::now() < end) {
      if (as_found() && !journal_exists(journal())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

 private:
  TemporaryDirectory folder_;
  std::string in_memory_;
  std::map<std::string, std::string> limits_;
};

// Passes everything on; what writing does, a test may change.
class ChangedRoot : public SysRoot {
 public:
  explicit ChangedRoot(const Tree& tree) : real_(tree.root()) {}
  std::unique_ptr<SysFile> open(const std::string& path, int& error) const override {
    return real_->open(path, error);
  }
  std::vector<std::string> list(const std::string& path) const override { return real_->list(path); }
  std::string real_path(const std::string& path) const override { return real_->real_path(path); }
  bool exists(const std::string& path) const override { return real_->exists(path); }
  bool dangles(const std::string& path) const override { return real_->dangles(path); }
  int list_error(const std::string& path) const override { return real_->list_error(path); }
  std::optional<SysMode> mode(const std::string& path) const override { return real_->mode(path); }
  std::string shown(const std::string& path) const override { return real_->shown(path); }
  bool is_running_kernel() const override { return false; }
  int write(const std::string& path, std::string_view text) const override {
    return changed ? changed(path, text) : real_->write(path, text);
  }
  int really_write(const std::string& path, std::string_view text) const { return real_->write(path, text); }

  std::function<int(const std::string&, std::string_view)> changed;

 private:
  std::unique_ptr<SysRoot> real_;
};

// The levels of a sweep, up and down.
const std::vector<double> kLevels = {0.8, 0.5, 0.9, 0.4, 1.0, 0.6};

TEST(PowerCap, LowersBothTwinsAndPutsAllBack) {
  const Tree tree;
  const auto root = tree.root();
  {
    PowerCap cap(*root, CapBackend::powercap, tree.journal(), false);
    EXPECT_EQ(cap.found_w(), 65);
    const PowerCap::Applied applied = cap.apply(0.5);
    EXPECT_EQ(applied.watts, 32.5);
    EXPECT_EQ(applied.note, "");
    // The lower twin rules, so the cap is half of 65 W in both.
    EXPECT_EQ(tree.read(kRapl + kLong), "32500000\n");
    EXPECT_EQ(tree.read(kMmio + kLong), "32500000\n");
    EXPECT_EQ(tree.read(kRapl + kShort), "45000000\n");
    EXPECT_TRUE(journal_exists(tree.journal()));
    cap.apply(1);
    EXPECT_TRUE(tree.as_found());
    cap.apply(0.1);
    EXPECT_EQ(tree.read(kRapl + kLong), "19500000\n") << "not below 0.3 of what was found";
    for (const Restored& file : cap.restore()) EXPECT_EQ(file.outcome, Outcome::put_back) << file.path;
    EXPECT_TRUE(tree.as_found());
    EXPECT_FALSE(journal_exists(tree.journal()));
    cap.apply(0.7);
  }
  EXPECT_TRUE(tree.as_found());
  EXPECT_FALSE(journal_exists(tree.journal()));
}

TEST(PowerCap, NoStateOnTheWayExceedsWhatWasFound) {
  const Tree tree;
  ChangedRoot root(tree);
  root.changed = [&](const std::string& path, std::string_view text) {
    const std::int64_t value = *parse_integer(trimmed(text));
    EXPECT_LE(value, path.ends_with(kShort) ? 90'000'000 : path.starts_with(kRapl) ? 65'000'000 : 70'000'000);
    const int error = root.really_write(path, text);
    // And no short-term limit falls below the long-term one of its zone.
    for (const std::string& zone : {kRapl, kMmio})
      EXPECT_GE(*root.number(zone + kShort), *root.number(zone + kLong));
    return error;
  };
  PowerCap cap(root, CapBackend::powercap, tree.journal(), false);
  for (const double level : kLevels) cap.apply(level);
}

TEST(PowerCap, TheFirmwaresMinimumIsKept) {
  const Tree tree;
  tree.write(kRapl + "constraint_0_min_power_uw", "40000000\n");
  const auto root = tree.root();
  PowerCap cap(*root, CapBackend::powercap, tree.journal(), false);
  cap.apply(0.4);
  EXPECT_EQ(tree.read(kRapl + kLong), "40000000\n");
}

TEST(PowerCap, RaisingNeedsItsFlag) {
  const Tree tree;
  const auto root = tree.root();
  {
    PowerCap cap(*root, CapBackend::powercap, tree.journal(), false);
    EXPECT_NE(error_of([&] { cap.apply(1.1); }).find("--allow-raise"), std::string::npos);
  }
  {
    PowerCap cap(*root, CapBackend::powercap, tree.journal(), true);
    cap.apply(1.1);
    EXPECT_EQ(tree.read(kRapl + kLong), "71500000\n");
  }
  EXPECT_TRUE(tree.as_found());
}

TEST(PowerCap, FrequencyAndThreads) {
  const Tree tree;
  const auto root = tree.root();
  {
    PowerCap cap(*root, CapBackend::cpufreq, tree.journal(), false);
    EXPECT_FALSE(cap.found_w());
    cap.apply(0.5);
    EXPECT_EQ(tree.read("sys/devices/system/cpu/cpufreq/policy1/scaling_max_freq"), "1750000\n");
  }
  EXPECT_TRUE(tree.as_found());
  PowerCap threads(*root, CapBackend::threads, "/nowhere/at/all", false);
  threads.apply(0.5);
  EXPECT_EQ(threads.duty(), 0.5);
  EXPECT_TRUE(tree.as_found());
}

TEST(PowerCap, SaysWhichBackendWouldWork) {
  const TemporaryDirectory folder;
  folder.write("proc/x", "");
  folder.write("sys/class/powercap/intel-rapl:0/name", "package-0\n");
  const auto amd = open_sys_root({folder / "sys", folder / "proc"});
  EXPECT_NE(error_of([&] {
              (void)find_cap_files(*amd, CapBackend::powercap);
            }).find("--backend cpufreq works there"),
            std::string::npos);
  EXPECT_NE(
      error_of([&] { (void)find_cap_files(*amd, CapBackend::cpufreq); }).find("--backend threads works"),
      std::string::npos);
  EXPECT_TRUE(find_cap_files(*amd, CapBackend::threads).empty());
}

// Runs a sweep in a child that SIGKILL ends just before or just behind its `position`-th write. False: the
// sweep ended before.
bool die_at(const Tree& tree, CapBackend backend, int position, bool before) {
  const pid_t child = ::fork();
  if (child == 0) {
    // The guardian's messages belong to no test output.
    ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    ChangedRoot root(tree);
    const pid_t self = ::getpid();
    int writes = 0;
    root.changed = [&](const std::string& path, std::string_view text) {
      const bool now = ::getpid() == self && writes++ == position;  // the guardian has a copy of all this
      if (now && before) ::kill(self, SIGKILL);
      const int error = root.really_write(path, text);
      if (now) ::kill(self, SIGKILL);
      return error;
    };
    (void)error_of([&] {
      PowerCap cap(root, backend, tree.journal(), false);
      for (const double level : kLevels) cap.apply(level);
      ::_exit(0);  // without a restore: the guardian has to
    });
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

TEST(PowerCap, KilledAtEveryWriteOfASweepEveryFileComesBack) {
  const Tree tree;
  int deaths = 0;
  std::chrono::duration<double> slowest{0};
  for (const CapBackend backend : {CapBackend::powercap, CapBackend::cpufreq}) {
    for (const bool before : {true, false}) {
      int position = 0;
      for (; die_at(tree, backend, position, before); ++position) {
        const auto died = std::chrono::steady_clock::now();
        ASSERT_TRUE(tree.comes_back())
            << name_of(backend) << " " << position << (before ? " before" : " after");
        slowest = std::max(slowest, std::chrono::duration<double>(std::chrono::steady_clock::now() - died));
        ++deaths;
      }
      ASSERT_TRUE(tree.comes_back()) << "an exit without restore";
      EXPECT_GE(position, 10) << "writes of the sweep";
    }
  }
  support::figure("kills", deaths);
  support::figure("slowest_restore_ms", 1e3 * slowest.count());
}

// A dead owner and no guardian: the journal alone, as a crash of both leaves it.
void leave_behind(const Tree& tree, bool settled, const std::string& value) {
  std::filesystem::create_directories(tree.journal());
  const auto root = tree.root();
  JournalFile journal{
      boot_id(*root), 999'999'999, 12345, {{kRapl + kLong, "65000000", "32500000", settled, "65000000"}}};
  write_journal(tree.journal(), journal);
  tree.write(kRapl + kLong, value);
}

TEST(CapRecovery, TheNextStartRestoresAfterADeadOwner) {
  Tree tree;
  const auto root = tree.root();
  EXPECT_EQ(recover_caps(*root, tree.journal()).state, Recovery::State::nothing);
  leave_behind(tree, true, "32500000\n");
  const Recovery recovery = recover_caps(*root, tree.journal());
  EXPECT_EQ(recovery.state, Recovery::State::restored);
  ASSERT_EQ(recovery.files.size(), 1U);
  EXPECT_EQ(recovery.files[0].sentence(*root), "power limit of package-0 (long_term) put back to 65 W");
  EXPECT_TRUE(tree.as_found());
  EXPECT_FALSE(journal_exists(tree.journal()));
}

TEST(CapRecovery, AForeignChangeIsKeptAndReported) {
  Tree tree;
  const auto root = tree.root();
  leave_behind(tree, true, "28000000\n");
  const Recovery recovery = recover_caps(*root, tree.journal());
  ASSERT_EQ(recovery.files.size(), 1U);
  EXPECT_EQ(recovery.files[0].outcome, Outcome::foreign);
  EXPECT_NE(recovery.files[0].sentence(*root).find("changed to 28 W by someone else meanwhile, and left so"),
            std::string::npos);
  EXPECT_EQ(tree.read(kRapl + kLong), "28000000\n");
  EXPECT_FALSE(journal_exists(tree.journal()));
}

// Between journal and read-back a clamp or a rounding may have changed our value: it is still ours.
TEST(CapRecovery, AnUnsettledWriteMayHaveBeenClamped) {
  for (const char* value : {"65000000\n", "32500000\n", "32437500\n", "40000000\n"}) {
    Tree tree;
    const auto root = tree.root();
    leave_behind(tree, false, value);
    (void)recover_caps(*root, tree.journal());
    EXPECT_TRUE(tree.as_found()) << value;
  }
  Tree tree;
  const auto root = tree.root();
  leave_behind(tree, false, "20000000\n");
  EXPECT_EQ(recover_caps(*root, tree.journal()).files.at(0).outcome, Outcome::foreign);
}

TEST(CapRecovery, AnotherBootsJournalIsDeleted) {
  Tree tree;
  const auto root = tree.root();
  leave_behind(tree, true, "32500000\n");
  tree.set_boot("boot-2");
  EXPECT_EQ(recover_caps(*root, tree.journal()).state, Recovery::State::other_boot);
  EXPECT_EQ(tree.read(kRapl + kLong), "32500000\n");
  EXPECT_FALSE(journal_exists(tree.journal()));
}

TEST(CapRecovery, AJournalThatNamesOtherFilesIsNotUsed) {
  Tree tree;
  const auto root = tree.root();
  tree.write("sys/secret", "1\n");
  for (const char* path :
       {"sys/secret", "/etc/passwd", "sys/../x/scaling_max_freq", "proc/sys/vm/scaling_max_freq"}) {
    leave_behind(tree, true, "65000000\n");
    JournalFile journal{boot_id(*root), 999'999'999, 12345, {{path, "2", "1", true, "2"}}};
    write_journal(tree.journal(), journal);
    const Recovery recovery = recover_caps(*root, tree.journal());
    EXPECT_EQ(recovery.state, Recovery::State::unreadable) << path;
    EXPECT_EQ(tree.read("sys/secret"), "1\n");
  }
  std::ofstream(tree.journal() + "/caps.json") << "{}";
  EXPECT_EQ(recover_caps(*root, tree.journal()).state, Recovery::State::unreadable);
}

TEST(CapRecovery, ALivingOwnerIsLeftAlone) {
  const Tree tree;
  const auto root = tree.root();
  PowerCap cap(*root, CapBackend::powercap, tree.journal(), false);
  cap.apply(0.5);
  EXPECT_EQ(recover_caps(*root, tree.journal()).state, Recovery::State::owner_alive);
  EXPECT_EQ(tree.read(kRapl + kLong), "32500000\n");
}

TEST(PowerCap, AForeignChangeStopsTheSweepAndIsKept) {
  const Tree tree;
  const auto root = tree.root();
  PowerCap cap(*root, CapBackend::powercap, tree.journal(), false);
  cap.apply(0.5);
  tree.write(kRapl + kLong, "21000000\n");
  EXPECT_NE(error_of([&] { cap.apply(0.4); }).find("changed to 21000000 by someone else"), std::string::npos);
  int foreign = 0;
  for (const Restored& file : cap.restore()) foreign += file.outcome == Outcome::foreign ? 1 : 0;
  EXPECT_EQ(foreign, 1);
  EXPECT_EQ(tree.read(kRapl + kLong), "21000000\n");
  EXPECT_EQ(tree.read(kMmio + kLong), "70000000\n");
  EXPECT_EQ(tree.read(kRapl + kShort), "90000000\n");
}

TEST(PowerCap, RefusedAndIgnoredWritesAreErrorsAndNothingStaysLow) {
  struct Case {
    int error;
    const char* words;
  };
  for (const Case& each :
       {Case{EACCES, ""}, {EROFS, "read-only"}, {EINVAL, "Invalid argument"}, {0, "ignored the write"}}) {
    const Tree tree;
    ChangedRoot root(tree);
    // The third file refuses; the first two are low by then.
    root.changed = [&](const std::string& path, std::string_view text) {
      return path == kRapl + kShort ? each.error : root.really_write(path, text);
    };
    {
      PowerCap cap(root, CapBackend::powercap, tree.journal(), false);
      const std::string error = error_of([&] { cap.apply(0.5); });
      EXPECT_NE(error.find(kShort), std::string::npos) << error;
      EXPECT_NE(error.find(each.words), std::string::npos) << error;
      if (each.error == EACCES) {
        EXPECT_NE(error.find(::geteuid() == 0 ? "firmware has locked" : "run this by sudo"),
                  std::string::npos);
      }
      for (const Restored& file : cap.restore()) EXPECT_NE(file.outcome, Outcome::failed);
    }
    EXPECT_TRUE(tree.as_found()) << each.words;
  }
}

TEST(PowerCap, AClampedWriteIsToldAndPutBack) {
  const Tree tree;
  ChangedRoot root(tree);
  root.changed = [&](const std::string& path, std::string_view text) {
    const std::int64_t value = std::max<std::int64_t>(*parse_integer(trimmed(text)), 50'000'000);
    return root.really_write(path, std::to_string(value) + "\n");
  };
  {
    PowerCap cap(root, CapBackend::powercap, tree.journal(), false);
    const PowerCap::Applied applied = cap.apply(0.5);
    EXPECT_EQ(applied.watts, 50);
    EXPECT_NE(applied.note.find("holds 50000000 where"), std::string::npos) << applied.note;
  }
  EXPECT_TRUE(tree.as_found());
}

TEST(PowerCap, AReadOnlyTreeIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anything: NOT tested with real permissions";
  const Tree tree;
  ::chmod(tree.path(kRapl + kLong).c_str(), 0444);
  const auto root = tree.root();
  PowerCap cap(*root, CapBackend::powercap, tree.journal(), false);
  EXPECT_NE(error_of([&] { cap.apply(0.5); }).find("run this by sudo"), std::string::npos);
}

TEST(PowerCap, OneProcessAtATime) {
  const Tree tree;
  const auto root = tree.root();
  {
    PowerCap cap(*root, CapBackend::powercap, tree.journal(), false);
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string error =
          error_of([&] { PowerCap second(*root, CapBackend::cpufreq, tree.journal(), false); });
      ::_exit(error.find("another process caps power now") != std::string::npos ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  PowerCap after(*root, CapBackend::powercap, tree.journal(), false);
  EXPECT_NE(error_of([&] {
              PowerCap cap(*root, CapBackend::powercap, "/proc/no/such", false);
            }).find("--journal-dir"),
            std::string::npos);
}

TEST(PowerCap, EffectMeansWithinFivePercent) {
  EXPECT_TRUE(cap_is_effective(47.2, 45));
  EXPECT_FALSE(cap_is_effective(47.3, 45));
}

}  // namespace
}  // namespace godwit::energy
