// One plan, one session, and whoever wants to see what comes out.
#include "engine/observe.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "engine/session.h"
#include "runtime/error.h"
#include "runtime/threads.h"

namespace godwit::engine {

void for_each_item(int threads, std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  run_team(threads, [&](const Worker&) {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  });
}

Observer::Observer(const Graph& graph, const std::vector<ValueId>& values, const CompileOptions& compile) {
  Graph observed = graph;
  observed.outputs.clear();
  for (const ValueId id : values) {
    const auto input = std::ranges::find(graph.inputs, id);
    if (input != graph.inputs.end()) {
      sources_.push_back({true, static_cast<std::size_t>(input - graph.inputs.begin())});
      continue;
    }
    const auto known = std::ranges::find(observed.outputs, id);
    sources_.push_back({false, static_cast<std::size_t>(known - observed.outputs.begin())});
    if (known == observed.outputs.end()) observed.outputs.push_back(id);
  }
  if (observed.outputs.empty()) return;
  CompileOptions options = compile;
  options.outputs.clear();
  session_ = std::make_unique<Session>(engine::compile(observed, options),
                                       SessionOptions{.threads = options.threads});
}

Observer::~Observer() = default;

std::span<const Tensor> Observer::look(std::span<const Tensor> inputs) {
  const std::span<const Tensor> results =
      session_ == nullptr ? std::span<const Tensor>() : session_->run(inputs);
  seen_.resize(sources_.size());
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    seen_[i] = sources_[i].is_input ? inputs[sources_[i].index] : results[sources_[i].index];
  }
  return seen_;
}

void Observer::run(const CalibrationImages& images, const Each& each) {
  bool any = false;
  images.batches([&](std::span<const Tensor> inputs) {
    any = true;
    each(inputs, look(inputs));
  });
  if (!any) throw Error("there are no calibration images");
}

ChannelView::ChannelView(const Shape& shape) {
  const int rank = shape.rank(), axis = rank >= 3 ? 1 : rank - 1;
  if (rank == 0) return;
  outer = static_cast<std::size_t>(shape.product(0, axis));
  channels = static_cast<std::size_t>(shape[axis]);
  inner = static_cast<std::size_t>(shape.product(axis + 1, rank));
}

}  // namespace godwit::engine
