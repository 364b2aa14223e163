// The end of a step for each result on its way out: bias, residual add, clamp, type.
#pragma once

#include <limits>

namespace godwit::ops {

// Bounds of a clamp; NaN passes through it.
struct Clamp {
  float minimum = -std::numeric_limits<float>::infinity();
  float maximum = std::numeric_limits<float>::infinity();
};

// dst = clamp(result + bias + residual, minimum, maximum), in this order. The bias is an ordinary input of
// the ops that have one; the residual tensor, when `residual` is set, is the node's LAST input and has the
// shape of output 0. NaN passes through the clamp unchanged, as in Relu and Clip.
struct Epilogue {
  bool residual = false;
  float minimum = -std::numeric_limits<float>::infinity();
  float maximum = std::numeric_limits<float>::infinity();
  // The result is f32 although the operands are 16-bit floats: sums that nobody stores in 16 bits.
  bool dst_f32 = false;

  bool clamps() const {
    return minimum != -std::numeric_limits<float>::infinity() ||
           maximum != std::numeric_limits<float>::infinity();
  }
  bool empty() const { return !residual && !clamps() && !dst_f32; }
  bool operator==(const Epilogue&) const = default;
};

}  // namespace godwit::ops
