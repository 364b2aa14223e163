// Two runs over the calibration images: extremes, then histograms.
#include "engine/calibrate.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/threads.h"

namespace godwit::engine {

std::map<ValueId, ActivationScale> calibrate(const Graph& graph, const std::vector<ValueId>& values,
                                             const CalibrationImages& images,
                                             const CalibrationMethod& method) {
  const int threads = chosen_threads(images.compile.threads);
  std::vector<Extremes> extremes(values.size());
  Observer observer(graph, values, images.compile);
  observer.run(images, [&](std::span<const Tensor>, std::span<const Tensor> tensors) {
    for_each_item(threads, values.size(),
                  [&](std::size_t i) { extremes[i].add(tensors[i].values<float>()); });
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (extremes[i].finite) continue;
      throw Error(
          fmt::format("'{}' is NaN or infinite on a calibration image; expected a model whose "
                      "activations are finite on these images",
                      graph.value(values[i]).name));
    }
  });
  for (Extremes& seen : extremes) {
    if (seen.low > seen.high) seen.low = seen.high = 0;  // a tensor without elements
  }
  std::map<ValueId, ActivationScale> scales;
  if (method.clip == ClipMethod::minmax) {
    for (std::size_t i = 0; i < values.size(); ++i)
      scales[values[i]] = scale_of({extremes[i].low, extremes[i].high});
    return scales;
  }
  std::vector<Histogram> histograms;
  for (const Extremes& seen : extremes) histograms.emplace_back(seen.low, seen.high);
  observer.run(images, [&](std::span<const Tensor>, std::span<const Tensor> tensors) {
    for_each_item(threads, values.size(),
                  [&](std::size_t i) { histograms[i].add(tensors[i].values<float>()); });
  });
  for (std::size_t i = 0; i < values.size(); ++i) {
    scales[values[i]] = scale_of(histograms[i].range(method.clip, method.percentile));
  }
  return scales;
}

}  // namespace godwit::engine
