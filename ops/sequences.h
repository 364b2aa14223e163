// Operators on lists of tensors (ONNX: sequences) and optional values. A list is described by a description
// that holds for all of its tensors; the engine runs these operators.
#pragma once

#include <cstdint>

#include "ops/op.h"

namespace godwit::ops {

// The element type that an attribute of this name says, f32 without it. Throws Error for one not known here.
DType element_dtype(const NodeView& node, std::string_view attribute);
// A description that holds for tensors of a list when those of operand `i` join them. Throws Error where
// their types differ.
TensorDesc joined_desc(const NodeView& node, std::size_t i, const TensorDesc& list);

}  // namespace godwit::ops
