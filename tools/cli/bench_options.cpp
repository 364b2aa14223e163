// Lists of the command line, and facts that stand beside times.
#include "tools/cli/bench_options.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/cpu.h"
#include "runtime/energy/ledger/ledger.h"
#include "runtime/memory.h"
#include "tools/bench/plan_facts.h"
#include "tools/report/build_info.h"
#include "tools/report/console.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

double per_image(std::int64_t total, std::int64_t batch) {
  return static_cast<double>(total) / static_cast<double>(batch);
}

// No ISA here multiplies 16-bit floats, so that what they are stored in is not what is computed.
std::string arithmetic_of(const engine::Plan& plan) {
  const engine::Precision precision = plan.precision();
  return fmt::format("{}{}", name_of(precision),
                     engine::stored_dtype(precision) ? " stored, f32 computed" : "");
}

}  // namespace

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::vector<std::int64_t> BenchOptions::batches() const {
  std::vector<std::int64_t> result;
  if (batch.empty() || auto_batch()) return result;
  for (const std::string& each : split_list(batch)) result.push_back(std::stoll(each));
  return result;
}

std::vector<EngineOptions> BenchOptions::engines() const {
  std::vector<EngineOptions> result;
  for (const std::string& each : split_list(precision)) {
    for (const std::string& count : split_list(threads)) {
      EngineOptions one = engine;
      if (!each.empty()) one.precision = each;
      if (!count.empty()) one.threads = std::stoi(count);
      result.push_back(std::move(one));
    }
  }
  return result;
}

Json bench_facts_json(const BenchOptions& options, const BenchFacts& facts) {
  const ops::Cost cost = facts.plan->cost();
  Json json = {
      {"schema", "godwit.bench/1"},
      {"model", options.model},
      {"model_sha256", facts.model_sha256},
      {"version", build_version()},
      {"commit", build_commit().empty() ? Json(nullptr) : Json(build_commit())},
      {"cpu", cpu_model()},
      {"date", energy::utc_time()},
      {"precision", facts.several ? Json(nullptr) : Json(name_of(facts.plan->precision()))},
      {"isa", name_of(facts.plan->target().isa)},
      {"threads", facts.several ? Json(nullptr) : Json(facts.threads)},
      {"disabled_passes", options.engine.disabled_passes},
      {"stop_after", options.engine.stop_after < 0 ? Json(nullptr) : Json(options.engine.stop_after)},
      {"macs", cost.macs / facts.batch},
      {"flops", cost.flops / facts.batch},
      {"load_ms", facts.load_seconds * 1e3},
      {"peak_rss_mib", to_mib(peak_resident_bytes())},
      {"weights_mib", to_mib(weight_bytes(*facts.plan))},
      {"arena_mib", to_mib(facts.arena_bytes)}};
  if (!options.engine.plan_file().empty()) json["plan"] = options.engine.plan_file();
  if (!options.inputs.empty()) json["inputs"] = options.inputs;
  add_without(options.engine, json);
  return json;
}

std::string bench_facts_text(const BenchOptions& options, const BenchFacts& facts) {
  const std::string& plan = options.engine.plan_file();
  const ops::Cost cost = facts.plan->cost();
  std::string run = fmt::format("{}, {}, {}", arithmetic_of(*facts.plan), name_of(facts.plan->target().isa),
                                counted(facts.threads, "thread"));
  if (facts.several)
    run = fmt::format("{}; the lines below say with what", name_of(facts.plan->target().isa));
  return fmt::format(
      "model      {}\n"
      "run        {}{}\n"
      "one image  {}, {}\n"
      "load       {:.1f} ms\n"
      "memory     weights {}, arena {}, peak resident {}\n\n",
      options.model, run, plan.empty() ? plan : fmt::format(", plan '{}'", plan),
      with_unit(per_image(cost.macs, facts.batch), "MAC"),
      with_unit(per_image(cost.flops, facts.batch), "FLOP"), facts.load_seconds * 1e3,
      mib_text(weight_bytes(*facts.plan)), mib_text(facts.arena_bytes), mib_text(peak_resident_bytes()));
}

int tell_partial() {
  warning(fmt::format("{} ended the work; what was not measured by then is left out", interrupt_name()));
  return interrupt_exit_code();
}

EstimateWork work_of(const Measurement& measured, int threads) {
  const auto images = static_cast<double>(measured.batch) * static_cast<double>(measured.sorted_ms.size());
  return {measured.cpu_seconds, measured.seconds, threads, images};
}

}  // namespace godwit::tools
