// godwit energy sweep: which power cap, number of threads and batch get most out of a joule.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/session.h"
#include "runtime/energy/caps/power_cap.h"
#include "runtime/energy/protocol/sweep.h"
#include "runtime/error.h"
#include "runtime/sha256.h"
#include "tools/bench/energy_account.h"
#include "tools/bench/energy_options.h"
#include "tools/bench/energy_text.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/caps.h"
#include "tools/cli/commands/energy.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

// A busy host spoils a point (the protocol's limit).
constexpr double kBusyHost = 0.05;

struct Options {
  std::string model, cap = "40%..100%", backend = "powercap", threads, batches = "1", objective = "img/kWh";
  std::string journal = energy::kCapDirectory;
  EngineOptions engine;
  EnergyOptions energy;
  double min_img_s = 0, max_p99 = 0, min_top1 = 0, top1 = 0, seconds = 5, finest = 2.5;
  int rounds = 3;
  bool allow_raise = false;
  bool json = false;
};

double number_of(std::string_view text, std::string_view option) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0))
    throw Error(fmt::format("{}: '{}' is not a number above 0", option, text));
  return value;
}

// "1,2,4".
std::vector<std::int64_t> list_of(const std::string& text, std::string_view option) {
  std::vector<std::int64_t> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const double value = number_of(std::string_view(text).substr(begin, end - begin), option);
    if (value > 1024 || value != static_cast<double>(static_cast<std::int64_t>(value)))
      throw Error(
          fmt::format("{}: '{}' is not whole numbers from 1 to 1024, parted by commas", option, text));
    values.push_back(static_cast<std::int64_t>(value));
    begin = end + 1;
  }
  return values;
}

// "40%..100%" or "80%" or "100%": parts of the limit that is found, in steps of a fifth of it.
std::vector<double> levels_of(const std::string& text) {
  const std::size_t dots = text.find("..");
  const auto percent = [&](std::string_view part) {
    if (!part.ends_with('%'))
      throw Error(fmt::format("--cap '{}' is not of the form 40%..100% or 80%", text));
    return number_of(part.substr(0, part.size() - 1), "--cap") / 100;
  };
  if (dots == std::string::npos) return {percent(text)};
  const double low = percent(std::string_view(text).substr(0, dots));
  const double high = percent(std::string_view(text).substr(dots + 2));
  if (low > high) throw Error(fmt::format("--cap '{}' begins above its end", text));
  constexpr double kStep = 0.2;
  std::vector<double> levels;
  const auto above = static_cast<int>(std::ceil((high - low) / kStep - 0.5));  // levels before the lowest
  for (int i = 0; i < above; ++i) levels.push_back(high - i * kStep);
  levels.push_back(low);
  return levels;
}

energy::SweepOptions sweep_options(const Options& options) {
  energy::SweepOptions result;
  result.levels = levels_of(options.cap);
  result.lowest_level = std::ranges::min(result.levels);
  result.threads.clear();
  for (const std::int64_t count :
       list_of(options.threads.empty() ? std::to_string(EngineOptions().thread_count()) : options.threads,
               "--threads"))
    result.threads.push_back(static_cast<int>(count));
  result.batches = list_of(options.batches, "--batch");
  result.objective = *energy::objective_of(options.objective);
  if (options.min_img_s > 0) result.floors.min_img_s = options.min_img_s;
  if (options.max_p99 > 0) result.floors.max_p99_ms = options.max_p99;
  if (options.min_top1 > 0) result.floors.min_top1 = options.min_top1;
  if (options.min_top1 > 0 && options.top1 <= 0)
    throw Error("--min-top1 needs --top1, the model's accuracy as 'godwit accuracy' found it");
  result.rounds = options.rounds;
  result.finest_level = options.finest / 100;
  return result;
}

// Sessions by threads and batch over the same packed weights, and the sensors around them.
class Bench {
 public:
  Bench(const Options& options, EnergyMeter& meter, energy::PowerCap& cap, const energy::HostWatch& watch)
      : options_(options),
        meter_(meter),
        cap_(cap),
        watch_(watch),
        model_(load_model(options.model, options.engine, 1)) {}

  engine::Precision precision() const { return model_.plan->precision(); }

  energy::SweepSample measure(const energy::SweepPoint& point) {
    const energy::PowerCap::Applied applied = cap_.apply(point.level);
    const std::shared_ptr<const engine::Plan> plan = plan_of(point.batch);
    engine::Session session(plan, {point.threads, false});
    const std::vector<Tensor> inputs = vision::random_inputs(*plan);
    session.tune(inputs);
    energy::Clock& clock = meter_.clock();
    energy::Recorder& recorder = *meter_.recorder();
    const auto ticker = clock.every(recorder.period(), [&] { (void)recorder.read(); });
    const double duty = cap_.duty();
    const auto run = [&] {
      const energy::Nanoseconds begin = clock.now().mono;
      session.run(inputs);
      stop_if_interrupted();
      const energy::Nanoseconds end = clock.now().mono;
      if (duty < 1)
        clock.sleep(static_cast<energy::Nanoseconds>(static_cast<double>(end - begin) * (1 - duty) / duty));
      return static_cast<double>(end - begin) * 1e-6;
    };
    const double settle = applied.watts && point.level != 1 ? energy::kCapSettleSeconds : 1;
    repeat(settle, run);
    const energy::HostCounters before = watch_.read(clock.now().mono);
    const energy::Nanoseconds begin = recorder.read().mono;
    const double cpu_before = energy::to_seconds(clock.cpu_time());
    std::vector<double> ms = repeat(options_.seconds, run);
    const energy::Nanoseconds end = recorder.read().mono;
    const energy::HostChange change = energy::change_between(before, watch_.read(end));

    energy::SweepSample sample;
    const double seconds = energy::to_seconds(end - begin),
                 images = static_cast<double>(ms.size()) * static_cast<double>(batch_of(*plan));
    sample.mean_w = recorder.total().watts(begin, end);
    sample.joules = energy::Measured<energy::Joules>(energy::Joules{sample.mean_w * seconds / images});
    sample.img_s = images / seconds;
    std::ranges::sort(ms);
    sample.p99_ms = quantile_of(ms, 0.99);
    if (options_.top1 > 0) sample.top1 = options_.top1;
    if (!recorder.faults(begin, end).empty()) sample.note = recorder.faults(begin, end).front().reason;
    if (change.others_share > kBusyHost) sample.note = "busy-host";
    if (!(sample.mean_w > 0)) sample.note = "no-power";
    const double packages = package_watts(begin, end);
    if (applied.watts && point.level != 1 && packages > 0 &&
        !energy::cap_is_effective(packages, *applied.watts))
      sample.note = "cap not effective";
    if (!applied.note.empty()) message(applied.note);

    Measured& sum = measured_[key_of(point)];
    sum.seconds.push_back(seconds);
    sum.ms.insert(sum.ms.end(), ms.begin(), ms.end());
    sum.images += images;
    sum.joules += sample.mean_w * seconds;
    sum.cpu_seconds += energy::to_seconds(clock.cpu_time()) - cpu_before;
    if (applied.watts && point.level != 1) sum.cap_w = applied.watts;
    if (!sample.note.empty()) sum.verdict.suspect(sample.note);
    return sample;
  }

  // The account of one point over all its rounds.
  energy::Record record_of(const energy::SweepResult::Point& point, energy::Nanoseconds begin,
                           bool restored) const {
    const Measured& sum = measured_.at(key_of(point.point));
    const engine::Plan& plan = *plans_.at(point.point.batch);
    const energy::Total& chosen = meter_.recorder()->chosen();
    energy::Record record;
    record.run = energy::new_run_id();
    record.time = energy::utc_time();
    record.host = meter_.host().host;
    record.model.file = std::filesystem::path(options_.model).filename().string();
    record.model.file_sha256 = sha256_of_file(options_.model);
    record.model.precision = name_of(plan.precision());
    record.model.isa = name_of(plan.target().isa);
    record.model.batch = point.point.batch;
    record.model.threads = point.point.threads;
    record.model.macs = plan.cost().macs / point.point.batch;
    record.model.flops = plan.cost().flops / point.point.batch;
    record.protocol.name = "sweep";
    record.protocol.rounds = static_cast<std::int64_t>(sum.seconds.size());
    record.protocol.repetitions = static_cast<std::int64_t>(sum.ms.size());
    record.protocol.window_s = sum.seconds;
    record.protocol.method = "rounds of all points in turn; gross, without idle power";
    record.sensors = meter_.recorder()->uses(begin, meter_.clock().now().mono);
    energy::MeasuredEnergy measured;
    measured.quality = chosen.quality;
    measured.scope = chosen.scope;
    measured.gross = energy::Measured<energy::Joules>(energy::Joules{sum.joules});
    // The interval is of the objective, which is joules of an image unless it is EDP.
    if (options_.objective != "EDP")
      measured.ci95_j = energy::Interval{point.ci95.low * sum.images, point.ci95.high * sum.images};
    record.energy = measured;
    record.images = static_cast<std::int64_t>(sum.images);
    record.cpu_seconds = sum.cpu_seconds;
    record.throughput = throughput_of(point.img_s, {}, sum.ms);
    if (options_.top1 > 0) record.accuracy = energy::Accuracy{options_.top1, std::nullopt, "--top1"};
    record.cap = energy::CapUse{options_.backend, sum.cap_w, cap_.found_w(), restored,
                                fmt::format("{:.1f} % of the limit found", 100 * point.point.level)};
    record.verdict = sum.verdict;
    if (!(sum.joules > 0)) record.verdict.invalidate("no-power");
    return record;
  }

 private:
  // The sum of all measurements of one point.
  struct Measured {
    std::vector<double> seconds, ms;
    double images = 0, joules = 0, cpu_seconds = 0;
    std::optional<double> cap_w;
    energy::Verdict verdict;
  };
  static std::string key_of(const energy::SweepPoint& point) {
    return fmt::format("{} {} {} {}", point.level, point.threads, point.batch, point.precision);
  }

  // Milliseconds of each run.
  template <class Run>
  std::vector<double> repeat(double seconds, const Run& run) {
    std::vector<double> ms;
    const energy::Nanoseconds end = meter_.clock().now().mono + energy::from_seconds(seconds);
    do ms.push_back(run());
    while (meter_.clock().now().mono < end);
    return ms;
  }

  std::shared_ptr<const engine::Plan> plan_of(std::int64_t batch) {
    auto& plan = plans_[batch];
    if (plan == nullptr) {
      plan = batch_of(*model_.plan) == batch
                 ? model_.plan
                 : model_.plan->with_shapes(input_shapes(model_.graph, options_.engine, batch));
    }
    if (batch_of(*plan) != batch)
      throw Error(fmt::format("the batch size is fixed at {} by the model, not {}", batch_of(*plan), batch));
    return plan;
  }

  // Power of the parts that the caps limit; 0 where the total stands on something else.
  double package_watts(energy::Nanoseconds begin, energy::Nanoseconds end) const {
    double watts = 0;
    for (const std::size_t index : meter_.recorder()->chosen().domains) {
      if (meter_.found().domains[index].kind == energy::DomainKind::package)
        watts += meter_.recorder()->domain(index).watts(begin, end);
    }
    return watts;
  }

  const Options& options_;
  EnergyMeter& meter_;
  energy::PowerCap& cap_;
  const energy::HostWatch& watch_;
  LoadedModel model_;
  std::map<std::int64_t, std::shared_ptr<const engine::Plan>> plans_;
  std::map<std::string, Measured> measured_;
};

std::string answer_of(const energy::SweepResult& result) {
  if (!result.best) return "no point keeps the floors";
  const auto &best = result.points[*result.best], &before = result.points[result.reference];
  if (!result.gain) {
    return fmt::format("no significant gain, leave it uncapped: {}, batch {}, {:.4g} J/img",
                       counted(before.point.threads, "thread"), before.point.batch, before.joules);
  }
  return fmt::format(
      "best: {:.1f} % of the limit found, {}, batch {}: {:+.1f} % images/kWh, {:+.1f} % W, {:+.1f} % "
      "img/s against uncapped",
      100 * best.point.level, counted(best.point.threads, "thread"), best.point.batch,
      100 * (before.joules / best.joules - 1), 100 * (best.mean_w / before.mean_w - 1),
      100 * (best.img_s / before.img_s - 1));
}

Json point_json(const energy::SweepResult::Point& point) {
  return {{"level", point.point.level},
          {"threads", point.point.threads},
          {"batch", point.point.batch},
          {"precision", point.point.precision},
          {"samples", point.samples},
          {"img_s", point.img_s},
          {"p99_ms", point.p99_ms},
          {"mean_w", point.mean_w},
          {"gross_j_per_image", point.joules},
          {"objective", point.objective},
          {"objective_ci95", {point.ci95.low, point.ci95.high}},
          {"refused", point.refused.empty() ? Json(nullptr) : Json(point.refused)}};
}

int print_result(const Options& options, const energy::SweepResult& result, const energy::Total& chosen) {
  if (options.json) {
    Json points = Json::array();
    for (const auto& point : result.points) points.push_back(point_json(point));
    print_json({{"schema", "godwit.sweep/1"},
                {"quality", energy::name_of(chosen.quality)},
                {"scope", chosen.scope},
                {"objective", options.objective},
                {"points", std::move(points)},
                {"reference", result.reference},
                {"best", result.best ? Json(*result.best) : Json(nullptr)},
                {"gain", result.gain},
                {"answer", answer_of(result)}});
    return result.best ? kDone : kFailed;
  }
  using enum Table::Align;
  Table table({{"cap"},
               {"threads"},
               {"batch"},
               {"img/s"},
               {"p99 ms"},
               {"W"},
               {"J/img"},
               {"objective (95 %)"},
               {"", left}});
  for (const auto& point : result.points) {
    table.add({fmt::format("{:.1f}%", 100 * point.point.level), fmt::format("{}", point.point.threads),
               fmt::format("{}", point.point.batch), fmt::format("{:.4g}", point.img_s),
               fmt::format("{:.4g}", point.p99_ms), fmt::format("{:.4g}", point.mean_w),
               fmt::format("{:.4g}", point.joules),
               fmt::format("{:.4g} ({:.4g} to {:.4g})", point.objective, point.ci95.low, point.ci95.high),
               point.refused});
  }
  print(fmt::format("{}, scope {}, gross; objective {}, lower is better\n{}{}\n",
                    energy::name_of(chosen.quality), chosen.scope,
                    options.objective == "EDP" ? "J x s of an image" : "J of an image", table.to_string(),
                    answer_of(result)));
  return result.best ? kDone : kFailed;
}

int run_sweep(const Options& options) {
  energy::SweepOptions asked = sweep_options(options);
  for (const double level : asked.levels) {
    if (level > 1 && !options.allow_raise)
      throw Error("a cap above the limit that was found needs --allow-raise");
  }
  EnergyMeter meter(options.energy);
  if (meter.recorder() == nullptr) {
    throw Error(fmt::format("a sweep needs a sensor: {}; 'godwit energy sensors' says more",
                            why_not_measured(meter.found(), meter.host())),
                ErrorKind::missing);
  }
  const auto root = energy::open_sys_root({options.energy.sensors.sysfs, options.energy.sensors.procfs});
  const energy::HostWatch watch(*root);
  // Before threads start: the guardian is a fork of this process.
  energy::PowerCap cap(*root, *energy::cap_backend(options.backend), options.journal, options.allow_raise);
  Bench bench(options, meter, cap, watch);
  asked.precisions = {std::string(name_of(bench.precision()))};
  const energy::Nanoseconds begin = meter.clock().now().mono;
  const energy::SweepResult result =
      energy::sweep(asked, [&](const energy::SweepPoint& point) { return bench.measure(point); });
  bool restored = true;
  for (const energy::Restored& file : cap.restore()) {
    restored = restored && (file.outcome == energy::Restored::Outcome::unchanged ||
                            file.outcome == energy::Restored::Outcome::put_back);
    if (file.outcome != energy::Restored::Outcome::unchanged) message(file.sentence(*root));
  }
  for (const energy::SweepResult::Point& point : result.points) {
    if (!options.energy.ledger.empty())
      energy::append_record(options.energy.ledger, bench.record_of(point, begin, restored));
  }
  return print_result(options, result, meter.recorder()->chosen());
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  app.add_option("--backend", options->backend,
                 "powercap: watts of the packages; cpufreq: the highest frequency, the way on AMD; threads: "
                 "rest for a "
                 "part of the time, which needs no privilege.")
      ->check(one_of({"powercap", "cpufreq", "threads"}))
      ->type_name("B")
      ->default_str("powercap");
  app.add_option("--cap", options->cap,
                 "Levels in percent of the limit found, first in steps of 20, then finer.")
      ->type_name("A%..B%")
      ->default_str("40%..100%");
  app.add_option("--threads", options->threads, "Numbers of threads to try, parted by commas.")
      ->type_name("N,N...")
      ->default_str("the cores this process may use");
  app.add_option("--batch", options->batches, "Batch sizes to try, parted by commas.")
      ->type_name("N,N...")
      ->default_str("1");
  app.add_option("--objective", options->objective, "img/kWh, J, cost, or EDP (J x s of an image).")
      ->check(one_of({"img/kWh", "J", "cost", "EDP"}))
      ->type_name("O")
      ->default_str("img/kWh");
  const auto floor = [&](const std::string& name, double& value, const std::string& text,
                         const std::string& unit) {
    app.add_option(name, value, text)->check(positive_real())->type_name(unit);
  };
  floor("--min-img-s", options->min_img_s, "Take no point with fewer images/s.", "X");
  floor("--max-p99", options->max_p99, "Take no point whose p99 of a run is longer.", "MS");
  floor("--min-top1", options->min_top1, "Take no point of lower top-1, in percent; needs --top1.", "P");
  floor("--top1", options->top1, "The model's top-1 in percent.", "P");
  app.add_option("--rounds", options->rounds, "Measurements of each point, 2 to 100, points taking turns.")
      ->check(in_range(2, 100))
      ->type_name("N")
      ->default_str("3");
  app.add_option("--seconds", options->seconds, "Length of each measurement.")
      ->check(positive_real())
      ->type_name("S")
      ->default_str("5");
  app.add_option("--finest", options->finest, "Stop refining at this distance, in percent of the limit.")
      ->check(positive_real())
      ->type_name("P")
      ->default_str("2.5");
  app.add_flag("--allow-raise", options->allow_raise, "Allow caps above the limit that is found.");
  app.add_option("--ledger", options->energy.ledger,
                 "Append a line of JSON (schema godwit.energy/1) for each point to this file, its cap "
                 "included; 'godwit report' reads it.")
      ->type_name("FILE");
  add_journal_option(app, options->journal);
  add_sensor_options(app, options->energy.sensors);
  add_json_option(app, options->json);
  add_engine_options(app, options->engine, false);
  return [options] { return run_sweep(*options); };
}

}  // namespace

const Command energy_sweep_command = {
    "energy sweep",
    "Measure",
    "find the power cap, threads and batch that get most out of a joule",
    "MODEL [options]",
    "Measures the model at several power limits, numbers of threads and batch sizes, points taking turns, "
    "refines "
    "around the best, and answers with the best point that keeps the floors, or 'leave it uncapped' where "
    "its 95 % "
    "interval overlaps that of the uncapped machine.\n\n"
    "Changed limits are put back at the end; a guardian process does so when this one is killed, and the "
    "next start "
    "of godwit when both are gone. A limit is never lowered below 0.3 of what was found.",
    "sudo godwit energy sweep models/resnet50.onnx --cap 40%..100% --min-img-s 20\n"
    "godwit energy sweep models/resnet50.onnx --backend threads --threads 1,2,4 --batch 1,8",
    prepare,
};

}  // namespace godwit::tools
