// Checks of scales and zero points.
#include "ops/quantization.h"

#include <fmt/format.h>

#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {

void require_scale(const NodeView& node, std::size_t i, std::string_view what, std::int64_t count) {
  if (!node.has_input(i)) throw Error(fmt::format("{} (input {}) is left out", what, i));
  const TensorDesc& desc = node.input(i);
  if (desc.dtype != DType::f32) {
    throw Error(fmt::format("{} (input {}) is {}, expected f32", what, i, name_of(desc.dtype)));
  }
  if (desc.shape.ranked() && desc.shape.rank() > 1) {
    throw Error(fmt::format("{} (input {}) has shape {}, expected one number or a list", what, i,
                            desc.shape.to_string()));
  }
  if (desc.shape.ranked() && desc.shape.rank() == 1 && desc.shape[0] != 1 &&
      !may_be_same_dim(desc.shape[0], count)) {
    throw Error(fmt::format("{} (input {}) has {} numbers, expected 1 or {}", what, i, desc.shape[0], count));
  }
  if (node.inputs[i].constant == nullptr) return;
  const auto values = node.inputs[i].constant->values<float>();
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (std::isfinite(values[k]) && values[k] > 0) continue;
    throw Error(fmt::format("{} (input {}) has {} at index {}; scales are finite and above 0", what, i,
                            values[k], k));
  }
}

void require_zero_point(const NodeView& node, std::size_t i, std::string_view what, DType dtype) {
  if (!node.has_input(i)) return;
  const TensorDesc& desc = node.input(i);
  if (desc.dtype != dtype) {
    throw Error(
        fmt::format("{} (input {}) is {}, expected {}", what, i, name_of(desc.dtype), name_of(dtype)));
  }
  const Shape& scale = node.shape(i - 1);
  if (!desc.shape.known() || !scale.known()) return;
  if (desc.shape.rank() > 1 || desc.shape.elements() != scale.elements()) {
    throw Error(fmt::format("{} (input {}) has shape {}, expected that of its scale, {}", what, i,
                            desc.shape.to_string(), scale.to_string()));
  }
}

bool known_or_absent(const NodeView& node, std::size_t i) {
  return !node.has_input(i) || node.inputs[i].constant != nullptr;
}

std::int32_t constant_zero_point(const NodeView& node, std::size_t i) {
  if (!node.has_input(i)) return 0;
  const Tensor& value = *node.inputs[i].constant;
  if (value.dtype() == DType::u8) return value.values<std::uint8_t>()[0];
  if (value.dtype() == DType::s8) return value.values<std::int8_t>()[0];
  return value.values<std::int32_t>()[0];
}

float constant_scale(const NodeView& node, std::size_t i) {
  return node.inputs[i].constant->values<float>()[0];
}

int quantization_axis(const NodeView& node) {
  const int rank = node.shape(0).rank();
  return rank == 0 ? 0 : normalize_axis(node.attributes.integer("axis", 1), rank);
}

bool is_per_tensor(const NodeView& node) { return node.shape(1).known() && node.shape(1).elements() == 1; }

std::int64_t scale_count(const NodeView& node) {
  if (is_per_tensor(node) || !node.shape(0).ranked() || node.shape(0).rank() == 0) return kAnyDim;
  return node.shape(0)[quantization_axis(node)];
}

LayoutRule layout_of_quantization(const NodeView& node) {
  return is_per_tensor(node) ? LayoutRule::follows : LayoutRule::nchw_only;
}

bool quantization_keeps_images_apart(const NodeView& node) {
  return node.inputs[1].constant != nullptr && known_or_absent(node, 2) &&
         (is_per_tensor(node) || quantization_axis(node) != 0);
}

}  // namespace godwit::ops
