// Checks of single operands during shape inference, with the sentences for what is wrong about them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ops/op.h"

namespace godwit::ops {

// Throws Error unless operand `i` has one of these types; `what` names it.
void require_dtype(const NodeView& node, std::size_t i, std::string_view what,
                   std::span<const DType> allowed);
// Throws Error where operand `i` has a narrow type, which is stored and moved but not computed with.
void require_wide(const NodeView& node, std::size_t i);
// Throws Error unless operand `i` is of s64 or s32.
void require_indices(const NodeView& node, std::size_t i, std::string_view what);
// Throws Error unless operand `i` has operand `other`'s type.
void require_same_dtype(const NodeView& node, std::size_t i, std::size_t other, std::string_view what);
// Throws Error where operand `i` is known to have another number of elements than one.
void require_one_element(const NodeView& node, std::size_t i, std::string_view what);
// Throws Error where operands `i` and `other` are known to have different sizes along these axes.
void require_equal_dims(const NodeView& node, std::size_t i, int axis, std::size_t other, int other_axis);

// Throws Error where operand `i` is constant and holds an index outside of [-dim, dim).
void require_indices_within(const NodeView& node, std::size_t i, std::string_view what, std::int64_t dim);

// The element type that an attribute names by ONNX's number. Throws Error where it is none known here.
DType dtype_attribute(const Attributes& attributes, std::string_view name, DType fallback);

// The value of operand `i`, a number of any type; nullopt while it is not known, `fallback` where it is left
// out.
std::optional<std::int64_t> known_integer(const NodeView& node, std::size_t i, std::string_view what,
                                          std::int64_t fallback);

}  // namespace godwit::ops
