// Timelines to and from JSON.
#include "tools/bench/energy_timeline.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "tools/report/json.h"

namespace godwit::tools {
namespace {

constexpr std::int64_t kMostRuns = 5'000'000;

energy::Window window_of(const Json& entry) {
  energy::Window window;
  window.begin = entry.at("begin_ns").get<std::int64_t>();
  window.end = entry.at("end_ns").get<std::int64_t>();
  const auto runs = entry.at("runs").get<std::int64_t>();
  if (window.begin <= 0 || window.end <= window.begin ||
      window.end - window.begin > 1'000'000 * energy::kSecond || runs < 0 || runs > kMostRuns) {
    throw Error("the timeline's times make no sense");
  }
  for (std::int64_t i = 1; i <= runs; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(runs);
    window.run_ends.push_back(
        window.begin + static_cast<std::int64_t>(part * static_cast<double>(window.end - window.begin)));
  }
  return window;
}

}  // namespace

Json timeline_json(const energy::RunLog& log, std::size_t workload) {
  Json timeline = Json::array();
  const auto add = [&](const char* phase, const energy::Window& window) {
    timeline.push_back({{"phase", phase},
                        {"begin_ns", window.begin + log.unix_minus_mono},
                        {"end_ns", window.end + log.unix_minus_mono},
                        {"runs", window.run_ends.size()}});
  };
  if (log.before) add("idle-before", *log.before);
  for (const energy::Window& window : log.pulses) add("pulse", window);
  for (const energy::Window& window : log.warmups) add("warm-up", window);
  for (const energy::Window& window : log.rounds[workload]) add("round", window);
  if (log.after) add("idle-after", *log.after);
  return {{"timeline", std::move(timeline)}};
}

energy::RunLog log_of_timeline(const std::string& record, const std::string& where) {
  const Json json = Json::parse(record, nullptr, false);
  if (!json.is_object() || !json.contains("timeline")) {
    throw Error(where + " holds no timeline; 'godwit bench --energy --meter-later --ledger FILE' writes one");
  }
  energy::RunLog log;
  log.rounds.resize(1);
  try {
    for (const Json& entry : json.at("timeline")) {
      const std::string phase = entry.at("phase").get<std::string>();
      const energy::Window window = window_of(entry);
      if (phase == "idle-before") log.before = window;
      if (phase == "idle-after") log.after = window;
      if (phase == "pulse") log.pulses.push_back(window);
      if (phase == "warm-up") log.warmups.push_back(window);
      if (phase == "round") log.rounds[0].push_back(window);
    }
  } catch (const Json::exception&) {
    throw Error(
        where +
        ": each entry of its timeline needs phase (a text), begin_ns, end_ns and runs (whole numbers)");
  } catch (Error& error) {
    error.add_context(where);
    throw;
  }
  if (log.rounds[0].empty()) throw Error(where + ": its timeline has no round");
  return log;
}

}  // namespace godwit::tools
