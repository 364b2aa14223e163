// Pooling geometry from a node's attributes.
#include "ops/pooling.h"

#include "ops/arithmetic.h"

namespace godwit::ops {

Window2d pool_window(const NodeView& node) {
  return window_2d(node.attributes, node.shape(0).dims().subspan(2), node.attributes.integers("kernel_shape"),
                   node.attributes.flag("ceil_mode", false));
}

Shape infer_pool_shape(const NodeView& node) {
  require_rank(node, 0, 3, 4);
  const Shape& src = node.shape(0);
  if (!src.ranked()) return src;
  Shape dst{src[0], src[1]};
  for (const WindowAxis& axis :
       window_axes(node.attributes, src.dims().subspan(2), node.attributes.integers("kernel_shape"),
                   node.attributes.flag("ceil_mode", false))) {
    dst.append(axis.output);
  }
  return dst;
}

std::int64_t count_taps(const WindowAxis& axis, std::int64_t o, bool padded) {
  std::int64_t count = 0;
  for (std::int64_t t = 0; t < axis.kernel; ++t) {
    const std::int64_t i = o * axis.stride + t * axis.dilation - axis.pad_begin;
    const bool inside = padded ? i < axis.input + axis.pad_end : i >= 0 && i < axis.input;
    if (inside) ++count;
  }
  return count;
}

Cost cost_of_pool(const NodeView& node) {
  std::int64_t taps = 1;
  for (const std::int64_t size : node.attributes.integers("kernel_shape")) taps = work_product({taps, size});
  return {.macs = 0, .flops = work_product({taps, output_elements(node)})};
}

}  // namespace godwit::ops
