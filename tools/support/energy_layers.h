// Joules of a model's layers, in the model's own names.
#pragma once

#include <string>
#include <vector>

#include "engine/session.h"
#include "tools/support/energy_meter.h"
#include "tools/support/output.h"

namespace godwit::tools {

struct LayerJoules {
  std::vector<energy::LayerEnergy> rows;  // millijoules of one image
  std::optional<double> closure;          // of replays
};

// Shares of the result's net energy (gross where there is no idle power) by the layers' times: `layer_ms` of
// each step of a run, `wall_ms` of the whole run. The last row is what is left over.
LayerJoules layers_by_time(const engine::Plan& plan, const std::vector<double>& layer_ms, double wall_ms,
                           int threads, const energy::EnergyResult& result);

// Every layer alone in a loop of two seconds on the operands that it finds in a run, measured by the
// machine's own sensors; the closure compares their sum with the whole.
LayerJoules layers_by_replay(engine::Session& session, EnergyMeter& meter, const energy::EnergyResult& whole);

std::string layers_text(const LayerJoules& layers);
Json layers_json(const LayerJoules& layers);

}  // namespace godwit::tools
