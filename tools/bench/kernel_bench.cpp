// Steps alone, in turns with the peak kernel.
#include "tools/bench/kernel_bench.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/session.h"
#include "ops/kernel_table.h"
#include "ops/known_ops.h"
#include "runtime/energy/protocol/correlation.h"
#include "runtime/stopwatch.h"
#include "tools/bench/measure.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

constexpr int kTurns = 9;  // of each shape: enough for a median
constexpr double kTurnSeconds = 0.004;

// Turns of the peak kernel, each long enough for the clock to settle.
class PeakMeter {
 public:
  explicit PeakMeter(Isa isa) : kernel_(ops::find_kernel(ops::families::peak, DType::f32, isa)) {
    while (turn_seconds() < kTurnSeconds) rounds_ *= 2;
  }
  // GFLOP/s, an FMA counting two.
  double measure() {
    const double flops = 2.0 * ops::kPeakChains * kernel_.info->nr * static_cast<double>(rounds_);
    return flops / turn_seconds() / 1e9;
  }

 private:
  double turn_seconds() {
    const Stopwatch watch;
    sink_ = kernel_(rounds_);
    return watch.seconds();
  }

  ops::Kernel<ops::PeakKernel> kernel_;
  std::int64_t rounds_ = 1024;
  volatile float sink_ = 0;
};

std::string key_of(const engine::Step& step) {
  std::string key =
      fmt::format("{} {} {} {}", step.op->name, step.implementation, step.kernel, step.cost.macs);
  for (const auto* descs : {&step.src_descs, &step.dst_descs}) {
    for (const TensorDesc& desc : *descs) key.append(1, ' ').append(desc.to_string());
  }
  return key;
}

void set_product(KernelBench::Row& row) {
  const engine::Step& step = *row.step;
  const Shape& dst = step.dst_descs[0].shape;
  if (step.op == &ops::op_conv() || step.op == &ops::op_quantized_conv()) {
    const Shape& weights = step.src_descs[step.op->weights].shape;
    row.rows = dst[0] * dst.product(2, dst.rank());
    row.columns = dst[1];
    row.inner = weights.product(1, weights.rank());
    if (step.src_descs[0].shape[1] != weights[1]) row.rows = row.columns = row.inner = 0;
  } else if (dst.rank() > 0) {
    row.columns = dst[dst.rank() - 1];
    row.rows = dst.elements() / std::max<std::int64_t>(row.columns, 1);
    row.inner = step.cost.macs / std::max<std::int64_t>(dst.elements(), 1);
  }
}

}  // namespace

KernelBench bench_kernels(const std::shared_ptr<const engine::Plan>& plan, double seconds) {
  KernelBench bench;
  PeakMeter peak(plan->target().isa);
  std::map<std::string, std::size_t> known;
  std::vector<double> peaks;
  engine::Session session(plan, {.threads = 1});
  std::vector<Tensor> inputs;
  for (const engine::PlanInput& input : plan->inputs())
    inputs.push_back(vision::random_tensor(input.desc, 1));
  session.run(inputs);
  for (std::size_t i = 0; i < plan->steps().size(); ++i) {
    const engine::Step& step = plan->steps()[i];
    if (step.cost.macs == 0) continue;
    const auto [found, is_new] = known.emplace(key_of(step), bench.rows.size());
    if (!is_new) {
      ++bench.rows[found->second].layers;
      continue;
    }
    KernelBench::Row row;
    row.step = &step;
    row.layers = 1;
    set_product(row);
    const auto run = [&](int times) {
      for (int t = 0; t < times; ++t) session.run_steps(i, i + 1);
    };
    int times = 1;
    for (Stopwatch watch; run(times), watch.seconds() < kTurnSeconds; watch = Stopwatch()) times *= 2;
    std::vector<double> ms, gflops, shares;
    const Stopwatch all;
    while (ms.size() < kTurns || all.seconds() < seconds) {
      stop_if_interrupted();
      peaks.push_back(peak.measure());
      const Stopwatch watch;
      run(times);
      const double once = watch.seconds() / times;
      ms.push_back(once * 1e3);
      gflops.push_back(2.0 * static_cast<double>(step.cost.macs) / once / 1e9);
      shares.push_back(gflops.back() / peaks.back());
    }
    row.ms = energy::median(ms);
    row.gflops_second = energy::median(gflops);
    row.share_of_peak = energy::median(shares);
    bench.rows.push_back(row);
  }
  bench.peak = peaks.empty() ? 0 : energy::median(peaks);
  return bench;
}

Json KernelBench::to_json() const {
  Json list = Json::array();
  for (const Row& row : rows) {
    list.push_back({{"layer", row.step->name},
                    {"layers", row.layers},
                    {"op", row.step->op->name},
                    {"implementation", row.step->implementation},
                    {"kernel", row.step->kernel},
                    {"m", row.rows},
                    {"n", row.columns},
                    {"k", row.inner},
                    {"ms", row.ms},
                    {"gflops_per_second", row.gflops_second},
                    {"share_of_peak", row.share_of_peak}});
  }
  return {{"peak_gflops_per_second", peak}, {"shapes", std::move(list)}};
}

std::string KernelBench::to_string() const {
  using enum Table::Align;
  Table table({{"layers"},
               {"M x N x K"},
               {"ms"},
               {"GFLOP/s"},
               {"of peak"},
               {"implementation", left},
               {"kernel", left},
               {"first layer", left}});
  for (const Row& row : rows) {
    table.add({fmt::format("{}", row.layers),
               row.inner > 0 ? fmt::format("{} x {} x {}", row.rows, row.columns, row.inner) : "-",
               fmt::format("{:.4f}", row.ms), fmt::format("{:.1f}", row.gflops_second),
               fmt::format("{:.1f}%", 100 * row.share_of_peak), std::string(row.step->implementation),
               row.step->kernel.empty() ? "-" : row.step->kernel, row.step->name});
  }
  return fmt::format(
      "\nkernels at the shapes of the layers, each alone on one thread; FLOPs are the layer's own, so that\n"
      "Winograd's and those that skip zeros, which need fewer, can exceed the peak\n{}peak of one core, "
      "measured in turns with them: "
      "{:.1f} GFLOP/s\n",
      table.to_string(), peak);
}

}  // namespace godwit::tools
