// A machine made up for tests: files that are functions, a clock that stands until it is moved.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/energy/sensors/clock.h"
#include "runtime/energy/sensors/perf_opener.h"
#include "runtime/energy/sensors/sys_root.h"

namespace godwit::support {

// Files by path; each read calls the file's function.
class VirtualRoot final : public energy::SysRoot {
 public:
  using Content = std::function<energy::SysText()>;

  void file(const std::string& path, Content content, unsigned mode = 0444);
  void file(const std::string& path, const std::string& text, unsigned mode = 0444);
  // A file that fails with this errno, when opened or (EIO, ENODATA) when read.
  void broken(const std::string& path, int error);
  // `path` and everything below it is `target`.
  void link(const std::string& path, const std::string& target);
  void remove(const std::string& path);

  std::unique_ptr<energy::SysFile> open(const std::string& path, int& error) const override;
  std::vector<std::string> list(const std::string& path) const override;
  std::string real_path(const std::string& path) const override { return resolve(path); }
  bool exists(const std::string& path) const override;
  bool dangles(const std::string& path) const override { return links_.contains(path) && !exists(path); }
  int list_error(const std::string&) const override { return 0; }
  std::optional<energy::SysMode> mode(const std::string& path) const override;
  std::string shown(const std::string& path) const override;
  bool is_running_kernel() const override { return false; }

 private:
  struct Entry {
    Content content;
    unsigned mode = 0444;
  };
  class File;

  std::string resolve(std::string path) const;

  std::map<std::string, Entry> files_;
  std::map<std::string, std::string> links_;
};

// Moves only by sleep() and advance(); tickers are called at their moments on the way.
class VirtualClock final : public energy::Clock {
 public:
  using Nanoseconds = energy::Nanoseconds;

  energy::Instant now() const override { return {now_, now_ + slept_}; }
  Nanoseconds unix_time() const override { return now_ + kUnixMinusMono; }
  void sleep(Nanoseconds duration) override { advance(duration); }
  Nanoseconds cpu_time() const override { return cpu_; }
  std::unique_ptr<Ticker> every(Nanoseconds period, std::function<void()> tick) override;

  void advance(Nanoseconds duration);
  void work(Nanoseconds duration);
  // The machine sleeps: only the boot clock goes on.
  void suspend(Nanoseconds duration) { slept_ += duration; }
  // Time passes and nobody reads anything (SIGSTOP, a paused guest).
  void stop(Nanoseconds duration);

  static constexpr Nanoseconds kUnixMinusMono = 1'763'695'800 * energy::kSecond;

 private:
  struct Registered {
    Nanoseconds period, next;
    std::function<void()> tick;
  };
  class Handle;

  Nanoseconds now_ = 1000 * energy::kSecond;
  Nanoseconds slept_ = 0, cpu_ = 0;
  bool stopped_ = false;
  std::list<Registered> tickers_;
};

// Counters of a perf unit that a test holds.
class VirtualPerf final : public energy::PerfOpener {
 public:
  // By (config, cpu).
  std::map<std::pair<std::uint64_t, int>, std::function<std::uint64_t()>> counters;
  int refusal = 0;     // an errno for every open
  bool groups = true;  // false: EINVAL for every open with a leader
  // The opening of a counter: its event, its CPU and the event of its leader, if any.
  struct Opened {
    std::uint64_t config;
    int cpu;
    std::optional<std::uint64_t> leader;
  };
  std::vector<Opened> opened;

  std::unique_ptr<energy::PerfCounter> open(std::uint32_t type, std::uint64_t config, int cpu,
                                            const energy::PerfCounter* leader, int& error) override;

 private:
  class Counter;
};

}  // namespace godwit::support
