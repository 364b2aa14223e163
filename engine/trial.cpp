// Plans of the same model that differ in the implementations they force run in turns, and every step's least
// time is kept.
#include "engine/trial.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>

#include "engine/session.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Two runs in each turn: the first one finds the other plan's weights in the caches.
constexpr int kRunsPerTurn = 2;
// After the first round an implementation that takes so many times as long as the best is out.
constexpr double kHopeless = 1.5;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Contender {
  std::string implementation;
  std::vector<double> least;  // seconds of each step of the kind
  bool dropped = false;

  double seconds() const {
    double sum = 0;
    for (const double each : least) sum += each;
    return sum / static_cast<double>(least.size());
  }
};

// Steps that do the same work, and what can do it; the op's own choice comes first.
struct Kind {
  std::vector<std::size_t> steps;
  std::vector<Contender> contenders;

  // The contender of the given turn: the op's own choice where there are not as many.
  std::size_t at(std::size_t turn) const {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      if (!contenders[i].dropped && turn-- == 0) return i;
    }
    return 0;
  }
  std::size_t turns() const {
    return static_cast<std::size_t>(std::ranges::count(contenders, false, &Contender::dropped));
  }
};

// The plan for one image of each input, where images are treated apart and the model does not fix their
// number.
std::shared_ptr<const Plan> for_one_image(std::shared_ptr<const Plan> plan) {
  if (plan->images() <= 1) return plan;
  std::map<std::string, Shape> shapes;
  for (const PlanInput& input : plan->inputs()) {
    Shape shape = input.desc.shape;
    shape[0] = 1;
    shapes[input.name] = shape;
  }
  try {
    return plan->with_shapes(shapes);
  } catch (const Error&) {
    return plan;
  }
}

std::vector<Contender> contenders_of(const Step& step) {
  std::vector<Contender> contenders;
  for (const ops::Candidate& candidate : step.candidates) {
    if (!candidate.rejected.empty()) continue;
    // The reference, the last, is there to be right and not to be fast.
    if (candidate.implementation == "reference" && !contenders.empty()) continue;
    contenders.push_back({std::string(candidate.implementation), {}, false});
    if (candidate.chosen) std::rotate(contenders.begin(), contenders.end() - 1, contenders.end());
  }
  return contenders;
}

std::vector<Kind> kinds_of(const Plan& plan) {
  std::map<std::string, int> named;
  for (const Step& step : plan.steps()) ++named[step.name];
  std::vector<Kind> kinds;
  std::map<std::string, std::size_t> by_signature;
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const Step& step = plan.steps()[i];
    if (named[step.name] > 1) continue;
    std::vector<Contender> contenders = contenders_of(step);
    if (contenders.size() < 2) continue;
    const auto [found, added] = by_signature.emplace(step.signature, kinds.size());
    if (added) kinds.push_back({{}, std::move(contenders)});
    Kind& kind = kinds[found->second];
    kind.steps.push_back(i);
    for (Contender& contender : kind.contenders)
      contender.least.push_back(std::numeric_limits<double>::infinity());
  }
  return kinds;
}

// Runs plans on one thread; each one's session is kept.
class StepTimer {
 public:
  explicit StepTimer(std::vector<Tensor> inputs) : inputs_(std::move(inputs)) {}

  std::vector<double> operator()(const std::shared_ptr<const Plan>& plan) {
    std::unique_ptr<Session>& session = sessions_[plan];
    if (session == nullptr) {
      session = std::make_unique<Session>(plan, SessionOptions{.threads = 1, .profile = true});
    }
    session->reset_profile();
    session->run(inputs_);
    std::vector<double> seconds;
    for (const StepTime& time : session->profile()) seconds.push_back(time.seconds);
    return seconds;
  }

 private:
  std::vector<Tensor> inputs_;
  std::map<std::shared_ptr<const Plan>, std::unique_ptr<Session>> sessions_;
};

using TimeSteps = std::function<std::vector<double>(const std::shared_ptr<const Plan>&)>;

class Rounds {
 public:
  Rounds(const Plan& base, std::vector<Kind>& kinds, const TimeSteps& time_steps)
      : base_(base), kinds_(kinds), time_steps_(time_steps) {
    make_plans();
  }

  // A turn of every plan.
  void run() {
    for (std::size_t turn = 0; turn < plans_.size(); ++turn) {
      for (int i = 0; i < kRunsPerTurn; ++i) note(turn, time_steps_(plans_[turn]));
    }
  }

  // Drops contenders without hope, and from then on runs without them.
  void drop_slow() {
    for (Kind& kind : kinds_) {
      double best = std::numeric_limits<double>::infinity();
      for (const Contender& contender : kind.contenders) best = std::min(best, contender.seconds());
      for (std::size_t i = 1; i < kind.contenders.size(); ++i)
        kind.contenders[i].dropped = kind.contenders[i].seconds() > kHopeless * best;
    }
    make_plans();
  }

  bool open() const { return plans_.size() > 1; }

 private:
  void make_plans() {
    std::size_t turns = 0;
    for (const Kind& kind : kinds_) turns = std::max(turns, kind.turns());
    plans_.clear();
    for (std::size_t turn = 0; turn < turns; ++turn) {
      Choices choices;
      for (const Kind& kind : kinds_) {
        for (const std::size_t step : kind.steps)
          choices.steps[base_.steps()[step].name] = {kind.contenders[kind.at(turn)].implementation};
      }
      plans_.push_back(base_.with_choices(choices));
    }
  }

  void note(std::size_t turn, const std::vector<double>& seconds) {
    for (Kind& kind : kinds_) {
      if (turn >= kind.turns()) continue;  // as many runs for each contender
      Contender& contender = kind.contenders[kind.at(turn)];
      for (std::size_t i = 0; i < kind.steps.size(); ++i)
        contender.least[i] = std::min(contender.least[i], seconds.at(kind.steps[i]));
    }
  }

  const Plan& base_;
  std::vector<Kind>& kinds_;
  const TimeSteps& time_steps_;
  std::vector<std::shared_ptr<const Plan>> plans_;
};

// The fastest, if it beats the op's own choice by the margin.
const Contender& winner(const Kind& kind, double margin) {
  const auto& all = kind.contenders;
  const auto best = std::ranges::min_element(all, {}, &Contender::seconds);
  return best->seconds() < (1 - margin) * all.front().seconds() ? *best : all.front();
}

Trial result_of(const Plan& base, const std::vector<Kind>& kinds, double margin) {
  Trial result;
  result.choices.precision = base.precision();
  result.kinds = kinds.size();
  for (const Kind& kind : kinds) {
    const Contender& chosen = winner(kind, margin);
    const auto count = static_cast<double>(kind.steps.size());
    result.seconds_before += count * kind.contenders.front().seconds();
    result.seconds_after += count * chosen.seconds();
    Choice choice{chosen.implementation};
    for (const Contender& contender : kind.contenders)
      choice.seconds[contender.implementation] = contender.seconds();
    for (const std::size_t step : kind.steps) {
      result.choices.steps[base.steps()[step].name] = choice;
      result.by_estimate[base.steps()[step].name] = kind.contenders.front().implementation;
    }
  }
  return result;
}

}  // namespace

std::size_t Trial::changed() const {
  return static_cast<std::size_t>(std::ranges::count_if(choices.steps, [&](const auto& each) {
    return by_estimate.at(each.first) != each.second.implementation;
  }));
}

Trial run_trial(const Graph& graph, const CompileOptions& options, const TrialOptions& trial) {
  CompileOptions own = options;
  own.choices = {};
  const std::shared_ptr<const Plan> base = for_one_image(compile(graph, own));
  std::vector<Kind> kinds = kinds_of(*base);
  if (kinds.empty()) return result_of(*base, kinds, trial.margin);

  TimeSteps time_steps = trial.time_steps;
  if (!time_steps)
    time_steps = [timer = std::make_shared<StepTimer>(trial.inputs(*base))](const auto& plan) {
      return (*timer)(plan);
    };
  const auto after_round = [&] {
    if (trial.after_round) trial.after_round();
  };
  Rounds rounds(*base, kinds, time_steps);
  rounds.run();
  after_round();
  rounds.drop_slow();
  const Clock::time_point begin = Clock::now();
  for (int round = 0; rounds.open() && round < trial.max_rounds; ++round) {
    if (round >= trial.min_rounds && seconds_since(begin) > trial.seconds) break;
    rounds.run();
    after_round();
  }
  return result_of(*base, kinds, trial.margin);
}

}  // namespace godwit::engine
