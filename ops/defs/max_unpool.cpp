// MaxUnpool: elements put back to where MaxPool found them, zeros everywhere else. Positions count in the
// whole tensor that the window's attributes give; a larger result, if asked for, has it in its first places.
// A position outside of it is passed over.
#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "ops/window.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The shape before pooling.
Shape unpooled(const NodeView& node, const Shape& src) {
  Shape dst = src;
  const auto rank = static_cast<std::size_t>(src.rank() - 2);
  const WindowAttributes window = window_attributes(node.attributes, rank);
  for (std::size_t i = 0; i < rank; ++i) {
    std::int64_t& dim = dst[static_cast<int>(i) + 2];
    if (!is_known(dim)) {
      dim = kAnyDim;
      continue;
    }
    constexpr std::int64_t kLargest = std::int64_t{1} << 31;
    if (dim > kLargest) throw Error(fmt::format("a spatial dimension of {} is too large", dim));
    if (window.kernel[i] < 1 || window.kernel[i] > kLargest)
      throw Error(fmt::format("a kernel of size {}", window.kernel[i]));
    dim = (dim - 1) * window.strides[i] + window.kernel[i] - window.pads_begin[i] - window.pads_end[i];
    if (dim < 0) throw Error(fmt::format("pads leave nothing of dimension {}", i + 2));
  }
  return dst;
}

std::vector<TensorDesc> infer_max_unpool(const NodeView& node) {
  require_dtype(node, 0, "X", kFloatTypes);
  require_dtype(node, 1, "I", std::array{DType::s64});
  require_rank(node, 0, 3, 2 + kMaxSpatial);
  const Shape& src = node.shape(0);
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  IntegerList asked;
  if (node.has_input(2)) asked = integer_list(node, 2, "output_shape");
  if (!src.ranked()) return {dst};
  require_rank(node, 1, src.rank(), src.rank());
  for (int i = 0; node.shape(1).ranked() && i < src.rank(); ++i) require_equal_dims(node, 1, i, 0, i);
  dst.shape = unpooled(node, src);
  if (!node.has_input(2)) return {dst};
  if (is_known(asked.length) && asked.length != src.rank()) {
    throw Error(fmt::format("input 2 (output_shape) has {}, expected {}", counted(asked.length, "value"),
                            src.rank()));
  }
  for (int i = 0; i < src.rank(); ++i) {
    const std::int64_t size = asked.values ? (*asked.values)[static_cast<std::size_t>(i)] : kAnyDim;
    if (asked.values && size < 0)
      throw Error(fmt::format("input 2 (output_shape) has {}, expected at least 0", size));
    dst.shape[i] = size;
  }
  return {dst};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::size_t bytes = dst[0].desc.bytes();
  if (bytes == 0) return;
  std::memset(dst[0].data, 0, bytes);
  const Shape pooled_from = unpooled(node, src[0].desc.shape);
  const Index strides = strides_of(dst[0].desc);
  const std::int64_t places = pooled_from.elements();
  const std::int64_t count = src[0].desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t position = src[1].as<const std::int64_t>()[i];
    if (position < 0 || position >= places) continue;
    std::int64_t to = 0;
    bool inside = true;
    for (int axis = pooled_from.rank() - 1; axis >= 0; --axis) {
      const std::int64_t at = position % pooled_from[axis];
      position /= pooled_from[axis];
      inside = inside && at < dst[0].desc.shape[axis];
      to += at * strides[static_cast<std::size_t>(axis)];
    }
    if (inside) copy_element(src[0], i, dst[0], to);
  }
}

}  // namespace

const OpDef& op_max_unpool() {
  static const OpDef def{
      .name = "MaxUnpool",
      .sentence = "elements put back to where MaxPool found them",
      .since_opset = 9,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"kernel_shape", AttributeType::integers, true},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .infer = infer_max_unpool,
      .reference = reference,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
