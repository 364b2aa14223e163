// Options of bench, for its measurements on random input and on photographs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/energy_estimate.h"
#include "tools/bench/energy_options.h"
#include "tools/bench/measure.h"
#include "tools/cli/image_options.h"
#include "tools/cli/options.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"

namespace godwit::tools {

inline constexpr std::int64_t kMaxBenchBatch = 1024;

struct BenchOptions {
  EngineOptions engine;
  MeasureOptions measure;
  EnergyOptions energy;
  EstimateOptions estimate;
  // Given on the command line, not defaults: --energy has its own.
  std::optional<double> asked_seconds;
  std::optional<int> asked_repetitions;
  ImageOptions image_options;
  std::string model, images, output;  // of scores, with images
  image::PreprocessChoice preprocess;
  std::string batch, threads, precision;  // lists: "1,2"; batch may be "auto"
  std::vector<std::string> inputs;        // NAME=FILE
  int warmup = 0;
  bool profile = false;
  bool kernels = false;
  bool json = false;

  bool auto_batch() const { return batch == "auto"; }
  // Batch sizes asked for; empty: none was.
  std::vector<std::int64_t> batches() const;
  // The engine's options for each precision and number of threads, precisions first.
  std::vector<EngineOptions> engines() const;
};

// Texts between commas.
std::vector<std::string> split_list(const std::string& text);

// Facts about the model and the program, told besides the times.
struct BenchFacts {
  const engine::Plan* plan = nullptr;
  std::int64_t batch = 1;  // of that plan
  int threads = 1;
  double load_seconds = 0;
  std::size_t arena_bytes = 0;  // of the largest batch
  bool several = false;         // precisions or numbers of threads: told with each result instead
  std::string model_sha256;
};
Json bench_facts_json(const BenchOptions& options, const BenchFacts& facts);
std::string bench_facts_text(const BenchOptions& options, const BenchFacts& facts);

// Operating system's counts of a measurement, for estimates.
EstimateWork work_of(const Measurement& measured, int threads);

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
// Says that a signal ended the work; its exit status.
int tell_partial();

// The network on random input or on tensors from files: every precision, number of threads and batch in turn.
int bench_random(const BenchOptions& options);
// Photograph to label, over and over through the folder's images.
int bench_photographs(const BenchOptions& options);

}  // namespace godwit::tools
