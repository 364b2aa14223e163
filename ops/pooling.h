// The pools' common ground: shapes, windows and cost.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/op.h"
#include "ops/window.h"

namespace godwit::ops {

// The window of a pooling node with known shapes.
Window pool_window(const NodeView& node);

// The shape that attributes kernel_shape, strides, pads, dilations, auto_pad and ceil_mode make of operand
// 0's, which is (N, C, spatial…).
Shape infer_pool_shape(const NodeView& node);

// The description of a global pool's result: operand 0's, a float, with 1 for every spatial dimension.
std::vector<TensorDesc> infer_global_pool(const NodeView& node);

// Attribute `p` of a norm, 2 without it. Throws Error below 1.
double norm_order(const Attributes& attributes);

// Taps that an average counts where its window stands: those inside the input, or inside the padded input.
// With ceil_mode the last window can hang over even the padding; such taps never count.
std::int64_t count_taps(const Window& window, const WindowPosition& at, bool padded);

// One operation for each tap of each result, whether it lies inside the input or not.
Cost cost_of_pool(const NodeView& node);

}  // namespace godwit::ops
