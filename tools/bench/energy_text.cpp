// Energy in words and tables.
#include "tools/bench/energy_text.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

std::string because(const energy::HostFacts& host) {
  if (host.host.virt) {
    return fmt::format("this is a virtual machine ({}); guests do not see the host's energy counters",
                       *host.host.virt);
  }
  if (host.container) return "this is a container; the host's energy counters are not mounted into it";
  return "the kernel offers none: no driver for energy counters is loaded, or this CPU has none";
}

// " (package-0/core, uncore)"
std::string parts_of(const energy::Discovery& found) {
  std::string text;
  for (const energy::EnergyDomain& domain : found.domains) text += (text.empty() ? "" : ", ") + domain.name;
  return text.empty() ? text : " (" + text + ")";
}

std::string joules_text(double joules) { return fmt::format("{:.3g} J", joules); }

std::string milli(double mj) { return fmt::format("{:.{}f}", mj, mj < 10 ? 3 : mj < 100 ? 2 : 1); }

std::string cell(const std::optional<double>& mj) { return mj ? milli(*mj) : "-"; }

// "24.41 (24.11 to 24.71)"
std::string net_cell(const energy::EnergyResult& result) {
  const std::optional<double> net = result.net_mj_per_image();
  if (!net) return "-";
  if (!result.energy.ci95_j) return milli(*net);
  const double scale = 1e3 / static_cast<double>(result.images);
  return fmt::format("{} ({} to {})", milli(*net), milli(result.energy.ci95_j->low * scale),
                     milli(result.energy.ci95_j->high * scale));
}

std::string table_of(const std::vector<energy::EnergyResult>& results,
                     const std::vector<std::string>& names) {
  using enum Table::Align;
  const bool named = names.size() == results.size();
  Table table({{named ? "run" : "batch", named ? left : right},
               {"images"},
               {"seconds"},
               {"images/s"},
               {"mean W"},
               {"gross J"},
               {"net J"},
               {"gross mJ/img"},
               {"net mJ/img (95 %)"},
               {"verdict", left}});
  for (const energy::EnergyResult& r : results) {
    const bool good = !r.verdict.invalid();
    const auto index = static_cast<std::size_t>(&r - results.data());
    table.add({named ? names[index] : fmt::format("{}", r.batch), fmt::format("{}", r.images),
               fmt::format("{:.1f}", r.seconds), fmt::format("{:.1f}", r.img_s),
               good ? fmt::format("{:.2f}", r.mean_w) : "-",
               good ? fmt::format("{:.4g}", r.energy.gross.value()) : "-",
               good && r.energy.net ? fmt::format("{:.4g}", r.energy.net->value()) : "-",
               cell(r.gross_mj_per_image()), net_cell(r), r.verdict.to_string()});
  }
  return table.to_string();
}

// Beside the figures of the table, never in their place.
std::string process_text(const std::vector<energy::EnergyResult>& results) {
  std::string text;
  for (const energy::EnergyResult& r : results) {
    if (!r.energy.attributed_net || !r.net_mj_per_image()) continue;
    text += fmt::format(
        "process    batch {}: {:.1f} % of the busy CPU time was this program's, which is {} net mJ/img "
        "({})\n",
        r.batch, 100 * *r.energy.attributed_share,
        milli(r.energy.attributed_net->value() * 1e3 / static_cast<double>(r.images)),
        name_of(energy::Quality::attributed));
  }
  return text;
}

std::string uncertainty_text(const energy::EnergyResult& result) {
  const energy::Uncertainty& u = result.energy.uncertainty;
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, joules_text(*value));
  };
  add("statistical", u.statistical);
  add("baseline", u.baseline);
  add("edges", u.edge);
  add("meter", u.meter);
  return text + (u.bias ? "" : ", sensor bias unknown");
}

}  // namespace

std::string why_not_measured(const energy::Discovery& found, const energy::HostFacts& host) {
  if (!found.unreadable.empty()) {
    const energy::Unreadable& first = found.unreadable.front();
    return fmt::format("a sensor exists but may not be read ({}: {})", first.path, first.why);
  }
  if (!found.unusable.empty()) {
    const energy::Unusable& first = found.unusable.front();
    return fmt::format(
        "energy sensors are there and none can be used ({}: {}{})", first.path, first.why,
        found.unusable.size() > 1 ? fmt::format("; and {} more", found.unusable.size() - 1) : "");
  }
  if (!found.sensors.empty())
    return "energy sensors are there, of parts of the machine only" + parts_of(found);
  return "no energy sensor is visible here, " + because(host);
}

std::string not_measured_text(const energy::Discovery& found, const energy::HostFacts& host,
                              const EnergyContext& context) {
  const std::string reported =
      "  reported    time, CPU seconds, MACs and bytes per image. (--require-energy makes this an error, "
      "exit 3)\n";
  if (!found.unreadable.empty()) {
    std::string text =
        fmt::format("energy: NOT MEASURED - a sensor exists but user '{}' may not read it.\n", context.user);
    std::string chmod;
    std::size_t width = 0;
    for (const energy::Unreadable& sensor : found.unreadable) width = std::max(width, sensor.path.size());
    for (const energy::Unreadable& sensor : found.unreadable) {
      const bool root_only = sensor.why.starts_with("mode 04") && sensor.why.ends_with("owner root");
      text += fmt::format("  {:<{}}  {}{}\n", sensor.path, width, sensor.why,
                          root_only ? " (root only since Linux 5.10, CVE-2020-8694)" : "");
      if (!sensor.perf && chmod.empty()) chmod = sensor.path;
    }
    const bool perf = std::ranges::any_of(found.unreadable, &energy::Unreadable::perf);
    text += "  choose one  ";
    char letter = 'a';
    const auto choice = [&](const std::string& what, const std::string& how) {
      text += fmt::format("{}{}. {:<20} {}\n", letter == 'a' ? "" : "              ", letter, what, how);
      ++letter;
    };
    if (perf) choice("this program only:", "sudo setcap cap_perfmon=ep " + context.program);
    choice("a group, lasting:",
           "sudo godwit energy grant --group energy     (writes a udev rule and shows it first)");
    if (!chmod.empty()) choice("until reboot:", "sudo chmod a+r " + chmod);
    text +=
        fmt::format("  note        energy counters can leak secrets on shared machines; a. exposes least.\n");
    return text + reported;
  }
  const bool there = !found.unusable.empty() || !found.sensors.empty();
  std::string text = "energy: NOT MEASURED - no energy sensor is visible here.\n";
  if (there) text = "energy: NOT MEASURED - energy sensors are there and none can be used.\n";
  std::size_t width = 0;
  for (const energy::Unusable& sensor : found.unusable) width = std::max(width, sensor.path.size());
  for (const energy::Unusable& sensor : found.unusable)
    text += fmt::format("  {:<{}}  {}\n", sensor.path, width, sensor.why);
  text += "  looked at   ";
  for (std::size_t i = 0; i < found.looked.size(); ++i) {
    text += fmt::format("{}{} ({})", i == 0 ? "" : "  ", found.looked[i].place, found.looked[i].outcome);
  }
  text += "\n  because     " +
          (!there                   ? because(host)
           : found.unusable.empty() ? "what can be read is of parts of the machine only" + parts_of(found)
                                    : "what exists gives no figure: see above") +
          "\n";
  text += fmt::format(
      "  you can     1. attach a meter:            godwit {} --energy --meter csv:meter.csv "
      "--meter-scope wall\n",
      context.command);
  if (host.container && !host.host.virt) {
    text +=
        "              2. mount the counters:        docker run -v "
        "/sys/class/powercap:/host/class/powercap:ro\n"
        "                                            -v "
        "/sys/devices/virtual/powercap:/host/devices/virtual/powercap:ro "
        "... --sysfs /host\n"
        "                                            (both mounts: the class entries are links)\n";
  } else {
    text += fmt::format(
        "              2. use counters the host shares: godwit {} --energy --powercap-dir DIR   "
        "(reported as host-attributed)\n",
        context.command);
  }
  text += fmt::format(
      "              3. ask for an estimate:       godwit {} --estimate --tdp WATTS --host-cpus N   (a "
      "range, never "
      "called measured)\n",
      context.command);
  return text + reported;
}

Json not_measured_json(const energy::Discovery& found, const energy::HostFacts& host) {
  Json looked = Json::array(), unreadable = Json::array();
  for (const energy::Look& look : found.looked)
    looked.push_back({{"place", look.place}, {"outcome", look.outcome}});
  for (const energy::Unreadable& sensor : found.unreadable) {
    unreadable.push_back({{"path", sensor.path}, {"why", sensor.why}});
  }
  return {{"measured_j", nullptr},
          {"quality", nullptr},
          {"scope", nullptr},
          {"reason", why_not_measured(found, host)},
          {"looked_at", std::move(looked)},
          {"unreadable", std::move(unreadable)},
          {"unusable", unusable_json(found)},
          {"notes", found.notes}};
}

std::string energy_text(const EnergyOutcome& outcome, const energy::HostFacts& host) {
  const energy::EnergyResult& first = outcome.results.front();
  const energy::Protocol protocol{outcome.protocol.name, outcome.protocol.rounds, 0, {}, 0, ""};
  std::string text =
      fmt::format("\nenergy     {}, scope {}; protocol {}, {}\n", name_of(first.energy.quality),
                  first.energy.scope, protocol.name, counted(protocol.rounds, "round"));
  for (const energy::SensorUse& use : outcome.sensors) {
    text += fmt::format("sensor     {} ({}, {})", use.id, use.domain, use.role);
    if (use.reads && use.changed)
      text += fmt::format(", {}, {} of them news", counted(*use.reads, "reading"), *use.changed);
    if (use.wraps && *use.wraps > 0) text += fmt::format(", {} wraps", *use.wraps);
    if (use.disagreement) text += fmt::format(", {:.2f} % apart", 100 * *use.disagreement);
    text += "\n";
  }
  if (!outcome.meter_note.empty()) text += "meter      " + outcome.meter_note + "\n";
  for (const std::string& note : outcome.notes) text += "note       " + note + "\n";
  if (first.baseline) {
    text +=
        fmt::format("idle       {:.2f} W before{}", first.baseline->before_w,
                    first.baseline->after_w ? fmt::format(", {:.2f} W after", *first.baseline->after_w) : "");
    if (first.baseline->ci95_w) text += fmt::format(" (± {:.2g} W)", *first.baseline->ci95_w);
    text += "; net = gross - idle power × time\n";
  }
  std::string state;
  if (host.host.governor) state += "governor " + *host.host.governor + ", ";
  if (host.host.boost) state += *host.host.boost ? "boost on, " : "boost off, ";
  if (host.on_battery) state += *host.on_battery ? "on battery, " : "on mains, ";
  if (host.temperature_c) state += fmt::format("{:.0f} °C, ", *host.temperature_c);
  if (host.load) state += fmt::format("load {:.2f}, ", *host.load);
  text += fmt::format("host       {}reading sensors took {:.3f} % of a core\n", state,
                      100 * outcome.log.sampler_share);
  text += table_of(outcome.results, outcome.names);
  text += fmt::format("standard uncertainty of the {} (batch {}): {}\n",
                      first.energy.net ? "net figure" : "gross figure", first.batch, uncertainty_text(first));
  text += process_text(outcome.results);
  if (!outcome.inside.empty()) {
    text += fmt::format("\nbeside it, {} by the machine's own sensors, scope {}\n",
                        name_of(outcome.inside.front().energy.quality), outcome.inside.front().energy.scope);
    text += table_of(outcome.inside, outcome.names);
  }
  return text;
}

std::string sensors_text(const energy::Discovery& found) {
  using enum Table::Align;
  std::string text;
  const energy::Total total = found.total();
  if (!found.sensors.empty()) {
    Table table({{"sensor", left}, {"domain", left}, {"kind", left}, {"role", left}});
    for (std::size_t d = 0; d < found.domains.size(); ++d) {
      const energy::EnergyDomain& domain = found.domains[d];
      const bool in_total = std::ranges::find(total.domains, d) != total.domains.end();
      for (const std::size_t index : domain.sensors) {
        const energy::Sensor& sensor = found.sensors[index];
        const bool rules = domain.sensors.front() == index;
        std::string role = !domain.unused.empty() ? "not used: " + domain.unused
                           : !rules               ? "alternate of " + found.ruling(d).id
                           : in_total             ? "total"
                           : domain.parent >= 0
                               ? "part of " + found.domains[static_cast<std::size_t>(domain.parent)].name
                               : "listed";
        table.add({sensor.id, domain.name, sensor.kind == energy::SensorKind::counter ? "counter" : "power",
                   std::move(role)});
      }
    }
    text += table.to_string();
    text += fmt::format("total: {}\n\n", total.scope.empty() ? "none" : total.scope);
  }
  for (const energy::Look& look : found.looked)
    text += fmt::format("looked at {}: {}\n", look.place, look.outcome);
  for (const energy::Unreadable& sensor : found.unreadable)
    text += fmt::format("may not read {}: {}\n", sensor.path, sensor.why);
  for (const std::string& note : found.notes) text += note + "\n";
  return text;
}

}  // namespace godwit::tools
