// The kernels of each instruction set in this build, least special first.
#pragma once

#include <span>

#include "ops/kernel_info.h"

namespace godwit::ops {

// Fills rows (room for kMaxKernelsPerIsa) with one ISA's kernels and returns how many.
using FillKernels = int (*)(KernelInfo* rows);
std::span<const FillKernels> isa_tables();

}  // namespace godwit::ops
