// What MaxPool and AveragePool share: shapes, windows and cost.
#pragma once

#include <vector>

#include "ops/op.h"
#include "ops/window.h"

namespace godwit::ops {

// The window of a pooling node with known shapes.
Window2d pool_window(const NodeView& node);

// The shape that attributes kernel_shape, strides, pads, dilations, auto_pad and ceil_mode make of operand
// 0's.
Shape infer_pool_shape(const NodeView& node);

// How many taps of output `o` an average counts along one axis: those inside the input, or inside the padded
// input. With ceil_mode the last window can hang over even the padding; what hangs over never counts.
std::int64_t count_taps(const WindowAxis& axis, std::int64_t o, bool padded);

// One operation for each tap of each result, whether it lies inside the input or not.
Cost cost_of_pool(const NodeView& node);

}  // namespace godwit::ops
