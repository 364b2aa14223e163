// The micro-kernels of a plan at the shapes of its layers, against the peak of the core they run on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "tools/report/json.h"

namespace godwit::tools {

struct KernelBench {
  // Layers that run the same implementation and kernel on the same shapes.
  struct Row {
    const engine::Step* step = nullptr;  // the first of them
    int layers = 0;
    std::int64_t rows = 0, columns = 0, inner = 0;  // M × N × K of the product; 0 for depthwise ones
    double ms = 0;                                  // of one run, median
    double gflops_second = 0;                       // 2 · the layer's MACs / time, median
    double share_of_peak = 0;                       // of the peak measured right before, median
  };
  double peak = 0;  // GFLOP/s of one core, median of all that were measured
  std::vector<Row> rows;

  Json to_json() const;
  std::string to_string() const;
};

// Runs each distinct step that multiplies alone on one thread, for about `seconds` each. It takes turns of a
// few milliseconds with the peak kernel of the same ISA. A noisy machine slows both; their ratio stays.
KernelBench bench_kernels(const std::shared_ptr<const engine::Plan>& plan, double seconds);

}  // namespace godwit::tools
