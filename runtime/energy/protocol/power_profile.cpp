// Fitting a power profile, and its file.
#include "runtime/energy/protocol/power_profile.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/json.h"

namespace godwit::energy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "godwit.power_profile/1";
constexpr double kNormal95 = 1.96;

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// A profile from a file may hold anything; the estimator must not divide by what it holds.
void check(const PowerProfile& profile, const std::string& source) {
  const auto power = [](double watts) { return std::isfinite(watts) && watts >= 0; };
  bool good = profile.cpus > 0 && power(profile.idle_w) && power(profile.error) && !profile.busy.empty();
  int before = 0;
  for (const PowerProfile::Busy& busy : profile.busy) {
    good = good && busy.threads > before && power(busy.watts) && busy.watts > profile.idle_w;
    before = busy.threads;
  }
  if (!good) {
    throw Error(fmt::format(
        "{}: a profile needs power above the idle power for rising numbers of threads, all finite", source));
  }
}

}  // namespace

double PowerProfile::watts_at(double threads) const {
  double x0 = 0, y0 = idle_w, x1 = 0, y1 = idle_w;
  for (const Busy& point : busy) {
    x0 = x1, y0 = y1;
    x1 = point.threads, y1 = point.watts;
    if (threads <= x1) break;
  }
  const double slope = (y1 - y0) / (x1 - x0);
  return threads <= x1 ? y0 + slope * (threads - x0) : y1 + std::max(0.0, slope) * (threads - x1);
}

PowerProfile fit_profile(const std::vector<PowerReading>& readings) {
  std::map<int, std::vector<double>> by_threads;
  for (const PowerReading& reading : readings) {
    if (reading.threads < 0 || !std::isfinite(reading.watts) || reading.watts < 0)
      throw Error(fmt::format("a reading of {} W with {} cannot be", reading.watts,
                              fmt::format("{} thread{}", reading.threads, reading.threads == 1 ? "" : "s")),
                  ErrorKind::failed);
    by_threads[reading.threads].push_back(reading.watts);
  }
  double squares = 0;
  std::size_t freedom = 0;
  PowerProfile profile;
  for (const auto& [threads, watts] : by_threads) {
    const double mean = mean_of(watts);
    if (threads == 0) {
      profile.idle_w = mean;
    } else {
      profile.busy.push_back({threads, mean, watts.size()});
    }
    for (const double each : watts) squares += (each / mean - 1) * (each / mean - 1);
    freedom += watts.size() - 1;
  }
  if (by_threads[0].size() < 2 || profile.busy.empty() || freedom < 2) {
    throw Error("a profile needs two or more readings idle, and two or more with threads busy",
                ErrorKind::failed);
  }
  for (const PowerProfile::Busy& busy : profile.busy) {
    if (!(busy.watts > profile.idle_w)) {
      throw Error(
          fmt::format("{} busy threads drew {:.2f} W, not more than the {:.2f} W of the idle machine: the "
                      "sensor does not see this machine's work, or another program was busy",
                      busy.threads, busy.watts, profile.idle_w),
          ErrorKind::failed);
    }
  }
  profile.error = kNormal95 * std::sqrt(squares / static_cast<double>(freedom));
  return profile;
}

std::string to_json_text(const PowerProfile& profile) {
  Json json = {{"schema", kSchema},
               {"cpu", profile.cpu},
               {"date", profile.date},
               {"scope", profile.scope},
               {"cpus", profile.cpus},
               {"idle_w", profile.idle_w},
               {"error95_relative", profile.error},
               {"busy", Json::array()}};
  for (const PowerProfile::Busy& busy : profile.busy)
    json["busy"].push_back({{"threads", busy.threads}, {"watts", busy.watts}, {"readings", busy.readings}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

PowerProfile profile_from_json(std::string_view text, const std::string& source) {
  constexpr int kMaxDepth = 8;
  const Json json = require_json(text, kMaxDepth, fmt::format("'{}' is ", source));
  if (!json.is_object() || json.value("schema", Json()) != kSchema)
    throw Error(
        fmt::format("'{}' is not a profile; 'godwit energy calibrate --output FILE' writes one", source));
  PowerProfile profile;
  try {
    profile.cpu = json.at("cpu").get<std::string>();
    profile.date = json.at("date").get<std::string>();
    profile.scope = json.at("scope").get<std::string>();
    profile.cpus = json.at("cpus").get<int>();
    profile.idle_w = json.at("idle_w").get<double>();
    profile.error = json.at("error95_relative").get<double>();
    for (const Json& busy : json.at("busy")) {
      profile.busy.push_back({busy.at("threads").get<int>(), busy.at("watts").get<double>(),
                              busy.at("readings").get<std::size_t>()});
    }
  } catch (const Json::exception&) {
    throw Error(fmt::format("'{}' lacks a field of a profile, or has one of another type", source));
  }
  check(profile, "'" + source + "'");
  return profile;
}

}  // namespace godwit::energy
