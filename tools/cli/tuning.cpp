// The trial with its progress on stderr, and the way of a plan file into the compiler.
#include "tools/cli/tuning.h"

#include <fmt/format.h>
#include <set>

#include "engine/session.h"
#include "engine/trial.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/output_file.h"
#include "runtime/stopwatch.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/model.h"
#include "tools/cli/plan_file.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/text.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

engine::Choices choices_from(const std::string& path, const PlanKey& key) {
  PlanFile plan = read_plan(path);
  require_same_key(plan.key, key, path);
  if (plan.cpu != cpu_model()) {
    message(fmt::format("'{}' was timed on {}, this is {}: the results are the same, the times may not be",
                        path, plan.cpu, cpu_model()));
  }
  return std::move(plan.choices);
}

void tell(const engine::Trial& trial, double seconds, const std::string& path) {
  if (trial.choices.steps.empty()) {
    message(fmt::format("no layer can be run in more than one way; '{}' says so", path));
    return;
  }
  message(
      fmt::format("tried {} of {} in {:.1f} s: {} changed; on one thread all of them take {:.2f} ms instead "
                  "of {:.2f} ms; written to '{}'",
                  counted(trial.choices.steps.size(), "layer"), counted(trial.kinds, "kind"), seconds,
                  trial.changed(), trial.seconds_after * 1e3, trial.seconds_before * 1e3, path));
}

// Tries the schedules of the plan's batch on these threads and on one, as the sessions of many images have
// it.
std::vector<engine::ScheduleChoice> tried_schedules(const std::shared_ptr<const engine::Plan>& plan,
                                                    int threads) {
  std::vector<engine::ScheduleChoice> choices;
  for (const int each : std::set<int>{threads, 1}) {
    if (engine::possible_schedules(*plan, each).size() == 1) continue;
    engine::Session session(plan, {.threads = each});
    choices.push_back(session.tune(vision::random_inputs(*plan)));
    message(fmt::format("a batch of {} is divided {} on {}", choices.back().images,
                        name_of(choices.back().schedule), counted(each, "thread")));
  }
  return choices;
}

engine::Choices tuned(const engine::Graph& graph, const std::string& path, const PlanKey& key,
                      engine::CompileOptions options, int threads) {
  require_no_other_file(path);
  OutputFile file(path);  // before the trial: what cannot be written is told at once
  message("timing every implementation of every layer on one thread; other work on this machine disturbs");
  engine::TrialOptions trial_options;
  trial_options.inputs = vision::random_inputs;
  const Stopwatch watch;
  engine::Trial trial;
  {
    Progress progress("rounds", static_cast<std::size_t>(trial_options.max_rounds) + 1);
    trial_options.after_round = [&] {
      progress.advance();
      stop_if_interrupted();
    };
    trial = engine::run_trial(graph, options, trial_options);
  }
  options.choices = trial.choices;
  trial.choices.schedules = tried_schedules(engine::compile(graph, options), threads);
  const std::string text = plan_text({key, cpu_model(), today(), trial.choices, trial.by_estimate});
  file.write(text);
  file.commit();
  tell(trial, watch.seconds(), path);
  return std::move(trial.choices);
}

}  // namespace

vision::Compiled compile_model(const engine::Graph& graph, const std::string& path,
                               const EngineOptions& engine, engine::CompileOptions options) {
  stop_if_interrupted();  // reading a model may have taken long
  const Stopwatch all;
  double trial_seconds = 0;
  if (!engine.plan.empty()) {
    options.choices = choices_from(engine.plan, plan_key(model_digest(path, graph), options));
  } else if (!engine.tune.empty()) {
    const Stopwatch watch;
    options.choices = tuned(graph, engine.tune, plan_key(model_digest(path, graph), options), options,
                            engine.thread_count());
    trial_seconds = watch.seconds();
  }
  tell_warnings(graph, path);
  const auto compile = [&] { return engine::compile(graph, options); };
  vision::Compiled result;
  result.plan = engine.plan.empty()
                    ? compile()
                    : with_context([&] { return fmt::format("with plan '{}'", engine.plan); }, compile);
  result.seconds = all.seconds() - trial_seconds;
  for (const std::string& note : result.plan->notes()) message(note);
  stop_if_interrupted();
  return result;
}

}  // namespace godwit::tools
