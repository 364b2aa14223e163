// Split: the operand cut along one axis, into parts of given sizes or of equal ones.
#include <algorithm>
#include <fmt/format.h>
#include <numeric>

#include "ops/algorithms/strided_copy.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

struct Piece {
  std::int64_t begin = 0, size = 0;
};

int axis_of(const NodeView& node, int rank) {
  return normalize_axis(node.attributes.integer("axis", 0), rank);
}

// Number of equal parts. The attribute counts also those that nobody asked for.
std::int64_t parts_of(const NodeView& node) {
  return node.attributes.integer("num_outputs", static_cast<std::int64_t>(node.output_count));
}

// The part of a dimension that result k takes, with sizes from `sizes` where that is present. The last of
// equal parts may be smaller. Sizes that are too large end where the dimension ends.
Piece piece_of(std::int64_t k, std::int64_t dim, std::int64_t parts, const TensorView& sizes) {
  if (!sizes.present()) {
    const std::int64_t size = (dim + parts - 1) / parts;
    const std::int64_t begin = std::min(k * size, dim);
    return {begin, std::min(size, dim - begin)};
  }
  Piece piece;
  for (std::int64_t i = 0; i <= k; ++i) {
    piece.begin += piece.size;
    piece.size = std::clamp<std::int64_t>(integer_at(sizes, i), 0, dim - piece.begin);
  }
  return piece;
}

TensorView constant_sizes(const NodeView& node) {
  return node.has_input(1) && node.inputs[1].constant != nullptr ? node.inputs[1].constant->view()
                                                                 : TensorView{};
}

void check_sizes(const NodeView& node, const std::vector<std::int64_t>& sizes, std::int64_t dim) {
  if (sizes.size() < node.output_count) {
    throw Error(fmt::format("input 1 (split) has {}, expected {}, one for each result",
                            counted(sizes.size(), "value"), node.output_count));
  }
  for (const std::int64_t size : sizes) {
    if (size < 0) throw Error(fmt::format("input 1 (split) has {}, expected at least 0", size));
  }
  const std::int64_t sum = sum_of(sizes);
  if (is_known(dim) && sum != dim)
    throw Error(fmt::format("input 1 (split) adds up to {}, expected {}, the dimension", sum, dim));
}

// The size along the axis of result k.
std::int64_t part_dim(const NodeView& node, std::int64_t k, std::int64_t dim) {
  const TensorView sizes = constant_sizes(node);
  if (!is_known(dim) && !is_bounded(dim)) return sizes.present() ? integer_at(sizes, k) : kAnyDim;
  const std::int64_t most = bound_of(dim);
  if (node.has_input(1) && !sizes.present()) return at_most(most);
  const std::int64_t size = piece_of(k, most, parts_of(node), sizes).size;
  if (is_known(dim)) return size;
  // A part behind the first is largest where the parts before it are full.
  return at_most(sizes.present() ? integer_at(sizes, k) : piece_of(0, most, parts_of(node), sizes).size);
}

std::vector<TensorDesc> infer_split(const NodeView& node) {
  const Shape& src = node.shape(0);
  std::vector<TensorDesc> dst(node.output_count, {node.input(0).dtype, src, Layout::nchw});
  IntegerList sizes;
  if (node.has_input(1)) sizes = integer_list(node, 1, "split");
  const std::int64_t parts = parts_of(node);
  if (parts < static_cast<std::int64_t>(node.output_count)) {
    throw Error(fmt::format("attribute 'num_outputs' is {}, expected {}, the number of results", parts,
                            node.output_count));
  }
  if (!src.ranked()) return dst;
  const int axis = axis_of(node, src.rank());
  if (sizes.values) check_sizes(node, *sizes.values, src[axis]);
  for (std::size_t k = 0; k < dst.size(); ++k)
    dst[k].shape[axis] = part_dim(node, static_cast<std::int64_t>(k), src[axis]);
  return dst;
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const int axis = axis_of(node, shape.rank());
  const TensorView sizes = src.size() > 1 ? src[1] : TensorView{};
  for (std::size_t k = 0; k < dst.size(); ++k) {
    dst[k].desc.shape = shape;
    dst[k].desc.shape[axis] = piece_of(static_cast<std::int64_t>(k), shape[axis], parts_of(node), sizes).size;
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const int axis = axis_of(node, shape.rank());
  const Index strides = strides_of(src[0].desc);
  const TensorView sizes = src.size() > 1 ? src[1] : TensorView{};
  for (std::size_t k = 0; k < dst.size(); ++k) {
    if (!dst[k].present()) continue;
    const Piece piece = piece_of(static_cast<std::int64_t>(k), shape[axis], parts_of(node), sizes);
    const std::int64_t first = piece.begin * strides[static_cast<std::size_t>(axis)];
    for_each_index(dst[k].desc.shape, [&](const Index& index, std::int64_t to) {
      copy_element(src[0], first + offset_of(index, strides, shape.rank()), dst[k], to);
    });
  }
}

std::string reject(const NodeView& node, const Target&) {
  return node.has_input(1) && node.inputs[1].constant == nullptr ? "its sizes are computed at run time" : "";
}

std::unique_ptr<Executable> prepare_copies(const NodeView& node, const PrepareContext&) {
  const Shape& shape = node.shape(0);
  const int axis = axis_of(node, shape.rank());
  const Index strides = strides_of(node.input(0));
  std::vector<CopyPart> parts;
  for (std::size_t k = 0; k < node.outputs.size(); ++k) {
    const TensorDesc& dst = node.outputs[k];
    if (dst.shape.rank() != shape.rank()) continue;  // a result that nobody asked for
    const Piece piece =
        piece_of(static_cast<std::int64_t>(k), shape[axis], parts_of(node), constant_sizes(node));
    parts.push_back({.dst = k,
                     .box = {.extent = dst.shape,
                             .src_strides = strides,
                             .dst_strides = strides_of(dst),
                             .src_offset = piece.begin * strides[static_cast<std::size_t>(axis)]}});
  }
  return make_copies(parts, size_of(node.input(0).dtype));
}

const Implementation strided_copy{"strided_copy", "each part copied in the longest runs there are", reject,
                                  prepare_copies};

bool is_whole(const NodeView& node) { return node.output_count == 1 && parts_of(node) == 1; }

bool batch_separable(const NodeView& node) {
  return reject(node, {}).empty() && axis_of(node, node.shape(0).rank()) != 0;
}

}  // namespace

const OpDef& op_split() {
  static const OpDef def{
      .name = "Split",
      .sentence = "the operand cut into parts along one axis",
      .since_opset = 13,
      .min_inputs = 1,
      .max_inputs = 2,
      .min_outputs = 1,
      .max_outputs = 1024,
      .attributes = {{"axis", AttributeType::integer}, {"num_outputs", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_split,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .is_view = is_whole,
      .batch_separable = batch_separable,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
