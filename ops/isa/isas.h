// The kernels of each instruction set in this build, object by object.
#pragma once

#include "ops/kernel_row.h"
#include "runtime/kernel_registry.h"

namespace godwit::ops {

std::span<const OfIsa<KernelRows>> isa_kernels();

}  // namespace godwit::ops
