// Joules of layers: shared out by time, or measured one by one.
#include "tools/bench/energy_layers.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/cpu.h"
#include "tools/bench/plan_facts.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

// Joules of one image: net where idle power is known, else gross.
double joules_per_image(const energy::EnergyResult& result) {
  const double joules = result.energy.net ? result.energy.net->value() : result.energy.gross.value();
  return result.images > 0 ? joules / static_cast<double>(result.images) : 0;
}

}  // namespace

TimedImage timed_image(const LayerProfile& profile) {
  const auto batch = static_cast<double>(profile.batch);
  // Time of a layer by the first thread's clock is told for all threads that were awake.
  const double awake =
      std::clamp(profile.wall_ms > 0 ? profile.cpu_ms / profile.wall_ms : 1.0, 0.0, 1.0 * profile.threads);
  TimedImage image;
  image.threads = profile.threads;
  image.wall_seconds = profile.wall_ms * 1e-3 / batch;
  for (const LayerProfile::Row& row : profile.rows) {
    image.parts.push_back({layers_of(*row.step), row.ms * 1e-3 / batch, awake});
    image.macs.emplace_back(row.step->cost.macs / profile.batch);
  }
  add_waiting(image, profile.cpu_ms * 1e-3 / batch);
  return image;
}

void add_waiting(TimedImage& image, double cpu_seconds) {
  double told = 0;
  for (const energy::TimedPart& part : image.parts) told += part.seconds * part.cores;
  // Timers go on while another program has the core; that time is none of the part's.
  const double own = told > cpu_seconds ? cpu_seconds / told : 1;
  for (energy::TimedPart& part : image.parts) part.cores *= own;
  const double asleep = std::max(0.0, image.threads * image.wall_seconds - cpu_seconds);
  image.parts.push_back({"waiting", asleep, 1});
  image.macs.emplace_back(std::nullopt);
}

LayerJoules layers_by_time(const TimedImage& image, const energy::EnergyResult& result) {
  LayerJoules layers;
  if (result.verdict.invalid() || result.images <= 0) return layers;
  const auto shares = energy::attribute_by_time(energy::Measured<energy::Joules>({joules_per_image(result)}),
                                                image.parts, image.wall_seconds, image.threads);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    energy::LayerEnergy row;
    row.name = shares[i].name;
    row.method = "time";
    (result.energy.net ? row.net_mj : row.gross_mj) = shares[i].joules * 1e3;
    row.share = shares[i].share;
    if (i < image.parts.size()) {
      row.seconds = image.parts[i].seconds;
      row.macs = image.macs[i];
    }
    layers.rows.push_back(std::move(row));
  }
  return layers;
}

std::vector<double> activity_of(const engine::Step& step, int threads, int copies) {
  const CacheSizes& caches = cache_sizes();
  const auto weights = static_cast<double>(step.cost.weight_bytes);
  const auto values = static_cast<double>(step.cost.activation_bytes) * copies;
  const double of_a_core = (weights + values / copies) / (copies > 1 ? 1 : threads);
  std::vector<double> activity(6, 0.0);
  const std::size_t width = step.src_descs.empty() ? 4 : size_of(step.src_descs[0].dtype);
  activity[width >= 4 ? 0 : width == 2 ? 1 : 2] = static_cast<double>(step.cost.macs) * copies;
  const std::size_t level = of_a_core <= static_cast<double>(caches.l2)          ? 3
                            : weights + values <= static_cast<double>(caches.l3) ? 4
                                                                                 : 5;
  activity[level] = weights * copies + values;
  return activity;
}

std::vector<ReplayPart> layer_parts(engine::Session& session) {
  const std::vector<engine::Step>& steps = session.plan().steps();
  const std::int64_t batch = batch_of(session.plan());
  std::vector<ReplayPart> parts;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    parts.push_back({{layers_of(steps[i]), [&session, i] { session.run_steps(0, i); },
                      [&session, i] { session.run_steps(i, i + 1); }},
                     static_cast<double>(batch),
                     false,
                     steps[i].cost.macs / batch,
                     activity_of(steps[i], session.threads(), 1)});
  }
  return parts;
}

LayerJoules layers_by_replay(const std::vector<ReplayPart>& parts, EnergyMeter& meter,
                             const energy::EnergyResult& whole) {
  LayerJoules layers;
  if (meter.recorder() == nullptr || whole.verdict.invalid()) return layers;
  std::vector<energy::ReplayItem> items;
  for (const ReplayPart& part : parts) {
    items.push_back(part.item);
    items.back().run = [&part] {
      stop_if_interrupted();
      part.item.run();
    };
  }
  const double idle_w =
      whole.baseline
          ? (whole.baseline->before_w + whole.baseline->after_w.value_or(whole.baseline->before_w)) / 2
          : 0;
  const auto replays = energy::replay(items, meter.clock(), *meter.recorder(), idle_w);
  double sum = 0;
  for (std::size_t i = 0; i < replays.size(); ++i) {
    const energy::Replay before =
        parts[i].holds_previous ? replays[i - 1] : energy::Replay{"", 0, 0, 0, 0, 0};
    const double images = parts[i].images;
    energy::LayerEnergy row;
    row.name = replays[i].name;
    row.method = "replay";
    row.gross_mj = (replays[i].gross_j - before.gross_j) * 1e3 / images;
    const double net_j = replays[i].net_j - before.net_j;
    if (whole.baseline) row.net_mj = net_j * 1e3 / images;
    row.seconds = (replays[i].seconds_each - before.seconds_each) / images;
    row.macs = parts[i].macs;
    row.share = net_j / images;  // of the sum, below
    sum += net_j / images;
    layers.rows.push_back(std::move(row));
    if (parts[i].activity.empty()) continue;
    energy::ActivityRow activity{replays[i].name, parts[i].activity, net_j};
    activity.activity.push_back(replays[i].seconds_each);
    layers.activity.push_back(std::move(activity));
    layers.images.push_back(images);
  }
  for (energy::LayerEnergy& row : layers.rows)
    row.share = sum > 0 ? std::optional(*row.share / sum) : std::nullopt;
  // Against a whole that does not rise above idle power there is nothing to compare with.
  if (joules_per_image(whole) > 0) layers.closure = sum / joules_per_image(whole);
  return layers;
}

std::string layers_text(const LayerJoules& layers) {
  if (layers.rows.empty()) return "";
  using enum Table::Align;
  const bool net = layers.rows.front().net_mj.has_value();
  const bool replay = layers.rows.front().method == "replay";
  Table table({{net ? "net mJ/img" : "gross mJ/img"}, {"share"}, {"ms/img"}, {"MACs"}, {"layer", left}});
  for (const energy::LayerEnergy& row : layers.rows) {
    table.add({fmt::format("{:.4f}", net ? row.net_mj.value_or(0) : row.gross_mj.value_or(0)),
               fmt::format("{:.1f}%", 100 * row.share.value_or(0)),
               row.seconds ? fmt::format("{:.4f}", *row.seconds * 1e3) : "-",
               row.macs ? with_prefix(static_cast<double>(*row.macs)) : "-", row.name});
  }
  std::string text =
      replay ? "\nenergy per layer, each measured alone in a loop (measured-replay)\n"
             : "\nenergy per layer, attributed by core time: a share of the measured total, not a "
               "measurement of the layer\n";
  text += table.to_string();
  if (layers.closure) {
    energy::Verdict verdict;
    energy::judge_closure(*layers.closure, verdict);
    text += fmt::format("sum of replays / whole: {:.3f} ({})\n", *layers.closure, verdict.to_string());
  }
  return text;
}

Json layers_json(const LayerJoules& layers) {
  Json rows = Json::array();
  for (const energy::LayerEnergy& row : layers.rows) {
    rows.push_back({{"name", row.name},
                    {"method", row.method},
                    {"gross_mj", row.gross_mj ? Json(*row.gross_mj) : Json(nullptr)},
                    {"net_mj", row.net_mj ? Json(*row.net_mj) : Json(nullptr)},
                    {"share", row.share ? Json(*row.share) : Json(nullptr)},
                    {"seconds", row.seconds ? Json(*row.seconds) : Json(nullptr)},
                    {"macs", row.macs ? Json(*row.macs) : Json(nullptr)}});
  }
  const bool replay = !layers.rows.empty() && layers.rows.front().method == "replay";
  return {{"quality", name_of(replay ? energy::Quality::measured_replay : energy::Quality::attributed)},
          {"layers", std::move(rows)},
          {"closure", layers.closure ? Json(*layers.closure) : Json(nullptr)}};
}

}  // namespace godwit::tools
