// Power must rise with load, and who looks at the same thing must see the same.
#include "tools/bench/selftest.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

using State = SelftestCheck::State;

constexpr double kAgree = 0.02;      // alternates of one domain
constexpr double kLeastRise = 0.02;  // of the power before: less is no load

// Standard uncertainty of mean power by the scatter of readings; 0 where there was one reading.
double watts_error(const energy::EnergyResult& result) {
  const double joules = result.energy.uncertainty.statistical.value_or(0);
  return std::isfinite(joules) && result.seconds > 0 ? joules / result.seconds : 0;
}

SelftestCheck rises(std::string name, double from_w, double from_error, double to_w, double to_error) {
  const double need = std::max(kLeastRise * from_w, 3 * std::hypot(from_error, to_error));
  return {std::move(name), to_w - from_w > need ? State::passed : State::failed,
          fmt::format("{:.2f} W to {:.2f} W; at least {:.2f} W more expected", from_w, to_w, need)};
}

void check_rises(const std::string& who, const std::vector<energy::EnergyResult>& results,
                 std::vector<SelftestCheck>& checks) {
  const energy::EnergyResult& one = results.front();
  if (one.baseline) {
    const double error = one.baseline->ci95_w.value_or(0) / 2;
    checks.push_back(rises(who + " power rises from idle to one thread", one.baseline->before_w, error,
                           one.mean_w, watts_error(one)));
  } else {
    checks.push_back({who + " power rises from idle to one thread", State::failed, "no idle power was read"});
  }
  if (results.size() < 2) {
    checks.push_back({who + " power rises from one thread to all", State::skipped, "there is one core"});
  } else {
    checks.push_back(rises(who + " power rises from one thread to all", one.mean_w, watts_error(one),
                           results[1].mean_w, watts_error(results[1])));
  }
  for (const energy::EnergyResult& result : results) {
    const bool readable = !result.verdict.invalid();
    checks.push_back({fmt::format("{} readings can be used, {}", who,
                                  &result == &results.front() ? "one thread" : "all threads"),
                      readable ? State::passed : State::failed, result.verdict.to_string()});
  }
}

void check_sensors_agree(const EnergyOutcome& outcome, std::vector<SelftestCheck>& checks) {
  bool any = false;
  for (const energy::SensorUse& use : outcome.sensors) {
    if (use.changed && (use.role == "total" || use.role == "alternate")) {
      checks.push_back(
          {use.id + " moves", *use.changed > 2 ? State::passed : State::failed,
           fmt::format("{} news in {}", *use.changed, counted(use.reads.value_or(0), "reading"))});
    }
    if (!use.disagreement) continue;
    any = true;
    checks.push_back(
        {fmt::format("{} agrees with the other sensor of {}", use.id, use.domain),
         *use.disagreement <= kAgree ? State::passed : State::failed,
         fmt::format("{:.2f} % apart, {:.0f} % allowed", 100 * *use.disagreement, 100 * kAgree)});
  }
  if (!any) checks.push_back({"domains agree", State::skipped, "no domain is seen by two sensors"});
}

// A meter sees all that the package draws and more.
void check_meter(const EnergyOutcome& outcome, std::vector<SelftestCheck>& checks) {
  if (outcome.results.front().energy.quality != energy::Quality::external) {
    checks.push_back({"a meter joins", State::skipped, "no --meter was given"});
    return;
  }
  checks.push_back({"a meter joins",
                    outcome.results.front().verdict.invalid() ? State::failed : State::passed,
                    outcome.meter_note});
  if (outcome.inside.empty()) return;
  for (std::size_t i = 0; i < outcome.results.size(); ++i) {
    const double outside = outcome.results[i].mean_w, inside = outcome.inside[i].mean_w;
    checks.push_back(
        {fmt::format("the meter sees what the sensors see, {}", i == 0 ? "one thread" : "all threads"),
         outside >= (1 - kAgree) * inside ? State::passed : State::failed,
         fmt::format("{:.2f} W by the meter, {:.2f} W of it by the sensors", outside, inside)});
  }
}

std::string_view name_of(State state) {
  return state == State::passed ? "passed" : state == State::failed ? "failed" : "skipped";
}

}  // namespace

std::vector<SelftestCheck> check_sensors(const EnergyOutcome& outcome) {
  std::vector<SelftestCheck> checks;
  if (!outcome.inside.empty()) check_rises(outcome.inside.front().energy.scope, outcome.inside, checks);
  check_rises(outcome.results.front().energy.scope, outcome.results, checks);
  check_sensors_agree(outcome, checks);
  check_meter(outcome, checks);
  return checks;
}

bool all_passed(const std::vector<SelftestCheck>& checks) {
  return std::ranges::none_of(checks,
                              [](const SelftestCheck& check) { return check.state == State::failed; });
}

std::string selftest_text(const std::vector<SelftestCheck>& checks) {
  using enum Table::Align;
  Table table({{"", left}, {"check", left}, {"found", left}});
  for (const SelftestCheck& check : checks)
    table.add({std::string(name_of(check.state)), check.name, check.detail});
  return "\n" + table.to_string() +
         (all_passed(checks) ? "the sensors tell of the work\n" : "the sensors do not tell of the work\n");
}

Json selftest_json(const std::vector<SelftestCheck>& checks) {
  Json json = Json::array();
  for (const SelftestCheck& check : checks)
    json.push_back({{"name", check.name}, {"state", name_of(check.state)}, {"detail", check.detail}});
  return json;
}

}  // namespace godwit::tools
