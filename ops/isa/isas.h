// The kernels of each instruction set in this build, object by object, least special first.
#pragma once

#include <span>

#include "ops/kernel_row.h"
#include "runtime/cpu.h"

namespace godwit::ops {

struct IsaKernels {
  Isa isa;
  const KernelRows* kernels;
};
std::span<const IsaKernels> isa_kernels();

}  // namespace godwit::ops
