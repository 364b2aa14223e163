// Windows that are sums of cosines: what Hann, Hamming and Blackman have in common.
#pragma once

#include "ops/op.h"

namespace godwit::ops {

// Element n is a - b · cos(2πn / N) + c · cos(4πn / N), with N the size, or one less where the window is not
// periodic.
struct CosineWindow {
  double a = 0, b = 0, c = 0;
};

// The description of a result of which the operand is the size.
std::vector<TensorDesc> infer_cosine_window(const NodeView& node);
void fill_cosine_window(const NodeView& node, const CosineWindow& window, const TensorView& dst);

// An operator that gives such a window.
OpDef cosine_window_op(std::string_view name, std::string_view sentence, ReferenceFunction reference);

}  // namespace godwit::ops
