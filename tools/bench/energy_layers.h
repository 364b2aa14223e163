// Joules of the parts of a run: layers in the model's own names, and what comes before them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/session.h"
#include "runtime/energy/protocol/attribution.h"
#include "tools/bench/energy_meter.h"
#include "tools/bench/layer_profile.h"
#include "tools/report/json.h"

namespace godwit::tools {

// Core seconds of every part of one image's way, and of that way as a whole.
struct TimedImage {
  std::vector<energy::TimedPart> parts;
  std::vector<std::optional<std::int64_t>> macs;  // of each part, of one image; nullopt where it has none
  double wall_seconds = 0;
  int threads = 1;
};
// The layers, and "waiting".
TimedImage timed_image(const LayerProfile& profile);
// Adds "waiting": the time in which threads slept or had no core, by the CPU time of the same work. Parts
// whose timers tell more than that CPU time are told by as much less of it.
void add_waiting(TimedImage& image, double cpu_seconds);

struct LayerJoules {
  std::vector<energy::LayerEnergy> rows;  // millijoules of one image
  std::optional<double> closure;          // of replays
  // Activities of the replays, for a regression; joules of one call.
  std::vector<energy::ActivityRow> activity;
  std::vector<double> images;  // that a call of each of these stands for
};

// Shares of the result's net energy (gross where there is no idle power) by core seconds. The last row is
// what is left over.
LayerJoules layers_by_time(const TimedImage& image, const energy::EnergyResult& result);

// Part of the way that can be run alone.
struct ReplayPart {
  energy::ReplayItem item;
  double images = 1;  // that one call stands for
  // The loop does all that the one before does, too: its own joules are the difference.
  bool holds_previous = false;
  std::optional<std::int64_t> macs = std::nullopt;  // of one image
  std::vector<double> activity = {};  // of one call, without its seconds; empty: not part of the regression
};
// Every layer on the operands that it finds in a run of the session.
std::vector<ReplayPart> layer_parts(engine::Session& session);
// Activity of a step that runs `copies` times at once on as many threads, or once on `threads`. MACs by
// width; bytes by the level of memory that holds all that a loop over the step touches.
std::vector<double> activity_of(const engine::Step& step, int threads, int copies);

// Every part alone in a loop of two seconds, measured by the machine's own sensors; the closure compares
// their sum with the whole.
LayerJoules layers_by_replay(const std::vector<ReplayPart>& parts, EnergyMeter& meter,
                             const energy::EnergyResult& whole);

// Costs of a MAC, a byte and a second by a regression over replays: for asking what would happen if, never
// for an account.
struct LayerActivity {
  energy::ActivityModel model;
  std::vector<energy::ActivityRow> rows;
  std::vector<double> images;   // that a call of each row stands for
  std::size_t not_fitted = 0;   // replays that did not rise above idle power
  double median_error() const;  // of leaving each layer out, its size
};
// nullopt where there are too few layers with joules above zero.
std::optional<LayerActivity> fit_layers(const std::vector<LayerJoules>& replays);
// Rows of method "activity" for the ledger, one for each layer, by its last replay.
std::vector<energy::LayerEnergy> activity_rows(const LayerActivity& activity);

// All that is told of parts of one measurement.
struct EnergyRows {
  LayerJoules by_time, by_replay;
  std::optional<LayerActivity> activity;

  // The last one is told, all are fitted.
  void set_replays(const std::vector<LayerJoules>& replays);
  // Sets "by_time", "by_replay" and "by_activity" where they are there.
  void add_json(Json& energy) const;
  std::string text() const;
  // Replays and regression where there are any, else shares.
  std::vector<energy::LayerEnergy> ledger_rows() const;
};

std::string layers_text(const LayerJoules& layers);
Json layers_json(const LayerJoules& layers);
std::string activity_text(const std::optional<LayerActivity>& activity);
Json activity_json(const LayerActivity& activity);

}  // namespace godwit::tools
