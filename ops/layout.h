// Tensors that have a layout to choose.
#pragma once

#include "runtime/tensor.h"

namespace godwit::ops {

// Lines, images and volumes: batch, channels and one to three spatial dimensions.
inline bool can_be_nhwc(const Shape& shape) { return shape.rank() >= 3 && shape.rank() <= 5; }

}  // namespace godwit::ops
