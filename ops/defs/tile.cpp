// Tile: the operand repeated along each axis.
#include <fmt/format.h>

#include "ops/algorithms/strided_copy.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_tile(const NodeView& node) {
  const Shape& src = node.shape(0);
  const IntegerList repeats = integer_list(node, 1, "repeats");
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (!src.ranked()) {
    if (is_known(repeats.length)) dst.shape = shape_of_rank(repeats.length);
    return {dst};
  }
  if (is_known(repeats.length) && repeats.length != src.rank()) {
    throw Error(fmt::format("input 1 (repeats) has {}, expected {}, one for each dimension",
                            counted(repeats.length, "value"), src.rank()));
  }
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (!repeats.values) {
      dst.shape[axis] = kAnyDim;
      continue;
    }
    const std::int64_t repeat = (*repeats.values)[static_cast<std::size_t>(axis)];
    if (repeat < 0) throw Error(fmt::format("input 1 (repeats) has {}, expected at least 0", repeat));
    const std::int64_t factors[] = {src[axis], repeat};
    dst.shape[axis] = product_of(factors);
  }
  return {dst};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  for (int axis = 0; axis < src[0].desc.shape.rank(); ++axis)
    dst[0].desc.shape[axis] = src[0].desc.shape[axis] * integer_at(src[1], axis);
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Index strides = strides_of(src[0].desc);
  for_each_index(dst[0].desc.shape, [&](const Index& index, std::int64_t to) {
    std::int64_t from = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const auto i = static_cast<std::size_t>(axis);
      from += index[i] % shape[axis] * strides[i];
    }
    copy_element(src[0], from, dst[0], to);
  });
}

// A repeated axis of the result is two of the copy's: the repetition, and the place in it.
std::string reject(const NodeView& node, const Target&) {
  const Shape &src = node.shape(0), &dst = node.outputs[0].shape;
  int axes = src.rank();
  for (int axis = 0; axis < src.rank(); ++axis) axes += src[axis] != 1 && src[axis] != dst[axis] ? 1 : 0;
  return axes > kMaxRank ? "repeats more axes than a copy has" : "";
}

std::unique_ptr<Executable> prepare_copy(const NodeView& node, const PrepareContext&) {
  const Shape &src = node.shape(0), &dst = node.outputs[0].shape;
  const Index src_strides = strides_of(node.input(0)), dst_strides = strides_of(node.outputs[0]);
  CopyBox box;
  const auto add = [&](std::int64_t size, std::int64_t from, std::int64_t to) {
    const auto i = static_cast<std::size_t>(box.extent.rank());
    box.extent.append(size);
    box.src_strides[i] = from;
    box.dst_strides[i] = to;
  };
  for (int axis = 0; axis < src.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (src[axis] == dst[axis]) {
      add(src[axis], src_strides[i], dst_strides[i]);
    } else {
      add(src[axis] == 0 ? 0 : dst[axis] / src[axis], 0, dst_strides[i] * src[axis]);
      if (src[axis] != 1) add(src[axis], src_strides[i], dst_strides[i]);
    }
  }
  const CopyPart part{.box = box};
  return make_copies({&part, 1}, size_of(node.input(0).dtype));
}

const Implementation strided_copy{"strided_copy", "repeated by strides of 0", reject, prepare_copy};

bool batch_separable(const NodeView& node) {
  return node.inputs[1].constant != nullptr && node.shape(0).rank() > 0 &&
         integer_at(node.inputs[1].constant->view(), 0) == 1;
}

}  // namespace

const OpDef& op_tile() {
  static const OpDef def{
      .name = "Tile",
      .sentence = "the operand repeated along each axis",
      .since_opset = 6,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_tile,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .batch_separable = batch_separable,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
