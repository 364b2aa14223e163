// A timed trial: every implementation that can take a step is run inside the whole network, and the fastest
// is chosen. What comes out settles a plan once and for all; it depends on no batch and no number of threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "engine/plan.h"

namespace godwit::engine {

struct TrialOptions {
  // Tensors to run on, one for each input of the plan that it gets. Not called where time_steps is set.
  std::function<std::vector<Tensor>(const Plan&)> inputs;
  // An implementation takes the place of the one that the op would choose only where it is faster by this
  // part of that one's time: less is noise.
  double margin = 0.03;
  // After every implementation was run once, rounds go on for so long, within these numbers.
  double seconds = 5;
  int min_rounds = 3, max_rounds = 12;
  std::function<void()> after_round = {};  // 1 + max_rounds times at most
  // Seconds that each step takes in one run of this plan, by index. Empty: run and timed on one thread.
  std::function<std::vector<double>(const std::shared_ptr<const Plan>&)> time_steps = {};
};

struct Trial {
  // One for every step that was tried, also where the choice stayed what it was.
  Choices choices;
  // The choices of the ops' estimates, by the same names.
  std::map<std::string, std::string> by_estimate;
  std::size_t kinds = 0;      // of steps that do the same work, which are tried together
  double seconds_before = 0;  // of the tried steps with the ops' own choices, for one image
  double seconds_after = 0;   // with these choices
  // Steps with another implementation than the op's own choice.
  std::size_t changed() const;
};

// Tries the steps of `graph` compiled with `options`, whose choices are left out: on one thread, one image
// where the model treats those of a batch apart, and otherwise in the shapes given. Steps that do the same
// work share a choice; one that only a single implementation can take is not tried (the scalar reference
// counts where there is nothing else), nor is one whose name another step has. Each turn of an implementation
// is one of the whole network, in which caches are as they will be; the least time of each step counts.
// Holds the weights of all of them packed. Throws what compile() throws.
Trial run_trial(const Graph& graph, const CompileOptions& options, const TrialOptions& trial);

}  // namespace godwit::engine
