// The end of every kernel on 8-bit integers, as data.
#pragma once

namespace godwit::ops {

// From sums of products of 8-bit integers to what is stored. Every step is one f32 operation, none
// contracted, so that all ISAs give the same bits:
//   value = sum * scale[c], which is in steps of the result
//   with `rounds_sum`: value = round(clamp(value, sum_minimum, sum_maximum)) * sum_factor
//   with a residual: value = value + (residual - residual_zero_point) * residual_factor
//   value = clamp(value, minimum, maximum), which is minimum for NaN; where `real`, NaN stays NaN
//   dst = value as f32 where `real`, round(value) + zero_point as u8 otherwise
struct QuantizedFinish {
  bool real = false;
  bool rounds_sum = false;
  bool stores_clamp = false;       // the bounds are those of u8, and no value reaches 2^30
  float minimum = 0, maximum = 0;  // less the zero point
  float zero_point = 0;
  float sum_minimum = 0, sum_maximum = 0, sum_factor = 1;
  float residual_zero_point = 0, residual_factor = 0;
};

}  // namespace godwit::ops
