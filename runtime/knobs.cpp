// The table of environment variables, and the one place that reads the environment.
#include "runtime/knobs.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>

namespace godwit {
namespace {

// GODWIT_ISA is read by best_isa(), GODWIT_THREADS by chosen_threads(); usable_cores() reports the machine
// and does not read it.
constexpr std::array kKnobs = {
    Knob{"GODWIT_ISA", "the best this CPU has", "Caps the instruction set of the kernels, like --isa."},
    Knob{"GODWIT_THREADS", "the cores this process may use",
         "Number of threads where --threads is not given."},
};

}  // namespace

std::span<const Knob> knobs() { return kKnobs; }

std::optional<std::string> knob(std::string_view name) {
  assert(std::ranges::any_of(kKnobs, [&](const Knob& known) { return known.name == name; }));
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

}  // namespace godwit
