// CenterCropPad: the middle of the operand along axes that are longer than asked for, zeros around it along
// those that are shorter; an odd one more lies behind.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <numeric>

#include "ops/axes.h"
#include "ops/blocks.h"
#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<int> axes_of(const NodeView& node, int rank) {
  if (node.attributes.has("axes")) return normalize_axes(node.attributes.integers("axes"), rank);
  std::vector<int> all(static_cast<std::size_t>(rank));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<TensorDesc> infer_center_crop_pad(const NodeView& node) {
  const Shape& src = node.shape(0);
  const IntegerList target = integer_list(node, 1, "shape");
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (!src.ranked()) return {dst};
  const std::vector<int> axes = axes_of(node, src.rank());
  if (is_known(target.length) && target.length != static_cast<std::int64_t>(axes.size())) {
    throw Error(fmt::format("input 1 (shape) has {}, expected {}, one for each axis",
                            counted(target.length, "value"), axes.size()));
  }
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const std::int64_t size = target.values ? (*target.values)[k] : kAnyDim;
    if (target.values && size < 0)
      throw Error(fmt::format("input 1 (shape) has {}, expected at least 0", size));
    dst.shape[axes[k]] = size;
  }
  return {dst};
}

// The part that both sides share. Axes that are not named have the same size on both.
CopyBox shared_box(const TensorDesc& src, const TensorDesc& dst) {
  CopyBox box{.extent = src.shape, .src_strides = strides_of(src), .dst_strides = strides_of(dst)};
  for (int axis = 0; axis < src.shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t from = src.shape[axis], to = dst.shape[axis];
    box.extent[axis] = std::min(from, to);
    if (from > to) {
      box.src_offset += (from - to) / 2 * box.src_strides[i];
    } else {
      box.dst_offset += (to - from) / 2 * box.dst_strides[i];
    }
  }
  return box;
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::size_t bytes = dst[0].desc.bytes();
  if (bytes == 0) return;
  std::memset(dst[0].data, 0, bytes);
  const CopyBox box = shared_box(src[0].desc, dst[0].desc);
  copy_box(box, src[0], dst[0]);
}

}  // namespace

const OpDef& op_center_crop_pad() {
  static const OpDef def{
      .name = "CenterCropPad",
      .sentence = "the middle of the operand, or zeros around it",
      .since_opset = 18,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"axes", AttributeType::integers}},
      .infer = infer_center_crop_pad,
      .reference = reference,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
