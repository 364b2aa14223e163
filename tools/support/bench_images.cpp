// The parts alone, then the whole.
#include "tools/support/bench_images.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::tools {
namespace {

// Pictures that preprocessing alone is measured on.
constexpr std::size_t kAlonePictures = 128;

double preprocess_alone(const ImageModel& model, const std::vector<std::string>& paths) {
  image::Preprocessor preprocessor(model.pipeline(), model.reading());
  const auto side = static_cast<std::size_t>(model.pipeline().crop);
  std::vector<float> dst(3 * side * side);
  // Evenly over all paths, so that their mean is that of the run.
  const std::size_t count = std::min(paths.size(), kAlonePictures);
  const auto all = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      preprocessor.run(paths[i * paths.size() / count], Layout::nhwc, dst);
    }
  };
  all();
  const Stopwatch watch;
  all();
  return watch.seconds() * 1e3 / static_cast<double>(count);
}

double inference_alone(const ImageModel& model, const MeasureOptions& options) {
  engine::Session session(model.shared_plan(), {1, false});
  const Tensor src = random_tensor(model.plan().inputs().front().desc, 1);
  const Measurement measurement = measure({std::min(options.seconds, 2.0), options.min_repetitions},
                                          model.batch(), [&] { session.run(std::span(&src, 1)); });
  return measurement.mean_ms() / static_cast<double>(model.batch());
}

}  // namespace

Json ImageBench::to_json() const {
  Json json = latency.to_json();
  json["images_per_second"] = images_per_second;
  json["preprocess_share"] = preprocess_share;
  json["preprocess_alone_ms"] = preprocess_alone_ms;
  json["inference_alone_ms"] = inference_alone_ms;
  json["efficiency"] = efficiency;
  return json;
}

std::string ImageBench::to_string(int threads) const {
  return fmt::format(
      "photograph to label, {} threads, batch {}\n"
      "rate       {:.2f} images/s over {:.2f} s\n"
      "latency    {:.2f} ms median, {:.2f} ms 99 % (a batch, from its first photograph on)\n"
      "share      decode and preprocess {:.1f}%, inference {:.1f}% of the cores' time\n"
      "alone      {:.3f} ms decode and preprocess + {:.3f} ms inference an image on 1 thread;\n"
      "           the rate is {:.3f} of what {} threads of that would give\n",
      threads, latency.batch, images_per_second, latency.seconds, latency.median_ms(),
      quantile_of(latency.sorted_ms, 0.99), 100 * preprocess_share, 100 * (1 - preprocess_share),
      preprocess_alone_ms, inference_alone_ms, efficiency, threads);
}

ImageBench bench_images(ImageModel& model, const std::vector<std::string>& paths,
                        const MeasureOptions& options) {
  ImageBench result;
  result.preprocess_alone_ms = preprocess_alone(model, paths);
  result.inference_alone_ms = inference_alone(model, options);
  result.latency.batch = model.batch();
  const auto batch = static_cast<std::size_t>(model.batch());
  const auto each = [&](const ImageModel::Result& picture) {
    if (!picture.error.empty()) throw Error(picture.error);
    (void)largest(picture.probabilities, 1);
    if (picture.index % batch == 0) result.latency.sorted_ms.push_back(picture.seconds * 1e3);
  };
  // Warms up: every thread makes its session and its buffers.
  const std::size_t first = 2 * batch * static_cast<std::size_t>(model.threads());
  std::size_t taken = 0;
  const auto take = [&](std::string& path) {
    path = paths[taken++ % paths.size()];
    return true;
  };
  model.run([&](std::string& path) { return taken < first && take(path); }, 0, each);

  result.latency.sorted_ms.clear();
  taken = 0;
  const std::clock_t cpu_before = std::clock();
  const Stopwatch watch;
  const ImageTimes times = model.run(
      [&](std::string& path) {
        const std::size_t batches = taken / batch;
        // Whole rounds of batches, one for each thread, so that none is left alone at the end.
        const bool enough = watch.seconds() >= options.seconds &&
                            batches >= static_cast<std::size_t>(options.min_repetitions) &&
                            taken % (batch * static_cast<std::size_t>(model.threads())) == 0;
        return !enough && take(path);
      },
      0, each);
  result.latency.cpu_seconds = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
  std::ranges::sort(result.latency.sorted_ms);
  result.latency.seconds = times.total;
  result.images_per_second = static_cast<double>(taken) / times.total;
  const double both = times.preprocess + times.inference;
  result.preprocess_share = both > 0 ? times.preprocess / both : 0;
  result.efficiency = result.images_per_second * (result.preprocess_alone_ms + result.inference_alone_ms) /
                      (1e3 * static_cast<double>(model.threads()));
  return result;
}

}  // namespace godwit::tools
