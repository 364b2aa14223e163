#include "tests/support/virtual_system.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>

namespace godwit::support {

class VirtualRoot::File final : public energy::SysFile {
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

void VirtualRoot::file(const std::string& path, Content content, unsigned mode) {
  files_[path] = {std::move(content), mode};
}

void VirtualRoot::file(const std::string& path, const std::string& text, unsigned mode) {
  file(
      path,
      [text] {
        return energy::SysText{text + "\n", 0};
      },
      mode);
}

void VirtualRoot::broken(const std::string& path, int error) {
  file(
      path,
      [error] {
        return energy::SysText{"", error};
      },
      0400);
}

void VirtualRoot::link(const std::string& path, const std::string& target) { links_[path] = target; }

void VirtualRoot::remove(const std::string& path) { files_.erase(path); }

std::unique_ptr<energy::SysFile> VirtualRoot::open(const std::string& path, int& error) const {
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

std::vector<std::string> VirtualRoot::list(const std::string& path) const {
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

bool VirtualRoot::exists(const std::string& path) const {
  const std::string real = resolve(path);
  return files_.contains(real) || !list(path).empty();
}

std::optional<energy::SysMode> VirtualRoot::mode(const std::string& path) const {
  const auto it = files_.find(resolve(path));
  if (it == files_.end()) return std::nullopt;
  return energy::SysMode{it->second.mode, 0};
}

std::string VirtualRoot::shown(const std::string& path) const { return "/" + path; }

std::string VirtualRoot::resolve(std::string path) const {
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

class VirtualClock::Handle final : public Ticker {
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

std::unique_ptr<VirtualClock::Ticker> VirtualClock::every(Nanoseconds period, std::function<void()> tick) {
  tickers_.push_back({period, now_ + period, std::move(tick)});
  return std::make_unique<Handle>(*this, std::prev(tickers_.end()));
}

void VirtualClock::advance(Nanoseconds duration) {
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

void VirtualClock::work(Nanoseconds duration) {
  cpu_ += duration;
  advance(duration);
}

void VirtualClock::stop(Nanoseconds duration) {
  stopped_ = true;
  advance(duration);
  stopped_ = false;
  for (Registered& ticker : tickers_) ticker.next = std::max(ticker.next, now_);
}

class VirtualPerf::Counter final : public energy::PerfCounter {
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

std::unique_ptr<energy::PerfCounter> VirtualPerf::open(std::uint32_t /*type*/, std::uint64_t config, int cpu,
                                                       const energy::PerfCounter* leader, int& error) {
  const auto it = counters.find({config, cpu});
  error = refusal != 0 ? refusal : it == counters.end() ? ENOENT : leader != nullptr && !groups ? EINVAL : 0;
  if (error != 0) return nullptr;
  Opened how{config, cpu, std::nullopt};
  if (leader != nullptr) how.leader = static_cast<const Counter*>(leader)->config;
  opened.push_back(how);
  return std::make_unique<Counter>(it->second, config);
}

}  // namespace godwit::support
