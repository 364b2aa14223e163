// Constants as another floating-point type.
#pragma once

#include "runtime/tensor.h"

namespace godwit::engine {

// The numbers of a tensor of floats, rounded once; made on demand where there are many, since packing is
// mostly all that reads weights.
Tensor converted(const Tensor& tensor, DType dtype);

}  // namespace godwit::engine
