// Running a graph over calibration images to look at values inside it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/graph.h"
#include "engine/plan.h"
#include "engine/session.h"

namespace godwit::engine {

// The images, and how plans for them are compiled.
struct CalibrationImages {
  CompileOptions compile;  // shapes and layouts of the inputs, target, threads; `outputs` is not used
  // Hands every batch to the function: the graph's inputs in order. The same batches each time it is called.
  std::function<void(const std::function<void(std::span<const Tensor>)>&)> batches;
};

// A graph compiled for some of its values (each computed or a graph input). Throws what compile() throws.
class Observer {
 public:
  Observer(const Graph& graph, const std::vector<ValueId>& values, const CompileOptions& compile);
  ~Observer();

  // The values of one batch, in the order in which they were named and in ONNX's layout (inputs: in the
  // layout they came in); the next look overwrites them.
  std::span<const Tensor> look(std::span<const Tensor> inputs);

  // Hands every batch and its values to `each`. Throws Error when there is no batch.
  using Each = std::function<void(std::span<const Tensor> inputs, std::span<const Tensor> values)>;
  void run(const CalibrationImages& images, const Each& each);

 private:
  struct Source {
    bool is_input;
    std::size_t index;  // of the graph's input, or the plan's output
  };
  std::vector<Source> sources_;
  std::vector<Tensor> seen_;
  std::unique_ptr<Session> session_;  // null where only inputs are asked for
};

// work(i) for i in [0, count), each by one of `threads` threads, whichever is free. `work` must not throw.
void for_each_item(int threads, std::size_t count, const std::function<void(std::size_t)>& work);

// Order of the elements of a node's result, as ONNX has it: `outer` blocks of `channels` rows of `inner`
// elements. Channels are axis 1 of a tensor of rank 3 and more, else the last axis.
struct ChannelView {
  std::size_t outer = 1, channels = 1, inner = 1;
  explicit ChannelView(const Shape& shape);
};

}  // namespace godwit::engine
