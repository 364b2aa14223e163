// The parts alone, the whole, and the parts again.
#include "tools/bench/bench_images.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/session.h"
#include "runtime/error.h"
#include "runtime/image/preprocess.h"
#include "runtime/stopwatch.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"
#include "tools/vision/labels.h"
#include "tools/vision/random_input.h"

namespace godwit::tools {
namespace {

// Images that preprocessing alone is measured on.
constexpr std::size_t kAloneImages = 128;

// Both parts on one thread with nothing beside them, measured as often as asked: before the whole and after
// it, so that a machine that gets slower or faster meanwhile does so for the parts as well.
class PartsAlone {
 public:
  // Finds images that can be read, evenly over all paths, so that their mean is that of the run.
  PartsAlone(const vision::ImageModel& model, ImageRing& images)
      : preprocessor_(model.pipeline(), model.reading()),
        pixels_(model.pipeline().elements()),
        plan_(model.shared_plan()),
        batch_(model.batch()),
        session_options_(model.session_options(1)) {
    const std::vector<std::string>& paths = images.paths();
    const std::size_t count = std::min(paths.size(), kAloneImages);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& path = paths[i * paths.size() / count];
      std::string error;
      try {
        preprocessor_.run(path, Layout::nhwc, pixels_);
      } catch (const Error& caught) {
        error = caught.what();
      }
      const bool whole = error.empty();
      if (images.good(path, error, whole ? preprocessor_.warnings() : std::vector<std::string>{})) {
        chosen_.push_back(path);
      }
    }
    if (chosen_.empty()) {
      throw Error(
          fmt::format("none of {} could be read; there is nothing to measure", counted(count, "image")));
    }
  }

  void measure_both(const MeasureOptions& options) {
    const Stopwatch watch;
    for (const std::string& path : chosen_) preprocessor_.run(path, Layout::nhwc, pixels_);
    preprocess_ms_ += watch.seconds() * 1e3 / static_cast<double>(chosen_.size());
    MeasureOptions half;
    half.seconds = std::min(options.seconds / 2, 1.0);
    half.min_repetitions = (options.min_repetitions + 1) / 2;
    half.max_seconds = options.max_seconds / 2;
    engine::Session session(plan_, session_options_);  // not kept: its memory is none of the whole's
    const Tensor src = vision::random_tensor(plan_->inputs().front().desc, 1);
    const Measurement inference = measure(half, batch_, [&] { session.run(std::span(&src, 1)); });
    inference_ms_ += inference.mean_ms() / static_cast<double>(batch_);
    ++times_;
  }

  // Means of all measurements, for one image.
  double preprocess_ms() const { return preprocess_ms_ / times_; }
  double inference_ms() const { return inference_ms_ / times_; }

 private:
  image::Preprocessor preprocessor_;
  std::vector<float> pixels_;
  std::shared_ptr<const engine::Plan> plan_;
  std::int64_t batch_;
  engine::SessionOptions session_options_;
  std::vector<std::string> chosen_;
  double preprocess_ms_ = 0, inference_ms_ = 0, times_ = 0;
};

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
      "photograph to label, {}, batch {}\n"
      "rate       {:.2f} images/s over {:.2f} s\n"
      "latency    {:.2f} ms median, {:.2f} ms 99 % (a batch, from its first photograph on)\n"
      "share      decode and preprocess {:.1f}%, inference {:.1f}% of the cores' time\n"
      "alone      {:.3f} ms decode and preprocess + {:.3f} ms inference an image on 1 thread;\n"
      "           the rate is {:.3f} of what {} of that would give\n",
      counted(threads, "thread"), latency.batch, images_per_second, latency.seconds, latency.median_ms(),
      quantile_of(latency.sorted_ms, 0.99), 100 * preprocess_share, 100 * (1 - preprocess_share),
      preprocess_alone_ms, inference_alone_ms, efficiency, counted(threads, "thread"));
}

ImageRing::ImageRing(std::vector<std::string> paths, bool strict)
    : paths_(std::move(paths)), log_(progress_, strict) {}

std::vector<std::string> ImageRing::readable() {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> good;
  for (const std::string& path : paths_) {
    if (!bad_.contains(path)) good.push_back(path);
  }
  return good;
}

std::string ImageRing::next() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const std::string& path = paths_[next_++ % paths_.size()];
    if (!bad_.contains(path)) return path;
  }
  throw Error("nothing is left to measure: " + failed_text(),
              nonfinite() > 0 ? ErrorKind::failed : ErrorKind::bad_input);
}

bool ImageRing::good(const std::string& path, const std::string& error,
                     const std::vector<std::string>& warnings, bool nonfinite) {
  const std::lock_guard lock(mutex_);
  const bool bad = !error.empty();
  std::unordered_set<std::string>& told = bad ? bad_ : warned_;
  if ((bad || !warnings.empty()) && told.insert(path).second) {
    log_.good(path, error, warnings);
    if (bad) failed_.push_back({path, error, nonfinite});
  }
  return !bad;
}

std::size_t ImageRing::nonfinite() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(failed_, [](const Bad& bad) { return bad.nonfinite; }));
}

std::string ImageRing::failed_text() const {
  const std::size_t infinite = nonfinite(), unreadable = failed_.size() - infinite;
  std::string text;
  if (unreadable > 0) text = fmt::format("{} could not be read", counted(unreadable, "image"));
  if (infinite > 0) {
    text += fmt::format("{}the scores of {} are not finite", text.empty() ? "" : ", ",
                        counted(infinite, "image"));
  }
  return text;
}

Json ImageRing::failed_json() const {
  Json json = Json::array();
  for (const Bad& image : failed_) json.push_back({{"file", image.path}, {"error", image.error}});
  return json;
}

ImageBench bench_images(vision::ImageModel& model, ImageRing& images, const MeasureOptions& options) {
  ImageBench result;
  model.tune();
  result.latency.schedule = name_of(model.schedule());
  PartsAlone alone(model, images);
  alone.measure_both(options);
  result.latency.batch = model.batch();
  const auto batch = static_cast<std::size_t>(model.batch());
  std::size_t labelled = 0;
  const auto each = [&](const vision::ImageModel::Result& image) {
    if (images.good(image.path, image.error, image.warnings, image.nonfinite)) {
      (void)vision::largest(image.probabilities, 1);
      ++labelled;
    }
    if (image.index % batch == 0) result.latency.sorted_ms.push_back(image.seconds * 1e3);
  };
  // Warms up: every thread makes its session and its buffers.
  const std::size_t first = 2 * batch * static_cast<std::size_t>(model.threads());
  std::size_t taken = 0;
  const auto take = [&](std::string& path) {
    path = images.next();
    ++taken;
    return true;
  };
  model.run(
      [&](std::string& path) {
        stop_if_interrupted();
        return taken < first && take(path);
      },
      0, each);

  result.latency.sorted_ms.clear();
  taken = labelled = 0;
  const std::clock_t cpu_before = std::clock();
  const Stopwatch watch;
  const vision::ImageTimes times = model.run(
      [&](std::string& path) {
        const std::size_t batches = taken / batch;
        // Whole rounds of batches, one for each thread, so that none is left alone at the end.
        const bool enough = taken % (batch * static_cast<std::size_t>(model.threads())) == 0 &&
                            options.enough(batches, watch.seconds(), result.latency.cut);
        return !enough && !(interrupted() && taken > 0) && take(path);
      },
      0, each);
  result.latency.cpu_seconds = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
  result.latency.set_times(std::move(result.latency.sorted_ms));
  result.latency.seconds = times.total;
  result.images_per_second = static_cast<double>(labelled) / times.total;
  if (!interrupted()) alone.measure_both(options);
  result.preprocess_alone_ms = alone.preprocess_ms();
  result.inference_alone_ms = alone.inference_ms();
  const double both = times.preprocess + times.inference;
  result.preprocess_share = both > 0 ? times.preprocess / both : 0;
  result.efficiency = result.images_per_second * (result.preprocess_alone_ms + result.inference_alone_ms) /
                      (1e3 * static_cast<double>(model.threads()));
  return result;
}

energy::Workload photograph_workload(vision::ImageModel& model, ImageRing& images) {
  const std::int64_t count = model.batch() * model.threads();
  return {count, [&model, &images, count] {
            for (std::int64_t labelled = 0; labelled < count;) {
              std::int64_t left = count - labelled;
              model.run(
                  [&](std::string& path) {
                    if (left-- == 0) return false;
                    path = images.next();
                    return true;
                  },
                  0,
                  [&](const vision::ImageModel::Result& image) {
                    labelled += images.good(image.path, image.error, image.warnings, image.nonfinite) ? 1 : 0;
                  });
            }
          }};
}

}  // namespace godwit::tools
