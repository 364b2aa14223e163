// godwit energy join: the energy of a finished run by the log of a meter that stood beside it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "tools/bench/energy_options.h"
#include "tools/bench/energy_text.h"
#include "tools/bench/energy_timeline.h"
#include "tools/cli/commands/energy.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/json.h"
#include "tools/vision/files.h"

namespace godwit::tools {
namespace {

struct Options {
  std::string run, meter, id;
  EnergyOptions energy;
  bool json = false;
};

// The run asked for, or the last one that has a timeline.
energy::Record find_run(const Options& options) {
  const std::vector<energy::Record> records =
      energy::parse_ledger(vision::read_text(options.run), options.run);
  for (auto it = records.rbegin(); it != records.rend(); ++it) {
    const bool wanted =
        options.id.empty() ? it->source.find("\"timeline\"") != std::string::npos : it->run == options.id;
    if (wanted) return *it;
  }
  throw Error(options.id.empty() ? options.run +
                                       " holds no run with a timeline; 'godwit bench --energy --meter-later "
                                       "--ledger FILE' writes one"
                                 : fmt::format("{} holds no run '{}'", options.run, options.id));
}

// Distance of the machine's own sensors from the meter: the margin of estimates by software.
std::optional<double> margin(const energy::Record& run, const energy::EnergyResult& result) {
  if (!run.energy || result.verdict.invalid() || result.energy.gross.value() <= 0) return std::nullopt;
  if (run.energy->net && result.energy.net && result.energy.net->value() > 0) {
    return run.energy->net->value() / result.energy.net->value() - 1;
  }
  return run.energy->gross.value() / result.energy.gross.value() - 1;
}

// A job's runs are images, whatever its batch.
std::int64_t images_of_a_run(const energy::Record& run) {
  const std::int64_t runs = run.protocol.repetitions;
  return runs > 0 && run.images >= runs ? run.images / runs : run.model.batch;
}

int join(const Options& options) {
  energy::Record run = find_run(options);
  EnergyOutcome outcome;
  outcome.log = log_of_timeline(run.source, "run " + run.run);
  outcome.protocol = options.energy.protocol_options(std::nullopt, std::nullopt);
  if (const auto named = energy::protocol_named(run.protocol.name)) outcome.protocol = *named;
  outcome.protocol.rounds = static_cast<int>(outcome.log.rounds[0].size());
  const energy::MeterLog meter =
      energy::parse_meter_log(vision::read_text(options.meter), options.meter, options.energy.columns());
  energy::EnergySource source =
      energy::source_of(meter, outcome.log, options.energy.clock(), options.energy.meter_scope,
                        options.energy.accuracy(), outcome.meter_note);
  source.uses.front().id = "meter:" + options.meter;
  outcome.notes.push_back("meter: " + meter.told);
  outcome.sensors = source.uses;
  outcome.results = energy::analyse(outcome.log, outcome.protocol, {{images_of_a_run(run), nullptr}}, source);
  const energy::EnergyResult& result = outcome.results.front();
  const std::optional<double> off = margin(run, result);
  if (!options.energy.ledger.empty()) {
    run.energy = result.energy;
    run.baseline = result.baseline;
    run.sensors.insert(run.sensors.begin(), source.uses.front());
    run.verdict = result.verdict;
    run.protocol.method = "joined with a meter's log: " + outcome.meter_note;
    energy::append_record(options.energy.ledger, run);
  }
  energy::HostFacts host;
  host.host = run.host;
  if (options.json) {
    Json json = {{"schema", "godwit.join/1"}, {"run", run.run}, {"energy", energy_json(outcome, host)}};
    json["sensors_off_by"] = off ? Json(*off) : Json(nullptr);
    print_json(json);
    return result.verdict.invalid() ? kFailed : kDone;
  }
  std::string text = fmt::format("run        {} of {}, {}\n", run.run, run.time, run.model.file);
  text += energy_text(outcome, host);
  if (off)
    text += fmt::format("the machine's own sensors ({}) were {:+.1f} % off the meter\n", run.energy->scope,
                        100 * *off);
  print(text);
  return result.verdict.invalid() ? kFailed : kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("RUN", options->run,
                 "The ledger that holds the run (godwit bench --energy --meter-later --ledger FILE).")
      ->required();
  app.add_option("METER", options->meter,
                 "The meter's log: lines of time and power, or of time and a total of energy.")
      ->required();
  app.add_option("--run", options->id, "Which run of the ledger. Default: the last one with a timeline.")
      ->type_name("ID");
  add_meter_options(app, options->energy);
  app.add_option("--ledger", options->energy.ledger, "Append the joined run to this ledger.")
      ->type_name("FILE");
  add_json_option(app, options->json);
  return [options] { return join(*options); };
}

}  // namespace

const Command energy_join_command = {
    "energy join",
    "Measure",
    "the energy of a finished run by a meter's log",
    "RUN METER [options]",
    "The meter's clock is brought into line by cross-correlation of its power with what the run did: idle, "
    "three "
    "pulses, load, idle. Where the offset stays uncertain by more than 5 % of a window the join is refused "
    "(exit "
    "status 1). Where the machine had sensors of its own, their distance from the meter is told.",
    "godwit energy join runs.jsonl meter.csv --meter-accuracy 0.5%rdg+0.1W",
    prepare,
};

}  // namespace godwit::tools
