// The estimators' formulas.
#include "runtime/energy/protocol/estimate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// The digits [begin, begin + length) of a date; -1 where they are none.
int digits(std::string_view date, std::size_t begin, std::size_t length) {
  int value = 0;
  const char* first = date.data() + begin;
  const auto [end, error] = std::from_chars(first, first + length, value);
  return error == std::errc() && end == first + length ? value : -1;
}

}  // namespace

int ordinal_day(std::string_view date) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool shape = date.size() == 10 && date[4] == '-' && date[7] == '-';
  const int year = shape ? digits(date, 0, 4) : -1, month = shape ? digits(date, 5, 2) : -1,
            day = shape ? digits(date, 8, 2) : -1;
  const auto days_of = [&](int of) {
    return kDays[static_cast<std::size_t>(of) - 1] + (of == 2 && is_leap(year) ? 1 : 0);
  };
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of(month))
    throw Error(fmt::format("'{}' is not a date, expected one like 2018-03-27", date));
  const int before = year - 1;
  int total = before * 365 + before / 4 - before / 100 + before / 400 + day;
  for (int i = 1; i < month; ++i) total += days_of(i);
  return total;
}

double Trend::flops_per_joule(int day) const { return 1e9 * std::pow(10.0, intercept + per_day * day); }

double Trend::per_year() const { return std::pow(10.0, per_day * 365.25); }

Estimated<Joules> estimate_by_trend(double flops, int day, std::string_view precision, const Trend& trend) {
  if (precision == "int8") {
    throw Error(
        "the trend says nothing about int8: operations per watt overstate what it saves; measure it, or "
        "calibrate with 'godwit energy calibrate'");
  }
  if (!trend.covers(day)) {
    throw Error(
        "the trend was fitted to accelerators launched from 2010-11-09 to 2020-09-01 and is not drawn past "
        "them");
  }
  if (!(flops > 0)) throw Error("FLOPs must be above 0");
  return Estimated<Joules>::within_factor(Joules{flops / trend.flops_per_joule(day)}, kUncalibratedFactor);
}

namespace {

// The range of a profile: its own on the CPU that it was made on, that of any formula elsewhere.
EstimatedEnergy by_profile(const CpuWork& work, const PowerFacts& facts) {
  const PowerProfile& profile = *facts.profile;
  const double threads = std::max(1, work.threads);
  const double active = std::max(0.0, profile.watts_at(threads) - profile.idle_w) / threads;
  // A run on a shared machine bears the part of its idle power that its CPUs are.
  const bool known_share = !work.virtual_machine || facts.host_cpus.has_value();
  const double share = !work.virtual_machine ? 1
                       : facts.host_cpus     ? static_cast<double>(work.cpus) / *facts.host_cpus
                                             : 0;
  const double joules = work.cpu_seconds * active + work.wall_seconds * profile.idle_w * share;
  const bool same = profile.cpu == facts.cpu && profile.cpus == (facts.host_cpus.value_or(work.cpus));
  std::string basis = fmt::format("profile of {} ({}) made {}, scope {}, 95 % error {:.1f} %", profile.cpu,
                                  fmt::format("{} CPU{}", profile.cpus, profile.cpus == 1 ? "" : "s"),
                                  profile.date, profile.scope, 100 * profile.error);
  if (!same)
    basis +=
        fmt::format("; this machine is another, so the range stays at a factor of {:g}", kUncalibratedFactor);
  if (!known_share) basis += "; no idle share: --host-cpus was not given in a virtual machine";
  const double factor = same ? 1 + profile.error : kUncalibratedFactor;
  return {"cpu", Estimated<Joules>::within_factor(Joules{joules}, factor), std::move(basis)};
}

}  // namespace

std::optional<EstimatedEnergy> estimate_by_cpu_time(const CpuWork& work, const PowerFacts& facts) {
  if (facts.host_cpus && *facts.host_cpus < work.cpus) {
    throw Error(fmt::format("the host cannot have {}, fewer than the {} that this machine shows",
                            fmt::format("{} CPU{}", *facts.host_cpus, *facts.host_cpus == 1 ? "" : "s"),
                            work.cpus));
  }
  if (facts.profile) return by_profile(work, facts);
  if (!facts.max_w) return std::nullopt;
  const double idle = facts.idle_w.value_or(0);
  if (idle >= *facts.max_w) {
    throw Error(
        fmt::format("an idle power of {:g} W is not below the maximum of {:g} W", idle, *facts.max_w));
  }
  const int cpus = work.virtual_machine ? facts.host_cpus.value_or(work.cpus) : work.cpus;
  const double active = work.cpu_seconds * (*facts.max_w - idle) / cpus;
  std::string basis = fmt::format("P_max {:g} W ({}) over {}", *facts.max_w, facts.max_source,
                                  fmt::format("{} CPU{}", cpus, cpus == 1 ? "" : "s"));
  double resting = 0;
  if (!facts.idle_w) {
    basis += "; no idle share: the idle power is not known";
  } else if (work.virtual_machine && !facts.host_cpus) {
    basis += "; no idle share: --host-cpus was not given in a virtual machine";
  } else {
    const double share = static_cast<double>(work.cpus) / cpus;
    resting = work.wall_seconds * idle * share;
    basis += fmt::format("; P_idle {:g} W, share {:.3g}", idle, share);
  }
  basis += fmt::format("; not calibrated: a factor of {:g} each way", kUncalibratedFactor);
  return EstimatedEnergy{"cpu",
                         Estimated<Joules>::within_factor(Joules{active + resting}, kUncalibratedFactor),
                         std::move(basis)};
}

}  // namespace godwit::energy
