// A pass rewrites a graph or leaves it alone; all passes stand in one ordered list.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "ops/implementation.h"

namespace godwit::engine {

// Report of a pass, for explain: a line for each rewrite, and for each near miss worth knowing the reason.
struct PassLog {
  int rewrites = 0;
  std::vector<std::string> lines;
};

// The arithmetic of the layers that multiply. `automatic`: what the model was made for, 8-bit numbers where
// it is quantised, 16-bit floats where it stores those, and f32 elsewhere. bf16 and f16: weights and the
// tensors between layers are stored so, sums are f32.
enum class Precision : std::uint8_t { automatic, f32, int8, bf16, f16 };
std::string_view name_of(Precision precision);
// The 16-bit float of that name; nullopt for the others.
std::optional<DType> stored_dtype(Precision precision);

struct Choices;  // engine/choices.h

struct PassContext {
  const ops::Target& target;
  PassLog& log;
  ops::WeightCache* weights = nullptr;  // where packed weights are shared; null: nothing is packed ahead
  int threads = 1;                      // that pack them
  Precision precision = Precision::automatic;
  const Choices* choices = nullptr;  // of implementations, where they differ from the ops' own
};

struct Pass {
  std::string_view name;  // verb_what, the name of its file
  std::string_view sentence;
  void (*run)(Graph& graph, PassContext& context);
  // True: it needs every shape known, so it runs only after the inputs' shapes are bound.
  bool needs_shapes = false;
};

// THE list, in the order in which passes run.
std::span<const Pass> pipeline();

struct PipelineOptions {
  std::vector<std::string> disabled = {};  // names of passes to leave out; unknown names throw Error
  int stop_after = -1;                     // run only so many passes (-1: all); bisects a miscompile
  bool shapes_bound = true;                // false: only passes that do not need shapes
  ops::WeightCache* weights = nullptr;     // for prepack_weights
  int threads = 1;                         // for prepack_weights
  Precision precision = Precision::automatic;
  const Choices* choices = nullptr;  // PassContext::choices
};

struct PassReport {
  std::string_view name;
  PassLog log;
};

// Runs the list on the graph, verify() after each pass. The report has one entry per pass that ran.
std::vector<PassReport> run_pipeline(Graph& graph, const ops::Target& target, const PipelineOptions& options);

}  // namespace godwit::engine
