// Kernels for AVX-512 F, BW, DQ and VL.
#include "ops/isa/avx512.h"

#include "ops/kernels/table.h"

namespace godwit::ops {

int kernels_avx512(KernelInfo* rows) { return kernels::fill_table<Avx512>(rows); }

}  // namespace godwit::ops
