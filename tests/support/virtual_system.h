// A machine made up for tests: files that are functions, a clock that stands until it is moved.
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/energy/clock.h"
#include "runtime/energy/perf_opener.h"
#include "runtime/energy/sys_root.h"

namespace godwit::support {

// Files by path; each read calls the file's function.
class VirtualRoot final : public energy::SysRoot {
 public:
  using Content = std::function<energy::SysText()>;

  void file(const std::string& path, Content content, unsigned mode = 0444) {
    files_[path] = {std::move(content), mode};
  }
  void file(const std::string& path, const std::string& text, unsigned mode = 0444) {
    file(
        path,
        [text] {
          return energy::SysText{text + "\n", 0};
        },
        mode);
  }
  // A file that fails with this errno, when opened or (EIO, ENODATA) when read.
  void broken(const std::string& path, int error) {
    file(
        path,
        [error] {
          return energy::SysText{"", error};
        },
        0400);
  }
  // `path` and everything below it is `target`.
  void link(const std::string& path, const std::string& target) { links_[path] = target; }
  void remove(const std::string& path) { files_.erase(path); }

  std::unique_ptr<energy::SysFile> open(const std::string& path, int& error) const override {
    const auto it = files_.find(resolve(path));
    if (it == files_.end()) {
      error = ENOENT;
      return nullptr;
    }
    const energy::SysText first = it->second.content();
    const bool at_open = first.error == EACCES || first.error == EPERM;
    error = at_open ? first.error : 0;
    if (at_open) return nullptr;
    return std::make_unique<File>(*this, resolve(path));
  }
  std::vector<std::string> list(const std::string& path) const override {
    std::set<std::string> names;
    const auto below = [&](const std::string& directory, const std::string& entry) {
      if (!entry.starts_with(directory + "/")) return;
      const std::string rest = entry.substr(directory.size() + 1);
      names.insert(rest.substr(0, rest.find('/')));
    };
    for (const auto& [name, content] : files_) below(resolve(path), name);
    for (const auto& [name, target] : links_) below(path, name);
    return {names.begin(), names.end()};
  }
  std::string real_path(const std::string& path) const override { return resolve(path); }
  bool exists(const std::string& path) const override {
    const std::string real = resolve(path);
    return files_.contains(real) || !list(path).empty();
  }
  std::optional<energy::SysMode> mode(const std::string& path) const override {
    const auto it = files_.find(resolve(path));
    if (it == files_.end()) return std::nullopt;
    return energy::SysMode{it->second.mode, 0};
  }
  std::string shown(const std::string& path) const override { return "/" + path; }
  bool is_running_kernel() const override { return false; }

 private:
  struct Entry {
    Content content;
    unsigned mode = 0444;
  };
  class File final : public energy::SysFile {
   public:
    File(const VirtualRoot& root, std::string path) : root_(root), path_(std::move(path)) {}
    energy::SysText read() override {
      const auto it = root_.files_.find(path_);
      return it == root_.files_.end() ? energy::SysText{"", ENODEV} : it->second.content();
    }

   private:
    const VirtualRoot& root_;
    std::string path_;
  };

  std::string resolve(std::string path) const {
    for (int i = 0; i < 8; ++i) {
      bool changed = false;
      for (const auto& [from, to] : links_) {
        if (path != from && !path.starts_with(from + "/")) continue;
        path = to + path.substr(from.size());
        changed = true;
        break;
      }
      if (!changed) break;
    }
    return path;
  }

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
  std::unique_ptr<Ticker> every(Nanoseconds period, std::function<void()> tick) override {
    tickers_.push_back({period, now_ + period, std::move(tick)});
    return std::make_unique<Handle>(*this, std::prev(tickers_.end()));
  }

  void advance(Nanoseconds duration) {
    const Nanoseconds end = now_ + duration;
    for (;;) {
      const auto next = std::ranges::min_element(tickers_, {}, &Registered::next);
      if (stopped_ || next == tickers_.end() || next->next > end) break;
      now_ = std::max(now_, next->next);
      next->next += next->period;
      next->tick();
    }
    now_ = std::max(now_, end);
  }
  void work(Nanoseconds duration) {
    cpu_ += duration;
    advance(duration);
  }
  // The machine sleeps: only the boot clock goes on.
  void suspend(Nanoseconds duration) { slept_ += duration; }
  // Time passes and nobody reads anything (SIGSTOP, a paused guest).
  void stop(Nanoseconds duration) {
    stopped_ = true;
    advance(duration);
    stopped_ = false;
    for (Registered& ticker : tickers_) ticker.next = std::max(ticker.next, now_);
  }

  static constexpr Nanoseconds kUnixMinusMono = 1'763'695'800 * energy::kSecond;

 private:
  struct Registered {
    Nanoseconds period, next;
    std::function<void()> tick;
  };
  class Handle final : public Ticker {
   public:
    Handle(VirtualClock& clock, std::list<Registered>::iterator it) : clock_(clock), it_(it) {}
    ~Handle() override { clock_.tickers_.erase(it_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    Nanoseconds cpu_time() const override { return 0; }

   private:
    VirtualClock& clock_;
    std::list<Registered>::iterator it_;
  };

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
  // How each counter was opened: its event, its CPU and the event of its leader, if any.
  struct Opened {
    std::uint64_t config;
    int cpu;
    std::optional<std::uint64_t> leader;
  };
  std::vector<Opened> opened;

  std::unique_ptr<energy::PerfCounter> open(std::uint32_t /*type*/, std::uint64_t config, int cpu,
                                            const energy::PerfCounter* leader, int& error) override {
    const auto it = counters.find({config, cpu});
    error = refusal != 0                   ? refusal
            : it == counters.end()         ? ENOENT
            : leader != nullptr && !groups ? EINVAL
                                           : 0;
    if (error != 0) return nullptr;
    Opened how{config, cpu, std::nullopt};
    if (leader != nullptr) how.leader = static_cast<const Counter*>(leader)->config;
    opened.push_back(how);
    return std::make_unique<Counter>(it->second, config);
  }

 private:
  class Counter final : public energy::PerfCounter {
   public:
    Counter(std::function<std::uint64_t()> count, std::uint64_t event)
        : config(event), count_(std::move(count)) {}
    const std::uint64_t config;
    bool read(std::uint64_t& count) override {
      count = count_();
      return true;
    }

   private:
    std::function<std::uint64_t()> count_;
  };
};

}  // namespace godwit::support
