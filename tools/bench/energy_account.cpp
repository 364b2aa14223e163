// Carries --energy through a command.
#include "tools/bench/energy_account.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <unistd.h>

#include "engine/session.h"
#include "runtime/cpu.h"
#include "runtime/energy/protocol/attribution.h"
#include "runtime/sha256.h"
#include "runtime/stopwatch.h"
#include "tools/bench/energy_text.h"
#include "tools/bench/energy_timeline.h"
#include "tools/bench/option_values.h"
#include "tools/bench/plan_facts.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/text.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

constexpr const char* kJob = "job";

// Idle power and pulses: what a protocol takes beside the work.
double around_seconds(const energy::ProtocolOptions& protocol) {
  return protocol.baseline_s * (protocol.baseline_after ? 2 : 1) + (protocol.pulses ? 12 : 0);
}

double cpu_s_per_image(const EstimateWork& work) {
  return work.images > 0 ? work.cpu_seconds / work.images : 0;
}

}  // namespace

EnergyAccount::EnergyAccount(const EnergyOptions& options, std::string command, std::optional<double> seconds,
                             std::optional<int> repetitions)
    : options_(options), command_(std::move(command)), seconds_(seconds), repetitions_(repetitions) {
  if (!options.soak.empty()) (void)parse_duration(options.soak, "--soak");
  if (options.energy) meter_ = std::make_unique<EnergyMeter>(options);
}

EnergyAccount::~EnergyAccount() = default;

template <class Work>
void EnergyAccount::until_a_signal(const Work& work) {
  try {
    work();
  } catch (const Interrupted&) {
    cut_short_ = true;
  }
}

void EnergyAccount::measure(const std::vector<energy::Workload>& workloads,
                            const Configurations& configurations) {
  if (!measures()) return;
  const energy::ProtocolOptions protocol = options_.protocol_options(seconds_, repetitions_);
  double about = around_seconds(protocol);
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    const double run_s = i < configurations.run_seconds.size() ? configurations.run_seconds[i] : 0;
    about += protocol.rounds * std::max(protocol.window_s, protocol.repetitions * run_s);
  }
  message(fmt::format("measuring energy, protocol {}: about {:.0f} s and the warm-up", protocol.name, about));
  until_a_signal([&] { outcome_ = meter_->measure(workloads, seconds_, repetitions_); });
  if (outcome_) outcome_->names = configurations.names;
}

void EnergyAccount::run_job(const energy::Job& job, int threads) {
  work_ = {0, 0, threads, 0};
  energy::Job timed = job;
  timed.run = [&](const std::function<void()>& done) {
    const std::clock_t cpu = std::clock();
    const Stopwatch wall;
    job.run([&] {
      work_.images += 1;
      done();
    });
    work_.wall_seconds = wall.seconds();
    work_.cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  };
  if (!measures()) return timed.run([] {});
  message(fmt::format("measuring energy: {:.0f} s beside the job, for idle power{}",
                      around_seconds(options_.protocol_options({}, {})),
                      options_.meter.empty() ? "" : " and the meter's clock"));
  until_a_signal([&] { outcome_ = meter_->measure_job(timed); });
}

void EnergyAccount::estimate(EstimateOptions options) {
  options.directories = {options_.sensors.sysfs, options_.sensors.procfs};
  estimate_ = tools::estimate(options, work_);
}

Json EnergyAccount::json(const RunFacts& facts) const {
  if (!asked()) return nullptr;
  if (cut_short_ && !outcome_) {
    return {{"measured_j", nullptr}, {"quality", nullptr}, {"scope", nullptr}, {"reason", "interrupted"}};
  }
  Json json =
      outcome_ ? energy_json(*outcome_, meter_->host()) : not_measured_json(meter_->found(), meter_->host());
  if (soak_) json["soak"] = soak_json(*soak_);
  if (outcome_) return json;
  const ops::Cost cost = facts.plan->cost();
  json["per_image"] = {{"cpu_s", cpu_s_per_image(work_)},
                       {"macs", cost.macs / facts.batch},
                       {"bytes", (cost.weight_bytes + cost.activation_bytes) / facts.batch}};
  return json;
}

void EnergyAccount::add_json(const RunFacts& facts, Json& json) const {
  if (asked()) json["energy"] = this->json(facts);
  if (estimate_) json["estimate"] = estimate_json(estimate_);
}

std::string EnergyAccount::text(const RunFacts& facts) const {
  if (!asked()) return estimate_text(estimate_);
  if (cut_short_ && !outcome_) return "\nenergy     not measured: interrupted\n" + estimate_text(estimate_);
  const std::string more = (soak_ ? soak_text(*soak_) : "") + estimate_text(estimate_);
  if (outcome_) return energy_text(*outcome_, meter_->host()) + more;
  const ops::Cost cost = facts.plan->cost();
  return "\n" + not_measured_text(meter_->found(), meter_->host(), {command_, user_name()}) +
         fmt::format("              one image: {:.4g} CPU seconds, {}, {}\n", cpu_s_per_image(work_),
                     with_unit(static_cast<double>(cost.macs) / static_cast<double>(facts.batch), "MAC"),
                     with_unit(static_cast<double>(cost.weight_bytes + cost.activation_bytes) /
                                   static_cast<double>(facts.batch),
                               "byte")) +
         more;
}

energy::Record EnergyAccount::record_of(const RunFacts& facts, const energy::EnergyResult* result) const {
  energy::Record record;
  record.run = energy::new_run_id();
  record.time = energy::utc_time();
  record.host = meter_->host().host;
  record.model.file = std::filesystem::path(facts.model).filename().string();
  record.model.file_sha256 = sha256_of_file(facts.model);
  record.model.precision = name_of(facts.plan->precision());
  record.model.isa = name_of(facts.plan->target().isa);
  record.model.batch = facts.batch;
  record.model.threads = facts.threads;
  record.model.macs = facts.plan->cost().macs / facts.batch;
  record.model.flops = facts.plan->cost().flops / facts.batch;
  record.protocol.name = options_.protocol;
  record.accuracy = facts.accuracy;
  const bool last = result == nullptr || result == &outcome_->results.back();
  if (estimate_ && estimate_->energy && last) record.estimate = estimate_->energy;
  if (result == nullptr) {
    record.images = static_cast<std::int64_t>(work_.images);
    record.cpu_seconds = work_.cpu_seconds;
    if (work_.wall_seconds > 0)
      record.throughput = throughput_of(work_.images / work_.wall_seconds, {}, facts.latency_ms);
    return record;
  }
  // The estimate covers its own number of images; it is told for those that were measured.
  if (record.estimate) {
    record.estimate->total =
        record.estimate->total * (static_cast<double>(result->images) / estimate_->work.images);
  }
  const auto index = static_cast<std::size_t>(result - outcome_->results.data());
  if (options_.protocol != kJob) record.model.batch = result->batch;
  record.protocol.rounds = static_cast<std::int64_t>(result->window_s.size());
  record.protocol.repetitions = result->repetitions;
  record.protocol.window_s = result->window_s;
  record.protocol.warmup_s = result->warmup_s;
  record.sensors = outcome_->sensors;
  if (meter_->has_source()) record.energy = result->energy;
  record.source = timeline_json(outcome_->log, index).dump();
  record.baseline = result->baseline;
  record.images = result->images;
  record.cpu_seconds = result->cpu_seconds;
  record.throughput = throughput_of(result->img_s, outcome_->log.rounds[index], facts.latency_ms);
  record.verdict = result->verdict;
  return record;
}

void EnergyAccount::soak(const energy::Workload& workload) {
  if (!asked() || options_.soak.empty() || cut_short_) return;
  message(fmt::format("soaking for {}", options_.soak));
  until_a_signal([&] {
    soak_ = meter_->soak(workload, parse_duration(options_.soak, "--soak"),
                         [](const energy::SoakRow& row) { message(soak_line(row)); });
  });
}

LayerJoules EnergyAccount::replay(const std::vector<ReplayPart>& parts, const energy::EnergyResult& whole) {
  if (meter_->recorder() == nullptr) {
    message("--layers needs a sensor of this machine's own: a meter cannot be told when which layer ran");
    return {};
  }
  message(fmt::format("measuring {} alone: about {} s", counted(parts.size(), "part"), 2 * parts.size()));
  LayerJoules layers;
  until_a_signal([&] { layers = layers_by_replay(parts, *meter_, whole); });
  return layers;
}

void EnergyAccount::write_ledger(const std::vector<RunFacts>& facts, const EnergyRows& rows) const {
  if (options_.ledger.empty() || !asked() || cut_short_) return;
  if (!outcome_) return energy::append_record(options_.ledger, record_of(facts.back(), nullptr));
  for (const energy::EnergyResult& result : outcome_->results) {
    const auto index = static_cast<std::size_t>(&result - outcome_->results.data());
    energy::Record record = record_of(facts[std::min(index, facts.size() - 1)], &result);
    if (&result == &outcome_->results.back()) {
      record.layers = rows.ledger_rows();
      record.closure = rows.by_replay.closure;
      if (record.closure) energy::judge_closure(*record.closure, record.verdict);
    }
    energy::append_record(options_.ledger, record);
  }
}

std::function<void()> random_load(std::shared_ptr<const engine::Plan> plan, int threads) {
  struct Load {
    std::shared_ptr<const engine::Plan> plan;
    int threads;
    std::unique_ptr<engine::Session> session;
    std::vector<Tensor> inputs;
  };
  return [load = std::make_shared<Load>(Load{std::move(plan), threads, nullptr, {}})] {
    if (load->session == nullptr) {
      load->session =
          std::make_unique<engine::Session>(load->plan, engine::SessionOptions{load->threads, false});
      load->inputs = vision::random_inputs(*load->plan);
      load->session->tune(load->inputs);
    }
    load->session->run(load->inputs);
  };
}

energy::Throughput throughput_of(double img_s, const std::vector<energy::Window>& rounds,
                                 std::vector<double> latency_ms) {
  if (latency_ms.empty()) {
    for (const energy::Window& window : rounds) {
      energy::Nanoseconds last = window.begin;
      for (const energy::Nanoseconds end : window.run_ends) {
        latency_ms.push_back(energy::to_seconds(end - last) * 1e3);
        last = end;
      }
    }
  }
  energy::Throughput result{img_s, std::nullopt, std::nullopt};
  if (latency_ms.empty()) return result;
  std::ranges::sort(latency_ms);
  result.p50_ms = quantile_of(latency_ms, 0.5);
  result.p99_ms = quantile_of(latency_ms, 0.99);
  return result;
}

}  // namespace godwit::tools
