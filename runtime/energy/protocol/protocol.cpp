// Runs workloads under a protocol and writes down when what happened.
#include "runtime/energy/protocol/protocol.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

namespace godwit::energy {
namespace {

constexpr int kPulses = 3;
constexpr Nanoseconds kPulse = 2 * kSecond;
constexpr int kSteadyWindows = 5;
constexpr double kSteady = 0.02;

// The sampler and the log of one protocol run.
class Conductor {
 public:
  Conductor(const ProtocolOptions& options, Clock& clock, Recorder* recorder, const HostWatch& watch)
      : options_(options), clock_(clock), recorder_(recorder), watch_(watch) {
    const Nanoseconds own = recorder == nullptr ? kSecond / 10 : recorder->period();
    const Nanoseconds period = options.period > 0 ? std::min(options.period, own) : own;
    log_.unix_minus_mono = clock.unix_time() - clock.now().mono;
    started_ = clock.now().mono;
    ticker_ = clock.every(period, [this] { tick(); });
  }

  Window idle(double seconds) {
    Window window = open();
    clock_.sleep(from_seconds(seconds));
    close(window);
    return window;
  }

  // Repeats until the time is over and there were enough runs.
  Window busy(const Workload& workload, Nanoseconds at_least, int repetitions, bool align = false) {
    Window window = open(align);
    do {
      workload.run();
      window.run_ends.push_back(clock_.now().mono);
    } while (window.run_ends.back() - window.begin < at_least ||
             static_cast<int>(window.run_ends.size()) < repetitions);
    close(window, align);
    return window;
  }

  Window once(const Job& job, bool align) {
    Window window = open(align);
    job.run([&] { window.run_ends.push_back(clock_.now().mono); });
    close(window, align);
    return window;
  }

  // One run, then windows until five in a row have nearly the same rate.
  Window warm_up(const Workload& workload) {
    Window whole = open();
    workload.run();
    const Nanoseconds limit = from_seconds(options_.warmup_max_s);
    const Nanoseconds step = std::clamp(from_seconds(options_.window_s / 20), kSecond / 100, kSecond / 2);
    std::vector<double> rates;
    while (clock_.now().mono - whole.begin < limit) {
      const Nanoseconds begin = clock_.now().mono;
      int runs = 0;
      do {
        workload.run();
        ++runs;
      } while (clock_.now().mono - begin < step);
      rates.push_back(runs / to_seconds(std::max<Nanoseconds>(1, clock_.now().mono - begin)));
      if (rates.size() < kSteadyWindows) continue;
      const auto last = rates.end() - kSteadyWindows;
      const auto [low, high] = std::minmax_element(last, rates.end());
      if (*high - *low < kSteady * *high) break;
    }
    close(whole);
    return whole;
  }

  void pulse(const Workload& workload) {
    for (int i = 0; i < kPulses; ++i) {
      log_.pulses.push_back(busy(workload, kPulse, 1));
      clock_.sleep(kPulse);
    }
  }

  RunLog finish() {
    const Nanoseconds elapsed = clock_.now().mono - started_;
    if (elapsed > 0)
      log_.sampler_share = static_cast<double>(ticker_->cpu_time()) / static_cast<double>(elapsed);
    ticker_.reset();
    return std::move(log_);
  }

  RunLog& log() { return log_; }

 private:
  void tick() {
    const Nanoseconds now = recorder_ != nullptr ? recorder_->read().mono : clock_.now().mono;
    const std::lock_guard lock(mutex_);
    if (!log_.trace.empty() && now - log_.trace.back().time < kSecond) return;
    log_.trace.push_back(watch_.read(now));
  }

  Nanoseconds mark(bool align) {
    if (recorder_ == nullptr) return clock_.now().mono;
    if (align) recorder_->wait_for_update();
    return recorder_->read().mono;
  }
  Window open(bool align = false) {
    Window window;
    window.before = watch_.read(clock_.now().mono);
    window.cpu_s = -cpu_seconds();
    window.begin = mark(align);
    return window;
  }
  void close(Window& window, bool align = false) {
    window.end = mark(align);
    window.cpu_s += cpu_seconds();
    window.after = watch_.read(window.end);
  }
  double cpu_seconds() const { return to_seconds(clock_.cpu_time() - ticker_->cpu_time()); }

  const ProtocolOptions& options_;
  Clock& clock_;
  Recorder* recorder_;
  const HostWatch& watch_;
  std::mutex mutex_;  // the ticker writes log_.trace
  RunLog log_;
  Nanoseconds started_ = 0;
  std::unique_ptr<Clock::Ticker> ticker_;  // last: it uses all of the above
};

// Fisher and Yates over SplitMix64: the same order on every machine.
void shuffle(std::vector<std::size_t>& order, std::uint64_t& state) {
  for (std::size_t i = order.size(); i > 1; --i) {
    state += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    std::swap(order[i - 1], order[(z ^ (z >> 31)) % i]);
  }
}

}  // namespace

std::optional<ProtocolOptions> protocol_named(std::string_view name) {
  ProtocolOptions options;
  options.name = name;
  if (name == "std") return options;
  if (name == "edge5") {
    options.baseline_s = 3;  // 48 samples at 16 Hz
    options.baseline_after = false;
    options.period = kSecond / 16;
    options.required_window_s = options.window_s = 3;
    return options;
  }
  if (name == "yang") {
    options.baseline_s = 0;
    options.baseline_after = false;
    options.rounds = 1;
    options.skip_share = 0.05;
    options.interval = IntervalMethod::sem;
    options.period = kSecond / 100;
    return options;
  }
  if (name == "wall") {
    options.required_window_s = options.window_s = 60;
    return options;
  }
  if (name == "job") {
    options.window_s = 0;  // as long as it takes
    options.repetitions = 0;
    options.rounds = 1;
    return options;
  }
  return std::nullopt;
}

Nanoseconds RunLog::begin() const {
  if (before) return before->begin;
  if (!pulses.empty()) return pulses.front().begin;
  if (!warmups.empty()) return warmups.front().begin;
  return rounds.empty() || rounds.front().empty() ? 0 : rounds.front().front().begin;
}

Nanoseconds RunLog::end() const {
  Nanoseconds end = after ? after->end : 0;
  for (const auto& windows : rounds) {
    for (const Window& window : windows) end = std::max(end, window.end);
  }
  return end;
}

RunLog run_protocol(const ProtocolOptions& options, const std::vector<Workload>& workloads, Clock& clock,
                    Recorder* recorder, const HostWatch& watch) {
  Conductor conductor(options, clock, recorder, watch);
  RunLog& log = conductor.log();
  if (options.baseline_s > 0) log.before = conductor.idle(options.baseline_s);
  if (options.pulses) conductor.pulse(workloads.front());
  for (const Workload& workload : workloads) log.warmups.push_back(conductor.warm_up(workload));
  log.rounds.resize(workloads.size());
  std::vector<std::size_t> order(workloads.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::uint64_t state = options.seed;
  for (int round = 0; round < options.rounds; ++round) {
    shuffle(order, state);
    for (const std::size_t index : order) {
      log.rounds[index].push_back(conductor.busy(workloads[index], from_seconds(options.window_s),
                                                 options.repetitions, options.edge_align));
    }
  }
  if (options.baseline_s > 0 && options.baseline_after) log.after = conductor.idle(options.baseline_s);
  return conductor.finish();
}

RunLog run_job(const ProtocolOptions& options, const Job& job, Clock& clock, Recorder* recorder,
               const HostWatch& watch) {
  Conductor conductor(options, clock, recorder, watch);
  RunLog& log = conductor.log();
  if (options.baseline_s > 0) log.before = conductor.idle(options.baseline_s);
  if (options.pulses) conductor.pulse({1, job.pulse});
  log.rounds = {{conductor.once(job, options.edge_align)}};
  if (options.baseline_s > 0 && options.baseline_after) log.after = conductor.idle(options.baseline_s);
  return conductor.finish();
}

}  // namespace godwit::energy
