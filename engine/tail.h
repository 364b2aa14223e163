// The end of a graph that no plan can hold: nodes whose results only run time tells, and all behind them.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/graph.h"

namespace godwit::engine {

// Runs node by node (Interpreter) on what the steps of a plan leave.
struct DynamicTail {
  struct Output {
    bool from_tail = false;
    std::size_t index = 0;  // of the steps' outputs, or of the tail's graph's
  };
  Graph graph;
  std::vector<std::size_t> inputs;  // the steps' output that each input of the graph is
  std::vector<Output> outputs;      // of the whole, in order
};

// Takes the tail out of a graph whose shapes are inferred as far as they can be; the graph then computes what
// is left of its outputs and what the tail reads. Nothing where all can be planned.
std::optional<DynamicTail> split_tail(Graph& graph);

}  // namespace godwit::engine
