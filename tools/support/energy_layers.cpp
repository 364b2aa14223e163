// Rows of joules for layers.
#include "tools/support/energy_layers.h"

#include <fmt/format.h>

#include "runtime/energy/attribution.h"
#include "tools/support/model.h"

namespace godwit::tools {
namespace {

// Of one run of a batch: net where idle power is known, else gross.
double joules_per_run(const energy::EnergyResult& result) {
  const double joules = result.energy.net ? result.energy.net->value() : result.energy.gross.value();
  return joules / static_cast<double>(result.repetitions);
}

}  // namespace

LayerJoules layers_by_time(const engine::Plan& plan, const std::vector<double>& layer_ms, double wall_ms,
                           int threads, const energy::EnergyResult& result) {
  LayerJoules layers;
  if (result.verdict.invalid()) return layers;
  std::vector<energy::TimedPart> parts;
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    parts.push_back({layers_of(plan.steps()[i]), layer_ms[i] * 1e-3, static_cast<double>(threads)});
  }
  const auto shares = energy::attribute_by_time(energy::Measured<energy::Joules>({joules_per_run(result)}),
                                                parts, wall_ms * 1e-3, threads);
  const auto batch = static_cast<double>(result.batch);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    energy::LayerEnergy row;
    row.name = shares[i].name;
    row.method = "time";
    (result.energy.net ? row.net_mj : row.gross_mj) = shares[i].joules * 1e3 / batch;
    row.share = shares[i].share;
    if (i < parts.size()) {
      row.seconds = parts[i].seconds / batch;
      row.macs = plan.steps()[i].cost.macs / result.batch;
    }
    layers.rows.push_back(std::move(row));
  }
  return layers;
}

LayerJoules layers_by_replay(engine::Session& session, EnergyMeter& meter,
                             const energy::EnergyResult& whole) {
  LayerJoules layers;
  if (meter.recorder() == nullptr || whole.verdict.invalid()) return layers;
  const std::vector<engine::Step>& steps = session.plan().steps();
  std::vector<energy::ReplayItem> items;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    items.push_back({layers_of(steps[i]), [&session, i] { session.run_steps(0, i); },
                     [&session, i] { session.run_steps(i, i + 1); }});
  }
  const double idle_w =
      whole.baseline
          ? (whole.baseline->before_w + whole.baseline->after_w.value_or(whole.baseline->before_w)) / 2
          : 0;
  const auto replays = energy::replay(items, meter.clock(), *meter.recorder(), idle_w);
  // Against a whole that does not rise above idle power there is nothing to compare with.
  if (joules_per_run(whole) > 0) layers.closure = energy::closure_of(replays, joules_per_run(whole));
  const auto batch = static_cast<double>(whole.batch);
  double sum = 0;
  for (const energy::Replay& replay : replays) sum += replay.net_j;
  for (std::size_t i = 0; i < replays.size(); ++i) {
    energy::LayerEnergy row;
    row.name = replays[i].name;
    row.method = "replay";
    row.gross_mj = replays[i].gross_j * 1e3 / batch;
    if (whole.baseline) row.net_mj = replays[i].net_j * 1e3 / batch;
    if (sum > 0) row.share = replays[i].net_j / sum;
    row.seconds = replays[i].seconds_each / batch;
    row.macs = steps[i].cost.macs / whole.batch;
    layers.rows.push_back(std::move(row));
  }
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
  return {{"layers", std::move(rows)}, {"closure", layers.closure ? Json(*layers.closure) : Json(nullptr)}};
}

}  // namespace godwit::tools
