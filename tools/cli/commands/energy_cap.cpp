// godwit energy cap: what could cap power here, and putting limits back.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/energy/caps/power_cap.h"
#include "runtime/error.h"
#include "tools/bench/energy_options.h"
#include "tools/cli/caps.h"
#include "tools/cli/commands/energy.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/json.h"

namespace godwit::tools {
namespace {

struct Options {
  std::string action, journal = energy::kCapDirectory;
  SensorOptions sensors;
  bool json = false;
};

std::string_view outcome_name(energy::Restored::Outcome outcome) {
  using enum energy::Restored::Outcome;
  return outcome == put_back    ? "put_back"
         : outcome == unchanged ? "unchanged"
         : outcome == foreign   ? "foreign"
                                : "failed";
}

int restore(const Options& options, const energy::SysRoot& root) {
  const energy::Recovery recovery = energy::recover_caps(root, options.journal);
  using enum energy::Recovery::State;
  if (recovery.state == unreadable) throw Error(recovery.why, ErrorKind::failed);
  const bool failed = std::ranges::any_of(recovery.files, [](const energy::Restored& file) {
    return file.outcome == energy::Restored::Outcome::failed;
  });
  if (options.json) {
    Json files = Json::array();
    for (const energy::Restored& file : recovery.files)
      files.push_back(
          {{"file", root.shown(file.path)}, {"outcome", outcome_name(file.outcome)}, {"value", file.value}});
    print_json({{"schema", "godwit.cap/1"},
                {"files", std::move(files)},
                {"owner_alive", recovery.state == owner_alive}});
  } else if (recovery.state == owner_alive) {
    print("a living process caps power now and will put it back itself\n");
  } else if (recovery.state == other_boot) {
    print("nothing to put back: the limits were of another boot\n");
  } else if (recovery.files.empty()) {
    print("nothing to put back\n");
  } else {
    std::string text;
    for (const energy::Restored& file : recovery.files) text += file.sentence(root) + "\n";
    print(text);
  }
  return failed ? kFailed : kDone;
}

int show(const Options& options, const energy::SysRoot& root) {
  Json json = Json::array();
  std::string text;
  for (const energy::CapBackend backend :
       {energy::CapBackend::powercap, energy::CapBackend::cpufreq, energy::CapBackend::threads}) {
    const std::string name(energy::name_of(backend));
    try {
      Json files = Json::array();
      text += fmt::format(
          "{}: usable{}\n", name,
          backend == energy::CapBackend::threads ? ", needs no privilege" : ", writing needs root");
      for (const energy::CapFile& file : energy::find_cap_files(root, backend)) {
        text += fmt::format("  {}  now {:.0f}, not below {:.0f}\n", root.shown(file.path), file.found,
                            file.lowest);
        files.push_back({{"file", root.shown(file.path)}, {"now", file.found}, {"lowest", file.lowest}});
      }
      json.push_back({{"backend", name}, {"usable", true}, {"files", std::move(files)}});
    } catch (const Error& error) {
      text.erase(text.rfind(name + ": usable"));
      text += fmt::format("{}: not here: {}\n", name, error.what());
      json.push_back({{"backend", name}, {"usable", false}, {"reason", error.what()}});
    }
  }
  if (options.json) {
    print_json({{"schema", "godwit.cap/1"}, {"backends", std::move(json)}});
  } else {
    print(text);
  }
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("ACTION", options->action,
                 "show: what could cap power here. restore: put back what was left.")
      ->required()
      ->check(one_of({"show", "restore"}));
  add_journal_option(app, options->journal);
  add_sensor_options(app, options->sensors);
  add_json_option(app, options->json);
  return [options] {
    const auto root = energy::open_sys_root({options->sensors.sysfs, options->sensors.procfs});
    return options->action == "show" ? show(*options, *root) : restore(*options, *root);
  };
}

}  // namespace

const Command energy_cap_command = {
    "energy cap",
    "Measure",
    "show what could cap power, or put limits back",
    "show|restore [options]",
    "Limits that 'godwit energy sweep' lowers are put back when it ends, by a guardian process where it is "
    "killed, and by the next start of godwit where both are gone. restore does the last by hand. A limit "
    "that "
    "someone else has changed meanwhile is left as it is, and said so.\n\n"
    "Exit status 1 means that a limit could not be put back.",
    "godwit energy cap show\n"
    "sudo godwit energy cap restore",
    prepare,
};

}  // namespace godwit::tools
