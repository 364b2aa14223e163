// Means of results beside means of quantised results, summed in double.
#include "engine/correct_bias.h"

#include "engine/layer_rounding.h"
#include "runtime/threads.h"

namespace godwit::engine {
namespace {

struct Shift {
  NodeId node;
  std::vector<double> sum = {};  // by channel
  double count = 0;              // of positions summed
};

void add(Shift& shift, const Tensor& reference, const Tensor& quantized) {
  const ChannelView view(reference.shape());
  const auto a = reference.values<float>(), b = quantized.values<float>();
  shift.sum.resize(view.channels, 0.0);
  for (std::size_t i = 0; i < view.outer * view.channels; ++i) {
    double sum = 0;
    for (std::size_t k = i * view.inner; k < (i + 1) * view.inner; ++k)
      sum += static_cast<double>(a[k]) - static_cast<double>(b[k]);
    shift.sum[i % view.channels] += sum;
  }
  shift.count += static_cast<double>(view.outer * view.inner);
}

}  // namespace

std::map<NodeId, std::vector<double>> correct_bias(const Graph& prepared, const QuantizationScheme& scheme,
                                                   const Quantization& quantization,
                                                   const CalibrationImages& images) {
  const SideBranches branches = branches_before_clamp(prepared, scheme, quantization);
  std::vector<Shift> shifts;
  std::vector<ValueId> values;
  for (const auto& [node, result] : branches.results) {
    if (prepared.nodes[static_cast<std::size_t>(node)].op->bias == ops::kNoOperand) continue;
    shifts.push_back({node});
    values.push_back(prepared.nodes[static_cast<std::size_t>(node)].outputs[0]);
    values.push_back(result);
  }
  std::map<NodeId, std::vector<double>> result;
  if (shifts.empty()) return result;
  Observer observer(branches.graph, values, images.compile);
  observer.run(images, [&](std::span<const Tensor>, std::span<const Tensor> tensors) {
    for_each_item(chosen_threads(images.compile.threads), shifts.size(),
                  [&](std::size_t i) { add(shifts[i], tensors[2 * i], tensors[2 * i + 1]); });
  });
  for (Shift& shift : shifts) {
    for (double& sum : shift.sum) sum /= shift.count;
    result[shift.node] = std::move(shift.sum);
  }
  return result;
}

}  // namespace godwit::engine
