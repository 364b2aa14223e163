// Shapes and distributions of drawn numbers.
#include "ops/drawing.h"

#include <fmt/format.h>

#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

DType checked_dtype(const NodeView& node, DType fallback) {
  (void)node.attributes.real("seed", 0);
  return dtype_attribute(node.attributes, "dtype", fallback);
}

}  // namespace

std::vector<TensorDesc> infer_drawn(const NodeView& node) {
  const std::span<const std::int64_t> dims = node.attributes.integers("shape");
  for (const std::int64_t dim : dims) {
    if (dim < 0) throw Error(fmt::format("attribute 'shape' has {}, expected at least 0", dim));
  }
  return {{checked_dtype(node, DType::f32), Shape(dims), Layout::nchw}};
}

std::vector<TensorDesc> infer_drawn_like(const NodeView& node) {
  const DType own = node.input(0).dtype;
  return {{checked_dtype(node, is_float(own) ? own : DType::f32), node.shape(0), Layout::nchw}};
}

void draw_uniform(const NodeView& node, const TensorView& dst) {
  Generator generator(node);
  const auto low = static_cast<double>(node.attributes.real("low", 0));
  const auto high = static_cast<double>(node.attributes.real("high", 1));
  const std::int64_t count = dst.desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i) set_number(dst, i, low + (high - low) * generator.uniform());
}

void draw_normal(const NodeView& node, const TensorView& dst) {
  Generator generator(node);
  const auto mean = static_cast<double>(node.attributes.real("mean", 0));
  const auto scale = static_cast<double>(node.attributes.real("scale", 1));
  const std::int64_t count = dst.desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i) set_number(dst, i, mean + scale * generator.normal());
}

}  // namespace godwit::ops
