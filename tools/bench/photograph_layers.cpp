// Stages by what each adds to the ones before, layers by the sessions' own timers.
#include "tools/bench/photograph_layers.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/session.h"
#include "runtime/error.h"
#include "runtime/image/preprocess.h"
#include "runtime/stopwatch.h"
#include "runtime/threads.h"
#include "tools/bench/plan_facts.h"
#include "tools/bench/stage_bench.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

// Images that stages are measured on.
constexpr std::size_t kImages = 64;

// Evenly over all paths, so that their mean is that of the run.
std::vector<std::string> some_of(const std::vector<std::string>& paths) {
  std::vector<std::string> some;
  const std::size_t count = std::min(paths.size(), kImages);
  for (std::size_t i = 0; i < count; ++i) some.push_back(paths[i * paths.size() / count]);
  return some;
}

// Shares of preprocessing that add up to 1.
std::array<double, kStageNames.size()> stage_shares(const vision::ImageModel& model,
                                                    const std::vector<std::string>& paths) {
  StageBench bench(model.pipeline(), model.reading());
  StageTimes times;
  for (const std::string& path : some_of(paths)) bench.measure(path, times);
  // A stage that takes next to nothing may seem to take less than that.
  std::array<double, kStageNames.size()> shares{};
  double sum = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) sum += shares[i] = std::max(0.0, times.stage(i));
  for (double& share : shares) share = sum > 0 ? share / sum : 0;
  return shares;
}

// The objects that the loops over stages and layers run on.
struct Replayer {
  Replayer(vision::ImageModel& image_model, const std::vector<std::string>& paths)
      : model(image_model), images(some_of(paths)), first(model.plan().inputs().front().desc) {
    const auto threads = static_cast<std::size_t>(model.threads());
    for (std::size_t i = 0; i < threads; ++i)
      preprocessors.push_back(std::make_unique<image::Preprocessor>(model.pipeline(), model.reading()));
    const std::span<float> all = first.mutable_values<float>();
    size = all.size() / static_cast<std::size_t>(model.batch());
    scratch.assign(threads, std::vector<float>(size));
    for (std::size_t i = 0; i * size < all.size(); ++i)
      preprocessors[0]->run(images[i % images.size()], Layout::nhwc, all.subspan(i * size, size));
    for (int lane = 0; lane < model.lanes(); ++lane) {
      sessions.push_back(std::make_unique<engine::Session>(
          model.shared_plan(), model.session_options(model.lanes() > 1 ? 1 : model.threads())));
    }
  }

  void stop_after(image::Until until) {
    for (auto& preprocessor : preprocessors) preprocessor->stop_after(until);
  }
  // All images once; whoever is free takes the next one.
  void preprocess() {
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    run_team(model.threads(), [&](const Worker& worker) {
      const auto mine = static_cast<std::size_t>(worker.index);
      for (std::size_t i = next++; i < images.size(); i = next++) {
        try {
          preprocessors[mine]->run(images[i], Layout::nhwc, scratch[mine]);
        } catch (const std::exception&) {
          failed = true;
        }
      }
    });
    if (failed) throw Error("an image that could be read before cannot be read any more", ErrorKind::failed);
  }
  // All lanes at once.
  template <class Work>
  void on_lanes(const Work& work) {
    if (sessions.size() == 1) return work(*sessions[0]);
    run_team(static_cast<int>(sessions.size()),
             [&](const Worker& worker) { work(*sessions[static_cast<std::size_t>(worker.index)]); });
  }
  void prepare(std::size_t step) {
    on_lanes([&](engine::Session& session) {
      session.run(std::span(&first, 1));
      session.run_steps(0, step);
    });
  }

  vision::ImageModel& model;
  std::vector<std::string> images;
  Tensor first;  // the first batch
  std::size_t size = 0;
  std::vector<std::unique_ptr<image::Preprocessor>> preprocessors;
  std::vector<std::vector<float>> scratch;
  std::vector<std::unique_ptr<engine::Session>> sessions;
};

}  // namespace

TimedImage profile_photographs(vision::ImageModel& model, const std::vector<std::string>& paths,
                               const MeasureOptions& options) {
  const std::array<double, kStageNames.size()> shares = stage_shares(model, paths);
  const auto group = static_cast<std::size_t>(model.batch() * model.lanes());
  const auto run = [&](const std::function<bool(std::size_t taken)>& enough) {
    std::size_t taken = 0;
    const vision::ImageTimes times = model.run(
        [&](std::string& path) {
          if (taken % group == 0 && enough(taken)) return false;
          path = paths[taken++ % paths.size()];
          return true;
        },
        0,
        [](const vision::ImageModel::Result& image) {
          stop_if_interrupted();
          if (!image.error.empty()) throw Error(image.error);
        });
    return std::pair(times, static_cast<double>(taken));
  };
  model.set_profiling(true);
  run([&](std::size_t taken) { return taken >= 2 * group; });
  const std::vector<double> before = model.step_seconds();
  const std::clock_t cpu = std::clock();
  const Stopwatch watch;
  bool cut = false;
  const auto [times, images] = run([&](std::size_t taken) {
    return options.enough(taken / static_cast<std::size_t>(model.batch()), watch.seconds(), cut);
  });
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  const std::vector<double> after = model.step_seconds();
  model.set_profiling(false);

  TimedImage image;
  image.threads = model.threads();
  image.wall_seconds = times.total / images;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    image.parts.push_back({std::string(kStageNames[i]), shares[i] * times.preprocess / images, 1});
    image.macs.emplace_back(std::nullopt);
  }
  const std::vector<engine::Step>& steps = model.plan().steps();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    // A lane has as many threads as are not taken by the other lanes.
    const double cores = static_cast<double>(model.threads()) / model.lanes();
    image.parts.push_back({layers_of(steps[i]), (after[i] - before[i]) / images, cores});
    image.macs.emplace_back(steps[i].cost.macs / model.batch());
  }
  add_waiting(image, cpu_seconds / images);
  return image;
}

std::vector<ReplayPart> photograph_parts(vision::ImageModel& model, const std::vector<std::string>& paths) {
  const auto replayer = std::make_shared<Replayer>(model, paths);
  std::vector<ReplayPart> parts;
  for (std::size_t i = 0; i < kStageNames.size(); ++i) {
    parts.push_back(
        {{std::string(kStageNames[i]), [replayer, i] { replayer->stop_after(static_cast<image::Until>(i)); },
          [replayer] { replayer->preprocess(); }},
         static_cast<double>(replayer->images.size()),
         i > 0});
  }
  const std::vector<engine::Step>& steps = model.plan().steps();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto run = [replayer, i] {
      replayer->on_lanes([i](engine::Session& session) { session.run_steps(i, i + 1); });
    };
    parts.push_back({{layers_of(steps[i]), [replayer, i] { replayer->prepare(i); }, run},
                     static_cast<double>(model.batch()) * model.lanes(),
                     false,
                     steps[i].cost.macs / model.batch(),
                     activity_of(steps[i], model.threads(), model.lanes())});
  }
  return parts;
}

std::string timed_text(const TimedImage& image) {
  using enum Table::Align;
  const double all = image.wall_seconds * image.threads;
  double told = 0;
  Table table({{"core ms/img"}, {"share"}, {"MACs"}, {"part", left}});
  const auto add = [&](double seconds, const std::string& macs, const std::string& name) {
    table.add({fmt::format("{:.4f}", seconds * 1e3),
               fmt::format("{:.1f}%", all > 0 ? 100 * seconds / all : 0), macs, name});
  };
  for (std::size_t i = 0; i < image.parts.size(); ++i) {
    const double seconds = image.parts[i].seconds * image.parts[i].cores;
    told += seconds;
    add(seconds, image.macs[i] ? with_prefix(static_cast<double>(*image.macs[i])) : "-", image.parts[i].name);
  }
  add(std::max(0.0, all - told), "-", "unattributed");
  return fmt::format("\nper part, of the {:.4f} ms of {} for an image\n{}", all * 1e3,
                     counted(image.threads, "core"), table.to_string());
}

Json timed_json(const TimedImage& image) {
  Json parts = Json::array();
  for (std::size_t i = 0; i < image.parts.size(); ++i) {
    parts.push_back({{"name", image.parts[i].name},
                     {"core_ms", image.parts[i].seconds * image.parts[i].cores * 1e3},
                     {"macs", image.macs[i] ? Json(*image.macs[i]) : Json(nullptr)}});
  }
  return {{"wall_ms", image.wall_seconds * 1e3}, {"threads", image.threads}, {"parts", std::move(parts)}};
}

}  // namespace godwit::tools
