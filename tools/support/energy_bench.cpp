// What --energy does for a benchmark.
#include "tools/support/energy_bench.h"

#include <filesystem>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "runtime/cpu.h"
#include "runtime/energy/attribution.h"
#include "runtime/sha256.h"
#include "tools/support/energy_text.h"
#include "tools/support/energy_timeline.h"
#include "tools/support/output.h"

namespace godwit::tools {
namespace {

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

}  // namespace

BenchEnergy::BenchEnergy(const EnergyOptions& options, std::string model, std::optional<double> seconds,
                         std::optional<int> repetitions)
    : options_(options), model_(std::move(model)), seconds_(seconds), repetitions_(repetitions) {
  if (options.energy) meter_ = std::make_unique<EnergyMeter>(options);
}

BenchEnergy::~BenchEnergy() = default;

void BenchEnergy::measure(const std::vector<energy::Workload>& workloads) {
  if (!measures()) return;
  const energy::ProtocolOptions protocol = options_.protocol_options(seconds_, repetitions_);
  const double about = protocol.baseline_s * (protocol.baseline_after ? 2 : 1) + (protocol.pulses ? 12 : 0) +
                       static_cast<double>(workloads.size()) * protocol.rounds * protocol.window_s;
  message(fmt::format("measuring energy, protocol {}: about {:.0f} s and the warm-up", protocol.name, about));
  outcome_ = meter_->measure(workloads, seconds_, repetitions_);
}

Json BenchEnergy::json(const BenchFacts& facts) const {
  if (!asked()) return nullptr;
  if (outcome_) return energy_json(*outcome_, meter_->host());
  Json json = not_measured_json(meter_->found(), meter_->host());
  const ops::Cost cost = facts.plan->cost();
  json["per_image"] = {{"cpu_s", cpu_s_per_image_},
                       {"macs", cost.macs / facts.batch},
                       {"bytes", (cost.weight_bytes + cost.activation_bytes) / facts.batch}};
  return json;
}

std::string BenchEnergy::text(const BenchFacts& facts) const {
  if (!asked()) return "";
  if (outcome_) return energy_text(*outcome_, meter_->host());
  const ops::Cost cost = facts.plan->cost();
  return "\n" + not_measured_text(meter_->found(), meter_->host(), {model_, user_name()}) +
         fmt::format("              one image: {:.4g} CPU seconds, {}MACs, {}bytes\n", cpu_s_per_image_,
                     with_prefix(static_cast<double>(cost.macs) / static_cast<double>(facts.batch)),
                     with_prefix(static_cast<double>(cost.weight_bytes + cost.activation_bytes) /
                                 static_cast<double>(facts.batch)));
}

energy::Record BenchEnergy::record_of(const BenchFacts& facts, const energy::EnergyResult* result) const {
  energy::Record record;
  record.run = energy::new_run_id();
  record.time = energy::utc_time();
  record.host = meter_->host().host;
  record.model.file = std::filesystem::path(facts.model).filename().string();
  record.model.file_sha256 = sha256_of_file(facts.model);
  record.model.precision = facts.precision;
  record.model.isa = name_of(facts.plan->target().isa);
  record.model.batch = facts.batch;
  record.model.threads = facts.threads;
  record.model.macs = facts.plan->cost().macs / facts.batch;
  record.model.flops = facts.plan->cost().flops / facts.batch;
  record.protocol.name = options_.protocol;
  const bool last = result == nullptr || result == &outcome_->results.back();
  if (estimate_ && estimate_->energy && last) record.estimate = estimate_->energy;
  if (result == nullptr) {
    if (record.estimate) {
      record.images = static_cast<std::int64_t>(estimate_->work.images);
      record.cpu_seconds = estimate_->work.cpu_seconds;
    }
    return record;
  }
  // What was estimated over one number of images, told for those that were measured.
  if (record.estimate) {
    record.estimate->total =
        record.estimate->total * (static_cast<double>(result->images) / estimate_->work.images);
  }
  record.model.batch = result->batch;
  record.protocol.rounds = static_cast<std::int64_t>(result->window_s.size());
  record.protocol.repetitions = result->repetitions;
  record.protocol.window_s = result->window_s;
  record.protocol.warmup_s = result->warmup_s;
  record.sensors = outcome_->sensors;
  if (meter_->has_source()) record.energy = result->energy;
  const auto index = static_cast<std::size_t>(result - outcome_->results.data());
  record.source = timeline_json(outcome_->log, index).dump();
  record.baseline = result->baseline;
  record.images = result->images;
  record.cpu_seconds = result->cpu_seconds;
  record.throughput = energy::Throughput{result->img_s, std::nullopt, std::nullopt};
  record.verdict = result->verdict;
  return record;
}

void BenchEnergy::write_ledger(const BenchFacts& facts, const LayerJoules& layers) const {
  if (options_.ledger.empty() || !asked()) return;
  if (!outcome_) return energy::append_record(options_.ledger, record_of(facts, nullptr));
  for (const energy::EnergyResult& result : outcome_->results) {
    energy::Record record = record_of(facts, &result);
    if (result.batch == outcome_->results.back().batch) {
      record.layers = layers.rows;
      record.closure = layers.closure;
      if (layers.closure) energy::judge_closure(*layers.closure, record.verdict);
    }
    energy::append_record(options_.ledger, record);
  }
}

}  // namespace godwit::tools
