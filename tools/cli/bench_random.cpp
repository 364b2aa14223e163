// Times a network on random input or on tensors from files.
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/session.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "tools/bench/energy_account.h"
#include "tools/bench/energy_layers.h"
#include "tools/bench/kernel_bench.h"
#include "tools/bench/layer_profile.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/bench_inputs.h"
#include "tools/cli/bench_options.h"
#include "tools/cli/command.h"
#include "tools/cli/model.h"
#include "tools/cli/plan_file.h"
#include "tools/report/console.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

constexpr double kKernelSeconds = 0.1;  // for each shape

// Memory of a session, its caller's tensors included.
std::size_t run_bytes(const engine::Plan& plan, int threads) {
  const auto lane = [](const engine::MemoryReport& memory) {
    return memory.arena_bytes + memory.shared_scratch_bytes;
  };
  const auto members = static_cast<std::size_t>(threads);
  std::size_t bytes = lane(plan.memory()) + plan.memory().worker_scratch_bytes * members;
  if (plan.one_image() != nullptr) bytes += lane(plan.one_image()->memory()) * members;
  for (const auto* tensors : {&plan.inputs(), &plan.outputs()}) {
    for (const engine::PlanInput& tensor : *tensors) {
      if (tensor.desc.shape.at_bounds().known()) bytes += tensor.desc.most_bytes();
    }
  }
  return bytes;
}

// A session on its input.
class Bench {
 public:
  Bench(std::shared_ptr<const engine::Plan> plan, int threads, const BenchInputs& inputs)
      : session_(std::move(plan), {threads, false}), inputs_(inputs.tensors(session_.plan())) {}
  void run() { session_.run(inputs_); }
  // Trials, unless the plan file settles it: timed is the schedule that stays. Returns what chose it, as
  // Measurement::schedule_by.
  std::string settle_schedule() {
    if (engine::settled_schedule(session_.plan(), session_.threads()) != nullptr) return "plan";
    return session_.tune(inputs_).seconds.empty() ? "" : "trial";
  }
  engine::Session& session() { return session_; }
  energy::Workload workload() {
    return {batch_of(session_.plan()), [this] { run(); }};
  }

 private:
  engine::Session session_;
  std::vector<Tensor> inputs_;
};

// One precision, number of threads and batch.
struct Row {
  Measurement measured;
  std::string precision;
  int threads = 1;
  double load_ms = 0;
  double weights_mib = 0, arena_mib = 0;
  std::shared_ptr<const engine::Plan> plan;  // kept for accounts of energy only

  std::string name(bool several) const {
    if (!several) return fmt::format("batch {}", measured.batch);
    return fmt::format("{}, {} thread{}, batch {}", precision, threads, threads == 1 ? "" : "s",
                       measured.batch);
  }
};

class RandomBench {
 public:
  explicit RandomBench(const BenchOptions& options)
      : options_(options),
        inputs_(options.inputs, options.model),
        engines_(options.engines()),
        several_(engines_.size() > 1),
        energy_(options.energy, "bench " + options.model, options.asked_seconds, options.asked_repetitions) {
    inputs_.set_shapes(options_.engine);
    for (EngineOptions& engine : engines_) inputs_.set_shapes(engine);
    if (several_ && (options.profile || options.kernels || options.energy.layers)) {
      throw Error(
          "--profile, --kernels and --layers look into one precision on one number of threads; give one of "
          "each");
    }
    if (several_ && !options.engine.plan_file().empty())
      throw Error("a plan holds for one precision, and is made on one number of threads; give one of each");
  }

  int run() {
    for (const EngineOptions& engine : engines_) {
      if (!unless_interrupted([&] { measure_engine(engine); })) break;
    }
    progress_.clear();
    if (rows_.empty()) throw Interrupted();
    if (!interrupted()) measure_energy();
    benches_.clear();
    Parts parts;
    parts.profiled = options_.profile && unless_interrupted([&] { parts.layers = profile(); });
    parts.kernels_timed = options_.kernels && unless_interrupted([&] {
                            parts.kernels = bench_kernels(model_.plan, kKernelSeconds);
                          });
    parts.partial = interrupted();
    if (parts.profiled && energy_.outcome())
      parts.rows.by_time = layers_by_time(timed_image(parts.layers), energy_.outcome()->results.back());
    parts.rows.set_replays(replays_);
    energy_.estimate(options_.estimate);
    if (!parts.partial && energy_.asked()) energy_.write_ledger(run_facts(), parts.rows);
    if (options_.json) {
      print_all_json(parts);
    } else {
      print_text(parts);
    }
    return parts.partial ? tell_partial() : kDone;
  }

 private:
  // All that is told besides the times of whole runs.
  struct Parts {
    LayerProfile layers;
    KernelBench kernels;
    EnergyRows rows;
    bool profiled = false, kernels_timed = false, partial = false;
  };

  // All batches of one precision on one number of threads.
  void measure_engine(const EngineOptions& engine) {
    const std::vector<std::int64_t> asked = options_.batches();
    model_ = load_model(options_.model, engine, asked.empty() ? 1 : asked.front());
    if (model_sha256_.empty()) model_sha256_ = model_digest(options_.model, model_.graph);
    const int threads = engine.thread_count();
    const bool open = has_open_batch(model_.graph, engine);
    for (const std::int64_t batch : asked) {
      if (batch == batch_of(*model_.plan) || (open && batch != asked.front())) continue;
      throw Error(fmt::format("the batch size is fixed at {} by the model or --shape, not {}",
                              batch_of(*model_.plan), batch));
    }
    best_.clear();
    plan_ = model_.plan;
    for (std::size_t i = 1;; ++i) {
      measure_plan(threads);
      if (interrupted()) break;
      if (i < asked.size()) {
        plan_ = with_batch(engine, asked[i]);
      } else if (!options_.auto_batch() || !open || !next_doubling(engine, threads)) {
        break;
      }
    }
    if (options_.auto_batch()) best_batches_.push_back(best_batch(best_));
  }

  std::shared_ptr<const engine::Plan> with_batch(const EngineOptions& engine, std::int64_t batch) const {
    return model_.plan->with_shapes(input_shapes(model_.graph, engine, batch));
  }

  void measure_plan(int threads) {
    const std::int64_t batch = batch_of(*plan_);
    benches_.push_back(std::make_unique<Bench>(plan_, threads, inputs_));
    Bench& bench = *benches_.back();
    const std::string schedule_by = bench.settle_schedule();
    schedule_ = bench.session().schedule();
    Row row;
    row.precision = name_of(plan_->precision());
    row.threads = threads;
    row.load_ms = (model_.load_seconds + model_.compile_seconds) * 1e3;
    row.measured.batch = batch;
    const std::string name = row.name(several_);
    MeasureOptions measure_options = options_.measure;
    measure_options.on_run = [&](double share, std::size_t runs, double left) {
      show(name, share, runs, left);
    };
    row.measured = measure(measure_options, batch, [&] { bench.run(); });
    row.measured.schedule = name_of(schedule_);
    row.measured.schedule_by = schedule_by;
    row.weights_mib = to_mib(weight_bytes(*plan_));
    row.arena_mib = to_mib(bench.session().arena_bytes());
    arena_bytes_ = std::max(arena_bytes_, bench.session().arena_bytes());
    energy_.set_work(work_of(row.measured, threads));
    best_.push_back(row.measured);
    if (energy_.asked()) row.plan = plan_;
    rows_.push_back(std::move(row));
    if (!energy_.asked()) benches_.clear();
    // The last one, for a soak.
    if (!energy_.measures() && benches_.size() > 1) benches_.erase(benches_.begin(), benches_.end() - 1);
  }

  // The bar over all configurations; those to come are taken to last as long as those that are done.
  void show(const std::string& name, double share, std::size_t runs, double left) {
    const std::size_t planned = engines_.size() * std::max<std::size_t>(1, options_.batches().size());
    const std::size_t all = std::max(planned, rows_.size() + 1);
    double done_s = 0;
    for (const Row& row : rows_) done_s += row.measured.seconds;
    const double each =
        rows_.empty() ? left / std::max(1 - share, 0.01) : done_s / static_cast<double>(rows_.size());
    const auto to_come = static_cast<double>(all - rows_.size() - 1);
    progress_.show((static_cast<double>(rows_.size()) + share) / static_cast<double>(all),
                   fmt::format("{}: {}, about {:.0f} s left{}", name, counted(runs, "run"),
                               left + each * to_come, options_.auto_batch() ? " of this batch" : ""));
  }

  // Sets the plan of twice the batch; false where the sweep ends, and why on stderr.
  bool next_doubling(const EngineOptions& engine, int threads) {
    const std::int64_t next = best_.back().batch * 2;
    if (next > kMaxBenchBatch) return false;
    if (levels_off(best_)) {
      progress_.clear();
      message(fmt::format("two doublings gained less than 2 %; stopping at batch {}", best_.back().batch));
      return false;
    }
    if (2 * best_.back().median_ms() > options_.measure.seconds * 1e3) {
      progress_.clear();
      message(fmt::format("batch {} would take longer than --seconds for one run; stopping", next));
      return false;
    }
    plan_ = with_batch(engine, next);
    if (run_bytes(*plan_, threads) > available_bytes() / 2) {
      progress_.clear();
      message(fmt::format("batch {} would take more than half of the memory that is left; stopping", next));
      return false;
    }
    return true;
  }

  void measure_energy() {
    std::vector<energy::Workload> workloads;
    for (const auto& bench : benches_) workloads.push_back(bench->workload());
    EnergyAccount::Configurations configurations;
    for (const Row& row : rows_) {
      configurations.run_seconds.push_back(row.measured.median_ms() / 1e3);
      if (several_) configurations.names.push_back(row.name(true));
    }
    energy_.measure(workloads, configurations);
    if (!workloads.empty() && !interrupted()) energy_.soak(workloads.back());
    // Replays of every batch feed the regression; those of the last one are told.
    if (options_.energy.layers && energy_.outcome()) {
      for (std::size_t i = 0; i < benches_.size() && !interrupted(); ++i)
        replays_.push_back(energy_.replay(layer_parts(benches_[i]->session()), energy_.inside()[i]));
    }
  }

  // The layers of the batch measured last; another plan was compiled beyond it where --batch auto met a
  // limit.
  LayerProfile profile() {
    if (batch_of(*plan_) != rows_.back().measured.batch)
      plan_ = with_batch(engines_.back(), rows_.back().measured.batch);
    return profile_layers(plan_, rows_.back().threads, schedule_, options_.measure);
  }

  std::vector<RunFacts> run_facts() const {
    std::vector<RunFacts> facts;
    for (const Row& row : rows_) {
      if (row.plan != nullptr)
        facts.push_back({options_.model, row.plan.get(), row.measured.batch, row.threads});
    }
    return facts;
  }

  BenchFacts facts() const {
    return {model_.plan.get(),
            batch_of(*model_.plan),
            engines_.back().thread_count(),
            rows_.front().load_ms / 1e3,
            arena_bytes_,
            several_,
            model_sha256_};
  }

  void print_all_json(const Parts& parts) const {
    Json json = bench_facts_json(options_, facts());
    json["results"] = Json::array();
    for (const Row& row : rows_) {
      Json result = row.measured.to_json();
      result["precision"] = row.precision;
      result["threads"] = row.threads;
      result["load_ms"] = row.load_ms;
      result["weights_mib"] = row.weights_mib;
      result["arena_mib"] = row.arena_mib;
      json["results"].push_back(std::move(result));
    }
    if (!best_batches_.empty() && !several_) json["best_batch"] = best_batches_.front();
    if (options_.auto_batch() && several_) {
      json["best_batches"] = Json::array();
      for (std::size_t i = 0; i < best_batches_.size(); ++i) {
        json["best_batches"].push_back(
            {{"precision", engines_[i].precision.empty() ? Json(nullptr) : Json(engines_[i].precision)},
             {"threads", engines_[i].thread_count()},
             {"batch", best_batches_[i]}});
      }
    }
    const std::vector<RunFacts> runs = run_facts();
    json["energy"] = runs.empty() ? Json(nullptr) : energy_.json(runs.back());
    if (energy_.estimated()) json["estimate"] = estimate_json(energy_.estimated());
    if (parts.profiled) json["profile"] = parts.layers.to_json();
    parts.rows.add_json(json["energy"]);
    if (parts.kernels_timed) json["kernels"] = parts.kernels.to_json();
    if (parts.partial) json["partial"] = true;
    print_json(json);
  }

  void print_text(const Parts& parts) const {
    using enum Table::Align;
    Table table = measurement_table(several_ ? std::vector<Table::Column>{{"precision", left}, {"threads"}}
                                             : std::vector<Table::Column>{});
    std::string more;
    for (const Row& row : rows_) {
      add_row(
          table, row.measured,
          several_ ? std::vector{row.precision, fmt::format("{}", row.threads)} : std::vector<std::string>{});
      more += remarks_of(row.measured, row.name(several_));
      if (!row.measured.schedule_by.empty()) {
        more += fmt::format("{} is divided {}, as the {} chose\n", row.name(several_), row.measured.schedule,
                            row.measured.schedule_by);
      }
    }
    print(bench_facts_text(options_, facts()) + table.to_string() + more);
    for (std::size_t i = 0; i < best_batches_.size(); ++i) {
      print(fmt::format("most images/s, ties to the smaller{}: batch {}\n",
                        several_ ? fmt::format(", {} {}", engines_[i].precision,
                                               counted(engines_[i].thread_count(), "thread"))
                                 : "",
                        best_batches_[i]));
    }
    const std::vector<RunFacts> runs = run_facts();
    if (!runs.empty() || energy_.estimated()) {
      print(energy_.text(runs.empty() ? RunFacts{options_.model, model_.plan.get()} : runs.back()));
    }
    if (parts.profiled) print(parts.layers.to_string());
    print(parts.rows.text());
    if (parts.kernels_timed) print(parts.kernels.to_string());
  }

  BenchOptions options_;
  BenchInputs inputs_;
  std::vector<EngineOptions> engines_;
  bool several_;
  EnergyAccount energy_;
  Progress progress_{"runs", 2};
  LoadedModel model_;                         // of the precision and threads at hand
  std::shared_ptr<const engine::Plan> plan_;  // of the batch at hand
  std::string model_sha256_;
  std::vector<std::unique_ptr<Bench>> benches_;  // of every row; kept only where energy is measured
  std::vector<Row> rows_;
  std::vector<Measurement> best_;  // of the precision and threads at hand
  std::vector<std::int64_t> best_batches_;
  std::vector<LayerJoules> replays_;
  engine::BatchSchedule schedule_ = engine::BatchSchedule::per_layer;  // of the last one
  std::size_t arena_bytes_ = 0;
};

}  // namespace

int bench_random(const BenchOptions& options) { return RandomBench(options).run(); }

}  // namespace godwit::tools
