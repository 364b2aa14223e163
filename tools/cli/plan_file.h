// A plan file: the implementations that a timed trial chose for a model, and what they hold for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/choices.h"
#include "engine/plan.h"

namespace godwit::tools {

// The key that a plan was made for; it holds for nothing else. Another model has other layers. Another
// instruction set, version or shape has other fastest implementations.
struct PlanKey {
  std::string version;  // of godwit
  std::string model;    // SHA-256, see model_digest()
  std::string isa;
  std::map<std::string, std::vector<std::int64_t>>
      inputs;                                // shapes for one image: a first dimension counts as 1
  std::vector<std::string> outputs;          // asked for by name; empty: the model's own
  std::vector<std::string> disabled_passes;  // sorted
  int stop_after = -1;                       // -1: all passes run
  std::vector<std::string> without = {};     // implementations left out; sorted
};

struct PlanFile {
  PlanKey key;
  std::string cpu;   // that was timed
  std::string date;  // "2026-11-21", UTC
  // With the precision of the model as it was compiled.
  engine::Choices choices = {};
  std::map<std::string, std::string> by_estimate = {};  // what would run without the plan, by the same names
};

// SHA-256 of the model's file; where weights lie in files of their own, that of the digests of all files, the
// model's first, the others as their paths sort. Throws Error naming the path.
std::string model_digest(const std::string& path, const engine::Graph& graph);

// The key of compiling this model with these options.
PlanKey plan_key(const std::string& digest, const engine::CompileOptions& options);

// "2026-11-21", today in UTC.
std::string today();

// The JSON text of a plan file, on lines that people can read.
std::string plan_text(const PlanFile& plan);

// Reads a plan file. Throws Error naming the path: more than 16 MiB, not JSON, of another format, a field
// that is absent or of the wrong type, a layer named twice.
PlanFile read_plan(const std::string& path);

// Throws Error, naming the plan's path and what to do, unless both keys are the same.
void require_same_key(const PlanKey& plan, const PlanKey& wanted, const std::string& path);

// Throws Error when something other than a plan file stands at `path`, which writing a plan would destroy.
void require_no_other_file(const std::string& path);

}  // namespace godwit::tools
