// Types, sizes and values of operands.
#include "ops/operands.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string>

#include "ops/axes.h"
#include "ops/numbers.h"
#include "runtime/error.h"

namespace godwit::ops {

void require_dtype(const NodeView& node, std::size_t i, std::string_view what,
                   std::span<const DType> allowed) {
  const DType dtype = node.input(i).dtype;
  if (std::ranges::find(allowed, dtype) != allowed.end()) return;
  std::string names;
  for (std::size_t k = 0; k < allowed.size(); ++k) {
    if (k > 0) names += k + 1 == allowed.size() ? " or " : ", ";
    names += name_of(allowed[k]);
  }
  throw Error(fmt::format("input {} ({}) is {}, expected {}", i, what, name_of(dtype), names));
}

void require_wide(const NodeView& node, std::size_t i) {
  if (!is_narrow(node.input(i).dtype)) return;
  throw Error(fmt::format("input {} is {}, which is not computed with; Cast makes another type of it", i,
                          name_of(node.input(i).dtype)));
}

void require_indices(const NodeView& node, std::size_t i, std::string_view what) {
  require_dtype(node, i, what, std::array{DType::s64, DType::s32});
}

void require_same_dtype(const NodeView& node, std::size_t i, std::size_t other, std::string_view what) {
  if (node.input(i).dtype == node.input(other).dtype) return;
  throw Error(fmt::format("input {} ({}) is {}, expected {} as input {}", i, what,
                          name_of(node.input(i).dtype), name_of(node.input(other).dtype), other));
}

void require_one_element(const NodeView& node, std::size_t i, std::string_view what) {
  const Shape& shape = node.shape(i);
  if (!shape.known() || shape.elements() == 1) return;
  throw Error(fmt::format("input {} ({}) has shape {}, expected one element", i, what, shape.to_string()));
}

void require_equal_dims(const NodeView& node, std::size_t i, int axis, std::size_t other, int other_axis) {
  const Shape &a = node.shape(i), &b = node.shape(other);
  if (may_be_same_dim(a[axis], b[other_axis])) return;
  throw Error(fmt::format("input {} has shape {} and input {} has {}; dimension {} must be {}", i,
                          a.to_string(), other, b.to_string(), axis, b[other_axis]));
}

void require_indices_within(const NodeView& node, std::size_t i, std::string_view what, std::int64_t dim) {
  const Tensor* constant = node.inputs[i].constant;
  if (constant == nullptr || !is_known(dim)) return;
  for (std::int64_t k = 0; k < constant->shape().elements(); ++k) {
    const std::int64_t index = integer_at(constant->view(), k);
    if (index < -dim || index >= dim) {
      throw Error(
          fmt::format("input {} ({}) has index {}, out of range for a dimension of {}", i, what, index, dim));
    }
  }
}

DType dtype_attribute(const Attributes& attributes, std::string_view name, DType fallback) {
  if (!attributes.has(name)) return fallback;
  const std::int64_t code = attributes.integer(name, 0);
  const auto dtype = code >= 0 && code <= 255 ? dtype_from_onnx(static_cast<int>(code)) : std::nullopt;
  if (!dtype)
    throw Error(fmt::format("attribute '{}' is {}, which is no element type known here", name, code));
  return *dtype;
}

std::optional<std::int64_t> known_integer(const NodeView& node, std::size_t i, std::string_view what,
                                          std::int64_t fallback) {
  if (!node.has_input(i)) return fallback;
  require_one_element(node, i, what);
  const Tensor* constant = node.inputs[i].constant;
  if (constant == nullptr) return std::nullopt;
  return whole_number_at(constant->view(), 0);
}

}  // namespace godwit::ops
