// Kernels for what the architecture guarantees: where a port starts from.
#include "ops/kernels/table.h"

namespace godwit::ops {
namespace {

struct Generic : simd::Portable {
  static constexpr Isa kIsa = Isa::generic;
  static constexpr int kTileRows = 6;
  static constexpr int kTileSteps = 1;  // with two GCC keeps sums in memory
};

}  // namespace

int kernels_generic(KernelInfo* rows) { return kernels::fill_table<Generic>(rows); }

}  // namespace godwit::ops
