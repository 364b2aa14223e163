// Chooses the loops of an instruction set.
#include "runtime/image/row_kernels.h"

#include "runtime/image/row_kernel_table.h"

namespace godwit::image {

const RowKernels& row_kernels(Isa cap) { return *best_of(all_row_kernels(), cap)->kernels; }

}  // namespace godwit::image
