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

double preprocess_alone(const ImageModel& model, PictureRing& pictures) {
  image::Preprocessor preprocessor(model.pipeline(), model.reading());
  const auto side = static_cast<std::size_t>(model.pipeline().crop);
  std::vector<float> dst(3 * side * side);
  // Evenly over all paths, so that their mean is that of the run.
  const std::vector<std::string>& paths = pictures.paths();
  const std::size_t count = std::min(paths.size(), kAlonePictures);
  std::vector<std::string> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& path = paths[i * paths.size() / count];
    std::string error;
    try {
      preprocessor.run(path, Layout::nhwc, dst);
    } catch (const Error& caught) {
      error = caught.what();
    }
    if (pictures.good(path, error, error.empty() ? preprocessor.warnings() : std::vector<std::string>{})) {
      chosen.push_back(path);
    }
  }
  if (chosen.empty()) {
    throw Error(fmt::format("none of {} pictures could be read; there is nothing to measure", count));
  }
  const Stopwatch watch;
  for (const std::string& path : chosen) preprocessor.run(path, Layout::nhwc, dst);
  return watch.seconds() * 1e3 / static_cast<double>(chosen.size());
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

PictureRing::PictureRing(std::vector<std::string> paths, bool strict)
    : paths_(std::move(paths)), log_(progress_, strict) {}

std::vector<std::string> PictureRing::readable() {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> good;
  for (const std::string& path : paths_) {
    if (!bad_.contains(path)) good.push_back(path);
  }
  return good;
}

std::string PictureRing::next() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const std::string& path = paths_[next_++ % paths_.size()];
    if (!bad_.contains(path)) return path;
  }
  throw Error(fmt::format("none of {} pictures could be read", paths_.size()));
}

bool PictureRing::good(const std::string& path, const std::string& error,
                       const std::vector<std::string>& warnings) {
  const std::lock_guard lock(mutex_);
  const bool bad = !error.empty();
  std::unordered_set<std::string>& told = bad ? bad_ : warned_;
  if ((bad || !warnings.empty()) && told.insert(path).second) {
    log_.good(path, error, warnings);
    if (bad) failed_.push_back({{"file", path}, {"error", error}});
  }
  return !bad;
}

ImageBench bench_images(ImageModel& model, PictureRing& pictures, const MeasureOptions& options) {
  ImageBench result;
  result.preprocess_alone_ms = preprocess_alone(model, pictures);
  result.inference_alone_ms = inference_alone(model, options);
  result.latency.batch = model.batch();
  const auto batch = static_cast<std::size_t>(model.batch());
  std::size_t labelled = 0;
  const auto each = [&](const ImageModel::Result& picture) {
    if (pictures.good(picture.path, picture.error, picture.warnings)) {
      (void)largest(picture.probabilities, 1);
      ++labelled;
    }
    if (picture.index % batch == 0) result.latency.sorted_ms.push_back(picture.seconds * 1e3);
  };
  // Warms up: every thread makes its session and its buffers.
  const std::size_t first = 2 * batch * static_cast<std::size_t>(model.threads());
  std::size_t taken = 0;
  const auto take = [&](std::string& path) {
    path = pictures.next();
    ++taken;
    return true;
  };
  model.run([&](std::string& path) { return taken < first && take(path); }, 0, each);

  result.latency.sorted_ms.clear();
  taken = labelled = 0;
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
  result.images_per_second = static_cast<double>(labelled) / times.total;
  const double both = times.preprocess + times.inference;
  result.preprocess_share = both > 0 ? times.preprocess / both : 0;
  result.efficiency = result.images_per_second * (result.preprocess_alone_ms + result.inference_alone_ms) /
                      (1e3 * static_cast<double>(model.threads()));
  return result;
}

energy::Workload photograph_workload(ImageModel& model, PictureRing& pictures) {
  const std::int64_t count = model.batch() * model.threads();
  return {count, [&model, &pictures, count] {
            for (std::int64_t labelled = 0; labelled < count;) {
              std::int64_t left = count - labelled;
              model.run(
                  [&](std::string& path) {
                    if (left-- == 0) return false;
                    path = pictures.next();
                    return true;
                  },
                  0,
                  [&](const ImageModel::Result& picture) {
                    labelled += pictures.good(picture.path, picture.error, picture.warnings) ? 1 : 0;
                  });
            }
          }};
}

}  // namespace godwit::tools
