// godwit bench: how long the network takes, as a whole, per layer, or from photograph to label.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/session.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "tools/bench/bench_images.h"
#include "tools/bench/energy_account.h"
#include "tools/bench/energy_layers.h"
#include "tools/bench/energy_options.h"
#include "tools/bench/kernel_bench.h"
#include "tools/bench/measure.h"
#include "tools/bench/photograph_layers.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/energy_options.h"
#include "tools/cli/image_options.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/files.h"
#include "tools/vision/image_model.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

constexpr std::int64_t kMaxBatch = 1024;
constexpr double kKernelSeconds = 0.1;  // for each shape

struct Options {
  EngineOptions engine;
  MeasureOptions measure;
  EnergyOptions energy;
  EstimateOptions estimate;
  // Given on the command line, not defaults: --energy has its own.
  std::optional<double> asked_seconds;
  std::optional<int> asked_repetitions;
  ImageOptions image_options;
  std::string model, batch, images, preprocess;
  bool profile = false;
  bool kernels = false;
  bool json = false;

  bool auto_batch() const { return batch == "auto"; }
  // 0: none asked for.
  std::int64_t asked_batch() const { return batch.empty() || auto_batch() ? 0 : std::stoll(batch); }
};

// Facts about the model, told besides the times.
struct Facts {
  const engine::Plan* plan = nullptr;
  std::int64_t batch = 1;  // of that plan
  int threads = 1;
  double load_seconds = 0;
  std::size_t arena_bytes = 0;  // of the largest batch
};

// Does the work unless a signal came before it or comes meanwhile; tells whether it was done.
template <class Work>
bool unless_interrupted(const Work& work) {
  try {
    stop_if_interrupted();
    work();
    return true;
  } catch (const Interrupted&) {
    return false;
  }
}

int tell_partial() {
  warning(fmt::format("{} ended the work; what was not measured by then is left out", interrupt_name()));
  return interrupt_exit_code();
}

double per_image(std::int64_t total, std::int64_t batch) {
  return static_cast<double>(total) / static_cast<double>(batch);
}

Json facts_json(const Options& options, const Facts& facts) {
  const ops::Cost cost = facts.plan->cost();
  Json json = {{"schema", "godwit.bench/1"},
               {"model", options.model},
               {"precision", name_of(facts.plan->precision())},
               {"isa", name_of(facts.plan->target().isa)},
               {"threads", facts.threads},
               {"macs", cost.macs / facts.batch},
               {"flops", cost.flops / facts.batch},
               {"load_ms", facts.load_seconds * 1e3},
               {"peak_rss_mib", to_mib(peak_resident_bytes())},
               {"weights_mib", to_mib(weight_bytes(*facts.plan))},
               {"arena_mib", to_mib(facts.arena_bytes)}};
  if (!options.engine.plan_file().empty()) json["plan"] = options.engine.plan_file();
  return json;
}

// No ISA here multiplies 16-bit floats, so that what they are stored in is not what is computed.
std::string arithmetic_of(const engine::Plan& plan) {
  const engine::Precision precision = plan.precision();
  return fmt::format("{}{}", name_of(precision),
                     engine::stored_dtype(precision) ? " stored, f32 computed" : "");
}

std::string facts_text(const Options& options, const Facts& facts) {
  const std::string& plan = options.engine.plan_file();
  const ops::Cost cost = facts.plan->cost();
  return fmt::format(
      "model      {}\n"
      "run        {}, {}, {} threads{}\n"
      "one image  {}MACs, {}FLOPs\n"
      "load       {:.1f} ms\n"
      "memory     weights {}, arena {}, peak resident {}\n\n",
      options.model, arithmetic_of(*facts.plan), name_of(facts.plan->target().isa), facts.threads,
      plan.empty() ? plan : fmt::format(", plan '{}'", plan), with_prefix(per_image(cost.macs, facts.batch)),
      with_prefix(per_image(cost.flops, facts.batch)), facts.load_seconds * 1e3,
      mib_text(weight_bytes(*facts.plan)), mib_text(facts.arena_bytes), mib_text(peak_resident_bytes()));
}

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

EstimateWork work_of(const Measurement& measured, int threads) {
  const auto images = static_cast<double>(measured.batch) * static_cast<double>(measured.sorted_ms.size());
  return {measured.cpu_seconds, measured.seconds, threads, images};
}

// A session on random input.
class Bench {
 public:
  Bench(std::shared_ptr<const engine::Plan> plan, int threads)
      : session_(std::move(plan), {threads, false}), inputs_(vision::random_inputs(session_.plan())) {}
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

// A line for each batch whose schedule was chosen among several.
std::string schedules_text(const std::vector<Measurement>& results) {
  std::string text;
  for (const Measurement& result : results) {
    if (result.schedule_by.empty()) continue;
    text += fmt::format("batch {} is divided {}, as the {} chose\n", result.batch, result.schedule,
                        result.schedule_by);
  }
  return text;
}

int bench_random(const Options& options) {
  const LoadedModel model =
      load_model(options.model, options.engine, std::max<std::int64_t>(1, options.asked_batch()));
  const std::int64_t batch = batch_of(*model.plan);
  const bool open = has_open_batch(model.graph, options.engine);
  if (options.asked_batch() > 0 && batch != options.asked_batch()) {
    throw Error(fmt::format("the batch size is fixed at {} by the model or --shape, not {}", batch,
                            options.asked_batch()));
  }
  const int threads = options.engine.thread_count();
  Facts facts{model.plan.get(), batch, threads, model.load_seconds + model.compile_seconds, 0};
  EnergyAccount energy(options.energy, "bench " + options.model, options.asked_seconds,
                       options.asked_repetitions);
  const RunFacts energy_facts{options.model, model.plan.get(), batch, threads};

  std::vector<Measurement> results;
  engine::BatchSchedule schedule = engine::BatchSchedule::per_layer;  // of the last one
  std::vector<std::unique_ptr<Bench>> benches;  // of every batch; kept only where energy is measured
  std::shared_ptr<const engine::Plan> plan = model.plan;
  for (;;) {
    benches.push_back(std::make_unique<Bench>(plan, threads));
    const std::string schedule_by = benches.back()->settle_schedule();
    schedule = benches.back()->session().schedule();
    results.push_back(measure(options.measure, batch_of(*plan), [&] { benches.back()->run(); }));
    results.back().schedule = name_of(schedule);
    results.back().schedule_by = schedule_by;
    facts.arena_bytes = std::max(facts.arena_bytes, benches.back()->session().arena_bytes());
    energy.set_work(work_of(results.back(), threads));
    if (!energy.asked()) benches.clear();
    // The last one, for a soak.
    if (!energy.measures() && !benches.empty()) benches.erase(benches.begin(), benches.end() - 1);
    const std::int64_t next = results.back().batch * 2;
    if (interrupted() || !options.auto_batch() || !open || next > kMaxBatch) break;
    if (levels_off(results)) {
      message(fmt::format("two doublings gained less than 2 %; stopping at batch {}", results.back().batch));
      break;
    }
    if (2 * results.back().median_ms() > options.measure.seconds * 1e3) {
      message(fmt::format("batch {} would take longer than --seconds for one run; stopping", next));
      break;
    }
    plan = model.plan->with_shapes(input_shapes(model.graph, options.engine, next));
    if (run_bytes(*plan, threads) > available_bytes() / 2) {
      message(fmt::format("batch {} would take more than half of the memory that is left; stopping", next));
      break;
    }
  }
  std::vector<energy::Workload> workloads;
  for (const auto& bench : benches) workloads.push_back(bench->workload());
  if (!interrupted()) energy.measure(workloads);
  if (!workloads.empty() && !interrupted()) energy.soak(workloads.back());
  // Replays of every batch feed the regression; those of the last one are told.
  std::vector<LayerJoules> replays;
  if (options.energy.layers && energy.outcome()) {
    for (std::size_t i = 0; i < benches.size() && !interrupted(); ++i) {
      replays.push_back(energy.replay(layer_parts(benches[i]->session()), energy.inside()[i]));
    }
  }
  benches.clear();

  // The layers of the batch measured last; another plan was compiled beyond it where --batch auto met a
  // limit.
  LayerProfile layers;
  const bool profiled =
      options.profile && unless_interrupted([&] {
        if (batch_of(*plan) != results.back().batch) {
          plan = model.plan->with_shapes(input_shapes(model.graph, options.engine, results.back().batch));
        }
        layers = profile_layers(plan, threads, schedule, options.measure);
      });
  KernelBench kernels;
  const bool kernels_timed =
      options.kernels && unless_interrupted([&] { kernels = bench_kernels(model.plan, kKernelSeconds); });
  const bool partial = interrupted();
  EnergyRows rows;
  if (profiled && energy.outcome())
    rows.by_time = layers_by_time(timed_image(layers), energy.outcome()->results.back());
  rows.set_replays(replays);
  energy.estimate(options.estimate);
  if (!partial) energy.write_ledger(energy_facts, rows);
  if (options.json) {
    Json json = facts_json(options, facts);
    json["results"] = Json::array();
    for (const Measurement& result : results) json["results"].push_back(result.to_json());
    if (options.auto_batch()) json["best_batch"] = best_batch(results);
    json["energy"] = energy.json(energy_facts);
    if (energy.estimated()) json["estimate"] = estimate_json(energy.estimated());
    if (profiled) json["profile"] = layers.to_json();
    rows.add_json(json["energy"]);
    if (kernels_timed) json["kernels"] = kernels.to_json();
    if (partial) json["partial"] = true;
    print_json(json);
    return partial ? tell_partial() : kDone;
  }
  Table table = measurement_table();
  for (const Measurement& result : results) add_row(table, result);
  print(facts_text(options, facts) + table.to_string() + schedules_text(results));
  if (options.auto_batch())
    print(fmt::format("most images/s, ties to the smaller: batch {}\n", best_batch(results)));
  print(energy.text(energy_facts));
  if (profiled) print(layers.to_string());
  print(rows.text());
  if (kernels_timed) print(kernels.to_string());
  return partial ? tell_partial() : kDone;
}

// Photograph to label, over and over through the folder's images.
int bench_photographs(const Options& options) {
  if (options.auto_batch()) throw Error("--images needs a number for --batch, not auto");
  if (options.kernels)
    throw Error("--kernels and --images exclude each other: --kernels times layers on random input");
  ImageRing images(vision::find_images({options.images}, true), options.image_options.strict);
  vision::ImageModel model(options.model, ImageModelArguments{options.engine, options.image_options,
                                                              options.preprocess, options.asked_batch()}
                                              .options(options.model));
  EnergyAccount energy(options.energy, "bench " + options.model, options.asked_seconds,
                       options.asked_repetitions);
  const ImageBench result = bench_images(model, images, options.measure);
  const Facts facts{&model.plan(), model.batch(), model.threads(), model.load_seconds(),
                    model.plan().memory().arena_bytes};
  RunFacts energy_facts{options.model, &model.plan(), model.batch(), model.threads()};
  energy_facts.latency_ms = result.latency.sorted_ms;
  const energy::Workload workload = photograph_workload(model, images);
  if (!interrupted()) energy.measure({workload});
  if (!interrupted()) energy.soak(workload);
  EnergyRows rows;
  if (options.energy.layers && energy.outcome() && !interrupted())
    rows.set_replays({energy.replay(photograph_parts(model, images.readable()), energy.inside().back())});
  TimedImage parts;
  const bool profiled = options.profile && unless_interrupted([&] {
                          parts = profile_photographs(model, images.readable(), options.measure);
                        });
  const bool partial = interrupted();
  if (profiled && energy.outcome()) rows.by_time = layers_by_time(parts, energy.outcome()->results.back());
  energy.set_work(work_of(result.latency, model.threads()));
  energy.estimate(options.estimate);
  if (!partial) energy.write_ledger(energy_facts, rows);
  if (options.json) {
    Json json = facts_json(options, facts);
    json["results"] = Json::array({result.to_json()});
    json["energy"] = energy.json(energy_facts);
    rows.add_json(json["energy"]);
    if (profiled) json["profile"] = timed_json(parts);
    if (energy.estimated()) json["estimate"] = estimate_json(energy.estimated());
    json["images"] = options.images;
    json["failed"] = images.failed_json();
    if (partial) json["partial"] = true;
    print_json(json);
  } else {
    print(facts_text(options, facts) + result.to_string(model.threads()) + energy.text(energy_facts) +
          (profiled ? timed_text(parts) : "") + rows.text());
  }
  if (partial) return tell_partial();
  if (images.failed().empty()) return kDone;
  message(fmt::format("{} could not be read and left out", counted(images.failed().size(), "image")));
  return kFailed;
}

CLI::Validator batch_or_auto() {
  return {[](std::string& text) -> std::string {
            std::int64_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool number = error == std::errc() && end == text.data() + text.size();
            if (text == "auto" || (number && value >= 1 && value <= kMaxBatch)) return "";
            return fmt::format("'{}' is neither auto nor a whole number from 1 to {}", text, kMaxBatch);
          },
          ""};
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  app.add_option(
         "--batch", options->batch,
         "Images in one run, 1 to 1024; auto: 1, 2, 4 ... until two doublings gain less than 2 % or one "
         "run would take longer than --seconds or more than half of the memory that is left.")
      ->check(batch_or_auto())
      ->type_name("N|auto")
      ->default_str("1, or what the model fixes");
  const CLI::Option* seconds =
      app.add_option("--seconds", options->measure.seconds,
                     "Measure each batch size for at least so many seconds; with --energy, each round too.")
          ->check(positive_real())
          ->type_name("S")
          ->default_str("3; of a round with --energy the protocol's");
  const CLI::Option* repetitions = app.add_option("--min-repetitions", options->measure.min_repetitions,
                                                  "Measure at least so many runs of each batch size.")
                                       ->check(in_range(1, 1'000'000))
                                       ->type_name("N")
                                       ->default_str("13");
  app.add_flag("--profile", options->profile,
               "After measuring, run again with a timer around every layer and print a table in the model's "
               "own names; with --images reading, decoding, resizing and normalising too; with --energy "
               "each one's share of the joules.");
  app.add_flag("--kernels", options->kernels,
               "After measuring, run each kernel alone at the shapes of the layers, on one thread, and print "
               "GFLOP/s and the share of the peak that is measured in turns with it.");
  app.add_option(
         "--images", options->images,
         "Measure from photograph to label instead: read, decode, preprocess and run the images of this "
         "folder and those below it in turn, all threads at once, beside each part alone on one thread. One "
         "that "
         "cannot be read is named and left out, and the exit status is 1.")
      ->type_name("DIR");
  add_preprocess_option(app, options->preprocess);
  add_json_option(app, options->json);
  add_energy_options(app, options->energy, EnergyUse::rounds);
  add_image_options(app, options->image_options);
  add_estimate_options(app, options->estimate);
  add_engine_options(app, options->engine);
  add_plan_options(app, options->engine);
  return [options, seconds, repetitions] {
    if (seconds->count() > 0) options->asked_seconds = options->measure.seconds;
    if (repetitions->count() > 0) options->asked_repetitions = options->measure.min_repetitions;
    if (options->images.empty() && !options->preprocess.empty())
      throw Error("--preprocess needs --images DIR");
    return options->images.empty() ? bench_random(*options) : bench_photographs(*options);
  };
}

}  // namespace

const Command bench_command = {
    "bench",
    "Measure",
    "time the network, its layers, or the way from photograph to label",
    "MODEL [options]",
    "Runs the network on random input (the same in every run of the program), three times to warm up and "
    "then again and again, and prints the latency of a run in milliseconds and images/s = batch / median "
    "latency. Loading counts reading the file, graph passes and packing of weights, not a trial by --tune. 1 "
    "MAC = 2 FLOPs; both "
    "are those of one image.\n\n"
    "The JSON fields are schema, model, precision, isa, threads, macs, flops, load_ms, peak_rss_mib, "
    "weights_mib, arena_mib, results (batch, repetitions, seconds, latency_ms, images_per_second, schedule, "
    "and "
    "schedule_by where the way in which threads share a batch was chosen by a trial before or by the plan) "
    "and "
    "energy (null without --energy; its measured_j is null where nothing was measured), and profile and "
    "kernels where that "
    "was asked for, and plan (the file) with --plan or --tune; with --images also images (the folder) and "
    "failed (file, error).\n\n"
    "--energy adds joules per image: gross, net of the idle power, with a 95 % interval and a verdict "
    "(valid, "
    "suspect or invalid, with reasons). Loading, compiling and warming up lie outside of what is measured.",
    "godwit bench models/resnet50.onnx --threads 1 --profile\n"
    "godwit bench models/resnet50.onnx --energy --meter csv:meter.csv --ledger runs.jsonl\n"
    "godwit bench models/resnet50.onnx --tune resnet50.plan\n"
    "godwit bench models/resnet50.onnx --batch auto --json\n"
    "godwit bench models/resnet50.onnx --images photographs --batch 8",
    prepare,
    {},
    "--threads --batch --seconds --profile --json",
};

}  // namespace godwit::tools
