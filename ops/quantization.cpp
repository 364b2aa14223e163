// Checks of scales and zero points.
#include "ops/quantization.h"

#include <fmt/format.h>

#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {

namespace {

void require_scale_type(const NodeView& node, std::size_t i, std::string_view what,
                        std::span<const DType> types) {
  const DType dtype = node.input(i).dtype;
  if (std::ranges::find(types, dtype) != types.end()) return;
  throw Error(fmt::format("{} (input {}) is {}, expected {}", what, i, name_of(dtype),
                          types.size() == 1 ? "f32" : "f32, f16, bf16 or f8e8m0"));
}

void require_positive(const NodeView& node, std::size_t i, std::string_view what) {
  const Tensor* constant = node.inputs[i].constant;
  if (constant == nullptr) return;
  for (std::int64_t k = 0; k < constant->shape().elements(); ++k) {
    const float value = f32_at(constant->view(), k);
    if (std::isfinite(value) && value > 0) continue;
    throw Error(
        fmt::format("{} (input {}) has {} at index {}; scales are finite and above 0", what, i, value, k));
  }
}

}  // namespace

void require_scale(const NodeView& node, std::size_t i, std::string_view what, std::int64_t count,
                   std::span<const DType> types) {
  if (!node.has_input(i)) throw Error(fmt::format("{} (input {}) is left out", what, i));
  const TensorDesc& desc = node.input(i);
  require_scale_type(node, i, what, types);
  if (desc.shape.ranked() && desc.shape.rank() > 1) {
    throw Error(fmt::format("{} (input {}) has shape {}, expected one number or a list", what, i,
                            desc.shape.to_string()));
  }
  if (desc.shape.ranked() && desc.shape.rank() == 1 && desc.shape[0] != 1 &&
      !may_be_same_dim(desc.shape[0], count)) {
    throw Error(fmt::format("{} (input {}) has {} numbers, expected 1 or {}", what, i, desc.shape[0], count));
  }
  require_positive(node, i, what);
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

bool is_blocked(const NodeView& node) { return node.attributes.integer("block_size", 0) != 0; }

void require_quantization(const NodeView& node, DType dtype) {
  const std::int64_t block = node.attributes.integer("block_size", 0);
  if (block < 0) throw Error(fmt::format("attribute 'block_size' is {}, expected at least 0", block));
  if (block == 0) {
    require_scale(node, 1, "the scale", scale_count(node), kAllScaleTypes);
    require_zero_point(node, 2, "the zero point", dtype);
    return;
  }
  require_scale_type(node, 1, "the scale", kAllScaleTypes);
  require_positive(node, 1, "the scale");
  if (node.has_input(2) && node.input(2).dtype != dtype) {
    throw Error(fmt::format("the zero point (input 2) is {}, expected {}", name_of(node.input(2).dtype),
                            name_of(dtype)));
  }
  const Shape &src = node.shape(0), &scale = node.shape(1);
  if (!src.known() || !scale.known()) return;
  if (src.rank() == 0) throw Error("attribute 'block_size' is given for a scalar");
  Shape expected = src;
  const int axis = quantization_axis(node);
  expected[axis] = (src[axis] + block - 1) / block;
  if (scale != expected) {
    throw Error(fmt::format("the scale (input 1) has shape {}, expected {} for blocks of {} along axis {}",
                            scale.to_string(), expected.to_string(), block, axis));
  }
  if (node.has_input(2) && node.shape(2).known() && node.shape(2) != scale) {
    throw Error(fmt::format("the zero point (input 2) has shape {}, expected that of its scale, {}",
                            node.shape(2).to_string(), scale.to_string()));
  }
}

ScalePlaces::ScalePlaces(const NodeView& node, const Shape& shape, const Shape& scale) {
  if (scale.elements() == 1 || shape.elements() == 0) return;
  const int axis = normalize_axis(node.attributes.integer("axis", 1), shape.rank());
  inner_ = shape.product(axis + 1, shape.rank());
  along_ = shape[axis];
  place_step_ = 1;
  if (!is_blocked(node)) return;
  block_ = node.attributes.integer("block_size", 0);
  place_step_ = inner_;
  outer_step_ = scale[axis] * inner_;
}

float f32_at(const TensorView& tensor, std::int64_t i) {
  return visit_dtype(tensor.desc.dtype,
                     [&]<class T>() { return static_cast<float>(tensor.as<const T>()[i]); });
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
  return f32_at(node.inputs[i].constant->view(), 0);
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
  return node.inputs[1].constant != nullptr && known_or_absent(node, 2) && !is_blocked(node) &&
         (is_per_tensor(node) || quantization_axis(node) != 0);
}

}  // namespace godwit::ops
