// The probes of all ISAs, and how the checks of their functions reach them.
#pragma once

#include <map>
#include <string_view>

#include "runtime/kernel_registry.h"
#include "tests/ops/isa/probe.h"

namespace godwit::ops::probe {

std::span<const OfIsa<Probes>> all_probes();

// Compares one function of an architecture with scalar code, lane by lane.
using Check = void (*)(const Probe& probe, const Function& function);
using Checks = std::map<std::string_view, Check>;
Checks float_checks();
Checks integer_checks();
Checks stored_checks();

}  // namespace godwit::ops::probe
