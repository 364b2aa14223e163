// Photographs through a network, over and over.
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/sha256.h"
#include "tools/bench/bench_images.h"
#include "tools/bench/energy_account.h"
#include "tools/bench/energy_layers.h"
#include "tools/bench/photograph_layers.h"
#include "tools/cli/bench_options.h"
#include "tools/cli/command.h"
#include "tools/report/console.h"
#include "tools/report/text.h"
#include "tools/vision/files.h"
#include "tools/vision/image_model.h"

namespace godwit::tools {

int bench_photographs(const BenchOptions& options) {
  const std::vector<std::int64_t> batches = options.batches();
  const std::vector<EngineOptions> engines = options.engines();
  if (options.auto_batch()) throw Error("--images needs a number for --batch, not auto");
  if (batches.size() > 1 || engines.size() > 1)
    throw Error("--images measures one batch, precision and number of threads; give one of each");
  if (!options.inputs.empty())
    throw Error("--input and --images exclude each other: photographs are the input");
  if (options.measure.warmup)
    throw Error("--images warms up by two batches for each thread; --warmup is for random input");
  if (options.kernels)
    throw Error("--kernels and --images exclude each other: --kernels times layers on random input");
  ImageRing images(vision::find_images({options.images}, true), options.image_options.strict);
  const ImageModelArguments arguments{.engine = engines.front(),
                                      .images = options.image_options,
                                      .preprocess = options.preprocess,
                                      .batch = batches.empty() ? 0 : batches.front(),
                                      .output = options.output};
  vision::ImageModel model(options.model, arguments.options(options.model));
  EnergyAccount energy(options.energy, "bench " + options.model, options.asked_seconds,
                       options.asked_repetitions);
  const ImageBench result = bench_images(model, images, options.measure);
  const BenchFacts facts{&model.plan(),
                         model.batch(),
                         model.threads(),
                         model.load_seconds(),
                         model.plan().memory().arena_bytes,
                         false,
                         sha256_of_file(options.model)};
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
    Json json = bench_facts_json(options, facts);
    json["results"] = Json::array({result.to_json()});
    json["energy"] = energy.json(energy_facts);
    rows.add_json(json["energy"]);
    if (profiled) json["profile"] = timed_json(parts);
    if (energy.estimated()) json["estimate"] = estimate_json(energy.estimated());
    json["images"] = options.images;
    json["failed"] = images.failed_json();
    json["nonfinite"] = images.nonfinite();
    if (partial) json["partial"] = true;
    print_json(json);
  } else {
    print(bench_facts_text(options, facts) + result.to_string(model.threads()) +
          remarks_of(result.latency, "batches") + energy.text(energy_facts) +
          (profiled ? timed_text(parts) : "") + rows.text());
  }
  if (partial) return tell_partial();
  if (images.failed().empty()) return kDone;
  warning(images.failed_text() + ", and left out");
  return kFailed;
}

}  // namespace godwit::tools
