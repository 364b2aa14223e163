// Pooling geometry from a node's attributes.
#include "ops/pooling.h"

#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::int64_t count_along(const WindowAxis& axis, std::int64_t o, bool padded) {
  std::int64_t count = 0;
  for (std::int64_t t = 0; t < axis.kernel; ++t) {
    const std::int64_t i = axis.position(o, t);
    if (padded ? i < axis.input + axis.pad_end : axis.contains(i)) ++count;
  }
  return count;
}

}  // namespace

Window pool_window(const NodeView& node) {
  const std::span<const std::int64_t> spatial = node.shape(0).dims().subspan(2);
  WindowAttributes attributes = window_attributes(node.attributes, spatial.size());
  attributes.may_be_empty = true;
  return window_of(attributes, spatial, node.attributes.integers("kernel_shape"));
}

Shape infer_pool_shape(const NodeView& node) {
  require_rank(node, 0, 3, 2 + kMaxSpatial);
  const Shape& src = node.shape(0);
  if (!src.ranked()) return src;
  Shape dst{src[0], src[1]};
  const Window window = pool_window(node);
  for (const WindowAxis& axis : window.spatial()) dst.append(axis.output);
  return dst;
}

std::vector<TensorDesc> infer_global_pool(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_rank(node, 0, 3);
  Shape shape = node.shape(0);
  for (int axis = 2; axis < shape.rank(); ++axis) shape[axis] = 1;
  return {{node.input(0).dtype, shape, Layout::nchw}};
}

double norm_order(const Attributes& attributes) {
  const std::int64_t p = attributes.integer("p", 2);
  if (p < 1) throw Error(fmt::format("attribute 'p' is {}, expected at least 1", p));
  return static_cast<double>(p);
}

std::int64_t count_taps(const Window& window, const WindowPosition& at, bool padded) {
  return count_along(window.d(), at.d, padded) * count_along(window.h(), at.h, padded) *
         count_along(window.w(), at.w, padded);
}

Cost cost_of_pool(const NodeView& node) {
  std::int64_t taps = 1;
  for (const std::int64_t size : node.attributes.integers("kernel_shape")) taps = work_product({taps, size});
  return {.macs = 0, .flops = work_product({taps, output_elements(node)})};
}

}  // namespace godwit::ops
