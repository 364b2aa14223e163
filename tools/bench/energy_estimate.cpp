// The facts an estimate is made from, and its text.
#include "tools/bench/energy_estimate.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "runtime/energy/sensors/host.h"
#include "runtime/error.h"
#include "tools/vision/files.h"

namespace godwit::tools {
namespace {

// The sum of what the firmware states as the packages' highest sustained power.
std::optional<double> firmware_watts(const energy::SysRoot& root) {
  const std::string directory = "sys/class/powercap/";
  double watts = 0;
  for (const std::string& zone : root.list(directory)) {
    if (!zone.starts_with("intel-rapl:") || !root.text(directory + zone + "/name").starts_with("package-"))
      continue;
    watts +=
        static_cast<double>(root.number(directory + zone + "/constraint_0_max_power_uw").value_or(0)) * 1e-6;
  }
  return watts > 0 ? std::optional(watts) : std::nullopt;
}

energy::PowerFacts power_facts(const EstimateOptions& options, const energy::SysRoot& root) {
  energy::PowerFacts facts;
  facts.cpu = energy::probe_host(root).host.cpu;
  if (!options.profile.empty())
    facts.profile = energy::profile_from_json(vision::read_text(options.profile), options.profile);
  if (options.tdp > 0) {
    facts.max_w = options.tdp;
    facts.max_source = "--tdp";
  } else if (const auto watts = firmware_watts(root)) {
    facts.max_w = watts;
    facts.max_source = "constraint_0_max_power_uw";
  }
  if (options.idle_watts > 0) facts.idle_w = options.idle_watts;
  if (options.host_cpus > 0) facts.host_cpus = options.host_cpus;
  return facts;
}

}  // namespace

std::optional<Estimate> estimate(const EstimateOptions& options, const EstimateWork& work) {
  if (!options.estimate || !(work.images > 0)) return std::nullopt;
  const auto root = energy::open_sys_root(options.directories);
  energy::CpuWork cpu_work;
  cpu_work.cpu_seconds = work.cpu_seconds;
  cpu_work.wall_seconds = work.wall_seconds;
  cpu_work.threads = work.threads;
  cpu_work.cpus = std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_work.virtual_machine = energy::virtual_machine(*root).has_value();
  return Estimate{work, energy::estimate_by_cpu_time(cpu_work, power_facts(options, *root))};
}

Json estimate_json(const std::optional<Estimate>& estimate) {
  if (!estimate) return nullptr;
  Json json = {{"quality", energy::name_of(energy::Quality::estimate)},
               {"cpu_s_per_image", estimate->work.cpu_seconds / estimate->work.images},
               {"method", nullptr},
               {"low_j_per_image", nullptr},
               {"middle_j_per_image", nullptr},
               {"high_j_per_image", nullptr},
               {"basis", nullptr}};
  if (estimate->energy) {
    const energy::Estimated<energy::Joules> joules = estimate->energy->total / estimate->work.images;
    json["method"] = estimate->energy->method;
    json["low_j_per_image"] = joules.low();
    json["middle_j_per_image"] = joules.middle();
    json["high_j_per_image"] = joules.high();
    json["basis"] = estimate->energy->basis;
  }
  return json;
}

std::string estimate_text(const std::optional<Estimate>& estimate) {
  if (!estimate) return "";
  if (!estimate->energy) {
    return fmt::format(
        "\nenergy: no estimate: nobody said what this machine may draw; give --tdp WATTS or --power-profile "
        "FILE\n"
        "  one image takes {:.4g} CPU seconds\n",
        estimate->work.cpu_seconds / estimate->work.images);
  }
  const energy::Estimated<energy::Joules> joules = estimate->energy->total / estimate->work.images;
  return fmt::format(
      "\nenergy, estimated from CPU time (no sensor was read): {:.4g} to {:.4g} J/img, middle {:.4g}\n"
      "  basis: {}\n",
      joules.low(), joules.high(), joules.middle(), estimate->energy->basis);
}

}  // namespace godwit::tools
