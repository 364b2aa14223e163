// The architecture of every CPU that this code is built for: a port starts from it.
#pragma once

#include "ops/kernels/simd.h"

namespace godwit::ops {
namespace {

struct Generic : simd::Portable {
  static constexpr int kTileRows = 6;
  static constexpr int kTileSteps = 1;  // with two GCC keeps sums in memory
};

}  // namespace
}  // namespace godwit::ops
