// Chooses the loops of an instruction set.
#include "runtime/image/row_kernels.h"

#include "runtime/cpu.h"

namespace godwit::image {

const RowKernels& row_kernels([[maybe_unused]] Isa cap) {
#if defined(__x86_64__)
  static const RowKernels avx2 = row_kernels_avx2();
  if (includes(cap, Isa::avx2)) return avx2;
#endif
  static const RowKernels generic = row_kernels_generic();
  return generic;
}

}  // namespace godwit::image
