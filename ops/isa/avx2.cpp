// Kernels for AVX2 with FMA.
#include "ops/isa/avx2.h"

#include "ops/kernels/table.h"

namespace godwit::ops {

int kernels_avx2(KernelInfo* rows) { return kernels::fill_table<Avx2>(rows); }

}  // namespace godwit::ops
