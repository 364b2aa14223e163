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

void observe(const Graph& graph, const std::vector<ValueId>& values, const CalibrationImages& images,
             const std::function<void(std::span<const Tensor>)>& each) {
  Graph observed = graph;
  observed.outputs.clear();
  // Where each value comes from: an input of the graph, or an output of the plan.
  struct Source {
    bool is_input;
    std::size_t index;
  };
  std::vector<Source> sources;
  for (const ValueId id : values) {
    const auto input = std::ranges::find(graph.inputs, id);
    if (input != graph.inputs.end()) {
      sources.push_back({true, static_cast<std::size_t>(input - graph.inputs.begin())});
      continue;
    }
    const auto known = std::ranges::find(observed.outputs, id);
    sources.push_back({false, static_cast<std::size_t>(known - observed.outputs.begin())});
    if (known == observed.outputs.end()) observed.outputs.push_back(id);
  }
  std::unique_ptr<Session> session;
  if (!observed.outputs.empty()) {
    CompileOptions options = images.compile;
    options.outputs.clear();
    session =
        std::make_unique<Session>(compile(observed, options), SessionOptions{.threads = options.threads});
  }
  bool any = false;
  std::vector<Tensor> seen(values.size());
  images.batches([&](std::span<const Tensor> inputs) {
    any = true;
    const std::span<const Tensor> results =
        session == nullptr ? std::span<const Tensor>() : session->run(inputs);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      seen[i] = sources[i].is_input ? inputs[sources[i].index] : results[sources[i].index];
    }
    each(seen);
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
