// Rows of the kernels over flat spans.
#pragma once

#include "ops/kernels/elementwise/activations.h"
#include "ops/kernels/elementwise/affine.h"
#include "ops/kernels/elementwise/binary.h"
#include "ops/kernels/elementwise/quantized_add.h"
#include "ops/kernels/elementwise/short_softmax.h"
#include "ops/kernels/elementwise/softmax.h"
#include "ops/kernels/elementwise/unary.h"
#include "ops/kernels/rows.h"

namespace godwit::ops::kernels {

template <template <class> class Function>
struct UnaryOf {
  template <class Arch, class T>
  using Kernel = Unary<Arch, Function, T>;
};
template <template <class> class Function>
struct BinaryOf {
  template <class Arch, class T>
  using Kernel = Binary<Arch, Function, T>;
};

}  // namespace godwit::ops::kernels
