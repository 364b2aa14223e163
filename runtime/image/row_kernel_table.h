// The row loops of every ISA that has its own.
#pragma once

#include "runtime/image/row_kernels.h"
#include "runtime/kernel_registry.h"

namespace godwit::image {

std::span<const OfIsa<RowKernels>> all_row_kernels();

}  // namespace godwit::image
