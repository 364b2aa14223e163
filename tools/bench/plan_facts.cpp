// Facts that commands tell of a plan.
#include "tools/bench/plan_facts.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

namespace godwit::tools {

std::int64_t batch_of(const engine::Plan& plan) {
  if (plan.inputs().empty() || plan.inputs().front().desc.shape.rank() < 1) return 1;
  return std::max<std::int64_t>(1, plan.inputs().front().desc.shape[0]);
}

std::size_t weight_bytes(const engine::Plan& plan) {
  std::size_t bytes = plan.memory().packed_weight_bytes;
  std::set<const void*> counted;
  for (const engine::Step& step : plan.steps()) {
    for (std::size_t i = 0; i < step.src.size() && i < step.src_descs.size(); ++i) {
      const engine::Slot& slot = step.src[i];
      if (slot.kind != engine::Slot::Kind::constant || !counted.insert(slot.constant).second) continue;
      if (step.executable != nullptr && !step.executable->reads_constant(i)) continue;
      bytes += step.src_descs[i].bytes();
    }
  }
  return bytes;
}

std::string layers_of(const engine::Step& step) {
  return step.origins.empty() ? step.name : fmt::format("{}", fmt::join(step.origins, " + "));
}

}  // namespace godwit::tools
