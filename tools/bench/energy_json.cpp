// Energy for machines.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/bench/energy_text.h"
#include "tools/report/json.h"

namespace godwit::tools {
namespace {

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json verdict_json(const energy::Verdict& verdict) {
  return {{"state", energy::Verdict::name_of(verdict.state)}, {"reasons", verdict.reasons}};
}

Json result_json(const energy::EnergyResult& result) {
  const energy::MeasuredEnergy& energy = result.energy;
  const bool good = !result.verdict.invalid();
  const double per_image = 1e3 / static_cast<double>(result.images);
  Json ci = nullptr, ci_image = nullptr;
  if (energy.ci95_j && good) {
    ci = {energy.ci95_j->low, energy.ci95_j->high};
    ci_image = {energy.ci95_j->low * per_image, energy.ci95_j->high * per_image};
  }
  Json attributed = nullptr;
  if (energy.attributed_net && good) {
    attributed = {{"quality", name_of(energy::Quality::attributed)},
                  {"share", or_null(energy.attributed_share)},
                  {"net_j", energy.attributed_net->value()},
                  {"net_mj_per_image", energy.attributed_net->value() * per_image}};
  }
  return {{"batch", result.batch},
          {"images", result.images},
          {"repetitions", result.repetitions},
          {"window_s", result.window_s},
          {"warmup_s", result.warmup_s},
          {"images_per_second", result.img_s},
          {"mean_w", good ? Json(result.mean_w) : Json(nullptr)},
          {"gross_j", good ? Json(energy.gross.value()) : Json(nullptr)},
          {"net_j", good && energy.net ? Json(energy.net->value()) : Json(nullptr)},
          {"ci95_j", std::move(ci)},
          {"u",
           {{"statistical", or_null(energy.uncertainty.statistical)},
            {"baseline", or_null(energy.uncertainty.baseline)},
            {"edge", or_null(energy.uncertainty.edge)},
            {"meter", or_null(energy.uncertainty.meter)},
            {"bias", energy.uncertainty.bias ? Json(*energy.uncertainty.bias) : Json("unknown")}}},
          {"per_image",
           {{"gross_mj", or_null(result.gross_mj_per_image())},
            {"net_mj", or_null(result.net_mj_per_image())},
            {"ci95_mj", std::move(ci_image)},
            {"cpu_s", result.cpu_seconds / static_cast<double>(result.images)}}},
          {"attributed", std::move(attributed)},
          {"verdict", verdict_json(result.verdict)}};
}

Json results_json(const std::vector<energy::EnergyResult>& results, const std::vector<std::string>& names) {
  Json json = Json::array();
  for (const energy::EnergyResult& result : results) {
    json.push_back(result_json(result));
    if (names.size() == results.size()) json.back()["run"] = names[json.size() - 1];
  }
  return json;
}

Json use_json(const energy::SensorUse& use) {
  Json json = {{"id", use.id}, {"domain", use.domain}, {"kind", use.kind}, {"role", use.role}};
  if (use.unit_j) json["unit_j"] = *use.unit_j;
  if (use.reads) json["reads"] = *use.reads;
  if (use.changed) json["changed"] = *use.changed;
  if (use.gap_max_s) json["gap_max_s"] = *use.gap_max_s;
  if (use.wraps) json["wraps"] = *use.wraps;
  if (use.disagreement) json["disagreement"] = *use.disagreement;
  return json;
}

}  // namespace

Json energy_json(const EnergyOutcome& outcome, const energy::HostFacts& host) {
  const energy::EnergyResult& first = outcome.results.front();
  Json sensors = Json::array();
  for (const energy::SensorUse& use : outcome.sensors) sensors.push_back(use_json(use));
  Json baseline = nullptr;
  if (first.baseline) {
    baseline = {{"before_w", first.baseline->before_w},
                {"after_w", or_null(first.baseline->after_w)},
                {"ci95_w", or_null(first.baseline->ci95_w)}};
  }
  double joules = 0;
  bool all = true;
  for (const energy::EnergyResult& result : outcome.results) {
    joules += result.energy.gross.value();
    all = all && !result.verdict.invalid();
  }
  Json json = {{"measured_j", all ? Json(joules) : Json(nullptr)},
               {"quality", name_of(first.energy.quality)},
               {"scope", first.energy.scope},
               {"protocol",
                {{"name", outcome.protocol.name},
                 {"rounds", outcome.protocol.rounds},
                 {"window_s", outcome.protocol.window_s},
                 {"baseline_s", outcome.protocol.baseline_s},
                 {"interval", outcome.protocol.interval == energy::IntervalMethod::sem ? "sem" : "student"}}},
               {"host",
                {{"cpu", host.host.cpu},
                 {"kernel", host.host.kernel},
                 {"virt", or_null(host.host.virt)},
                 {"governor", or_null(host.host.governor)},
                 {"boost", or_null(host.host.boost)},
                 {"smt", or_null(host.smt)},
                 {"on_battery", or_null(host.on_battery)},
                 {"temperature_c", or_null(host.temperature_c)},
                 {"load", or_null(host.load)}}},
               {"sensors", std::move(sensors)},
               {"baseline", std::move(baseline)},
               {"sampler_share", outcome.log.sampler_share},
               {"results", results_json(outcome.results, outcome.names)}};
  if (!outcome.meter_note.empty()) json["meter"] = outcome.meter_note;
  if (!outcome.notes.empty()) json["notes"] = outcome.notes;
  if (!outcome.inside.empty()) {
    json["inside"] = {{"quality", name_of(outcome.inside.front().energy.quality)},
                      {"scope", outcome.inside.front().energy.scope},
                      {"results", results_json(outcome.inside, outcome.names)}};
  }
  return json;
}

Json unusable_json(const energy::Discovery& found) {
  Json json = Json::array();
  for (const energy::Unusable& sensor : found.unusable)
    json.push_back({{"path", sensor.path}, {"why", sensor.why}});
  return json;
}

Json sensors_json(const energy::Discovery& found) {
  const energy::Total total = found.total();
  Json sensors = Json::array(), looked = Json::array(), unreadable = Json::array();
  for (std::size_t d = 0; d < found.domains.size(); ++d) {
    const energy::EnergyDomain& domain = found.domains[d];
    for (const std::size_t index : domain.sensors) {
      const energy::Sensor& sensor = found.sensors[index];
      const bool in_total = std::ranges::find(total.domains, d) != total.domains.end();
      sensors.push_back(
          {{"id", sensor.id},
           {"domain", domain.name},
           {"parent", domain.parent >= 0 ? Json(found.domains[static_cast<std::size_t>(domain.parent)].name)
                                         : Json(nullptr)},
           {"kind", sensor.kind == energy::SensorKind::counter ? "counter" : "power"},
           {"role", !domain.unused.empty()            ? "unused"
                    : domain.sensors.front() != index ? "alternate"
                    : in_total                        ? "total"
                                                      : "part"},
           {"range_uj", sensor.range.range_uj},
           {"limit_w", sensor.limit_w > 0 ? Json(sensor.limit_w) : Json(nullptr)}});
    }
  }
  for (const energy::Look& look : found.looked)
    looked.push_back({{"place", look.place}, {"outcome", look.outcome}});
  for (const energy::Unreadable& sensor : found.unreadable) {
    unreadable.push_back({{"path", sensor.path}, {"why", sensor.why}});
  }
  return {{"schema", "godwit.sensors/1"},
          {"total", total.scope.empty() ? Json(nullptr) : Json(total.scope)},
          {"quality", total.scope.empty() ? Json(nullptr) : Json(name_of(total.quality))},
          {"sensors", std::move(sensors)},
          {"looked_at", std::move(looked)},
          {"unreadable", std::move(unreadable)},
          {"unusable", unusable_json(found)},
          {"notes", found.notes}};
}

}  // namespace godwit::tools
