// Transpose: the dimensions in another order.
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

// Axis i of the result is axis order[i] of the operand; without the attribute, all of them reversed.
Index order_of(const NodeView& node, int rank) {
  const std::span<const std::int64_t> perm = node.attributes.integers("perm");
  Index order{};
  for (int i = 0; i < rank; ++i) {
    order[static_cast<std::size_t>(i)] =
        node.attributes.has("perm") ? perm[static_cast<std::size_t>(i)] : rank - 1 - i;
  }
  return order;
}

std::vector<TensorDesc> infer_transpose(const NodeView& node) {
  const Shape& src = node.shape(0);
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (node.attributes.has("perm")) {
    const std::span<const std::int64_t> perm = node.attributes.integers("perm");
    const auto rank = static_cast<std::int64_t>(perm.size());
    if (src.ranked() && src.rank() != rank) {
      throw Error(fmt::format("attribute 'perm' has {}, expected {}", counted(rank, "value"), src.rank()));
    }
    dst.shape = shape_of_rank(rank);
    unsigned seen = 0;
    for (const std::int64_t axis : perm) {
      if (axis < 0 || axis >= rank || (seen >> axis & 1U) != 0) {
        throw Error(fmt::format("attribute 'perm' is [{}], expected the numbers 0 to {} in some order",
                                fmt::join(perm, ", "), rank - 1));
      }
      seen |= 1U << axis;
    }
  }
  if (!src.ranked()) return {dst};
  const Index order = order_of(node, src.rank());
  for (int i = 0; i < src.rank(); ++i)
    dst.shape[i] = src[static_cast<int>(order[static_cast<std::size_t>(i)])];
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Index order = order_of(node, shape.rank());
  for (int i = 0; i < shape.rank(); ++i)
    dst[0].desc.shape[i] = shape[static_cast<int>(order[static_cast<std::size_t>(i)])];
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const int rank = src[0].desc.shape.rank();
  const Index order = order_of(node, rank);
  const Index strides = strides_of(src[0].desc);
  for_each_index(dst[0].desc.shape, [&](const Index& index, std::int64_t to) {
    std::int64_t from = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rank); ++i) {
      from += index[i] * strides[static_cast<std::size_t>(order[i])];
    }
    copy_element(src[0], from, dst[0], to);
  });
}

// Axes in the order in which a tensor's bytes lie.
Index memory_order(int rank, Layout layout) {
  Index order{};
  for (int i = 0; i < rank; ++i) order[static_cast<std::size_t>(i)] = i;
  if (layout == Layout::nhwc) std::rotate(order.begin() + 1, order.begin() + 2, order.begin() + rank);
  return order;
}

// True where the axes longer than 1 keep their order in memory, so that no byte moves.
bool moves_nothing(const NodeView& node) {
  const Shape& src = node.shape(0);
  if (!src.ranked()) return false;
  const std::span<const std::int64_t> perm = node.attributes.integers("perm");
  if (node.attributes.has("perm") && perm.size() != static_cast<std::size_t>(src.rank())) return false;
  const Index order = order_of(node, src.rank());
  const Layout layout = node.outputs.empty() ? Layout::nchw : node.outputs[0].layout;
  const Index lies = memory_order(src.rank(), node.input(0).layout);
  const Index written = memory_order(src.rank(), layout);
  int at = 0;  // in `lies`
  for (int i = 0; i < src.rank(); ++i) {
    const std::int64_t axis = order[static_cast<std::size_t>(written[static_cast<std::size_t>(i)])];
    if (src[static_cast<int>(axis)] == 1) continue;
    while (src[static_cast<int>(lies[static_cast<std::size_t>(at)])] == 1) ++at;
    if (lies[static_cast<std::size_t>(at++)] != axis) return false;
  }
  return true;
}

std::string accept(const NodeView&, const Target&) { return {}; }

std::unique_ptr<Executable> prepare_copy(const NodeView& node, const PrepareContext&) {
  const int rank = node.shape(0).rank();
  const Index order = order_of(node, rank);
  const Index strides = strides_of(node.input(0));
  CopyBox box{.extent = node.outputs[0].shape, .dst_strides = strides_of(node.outputs[0])};
  for (std::size_t i = 0; i < static_cast<std::size_t>(rank); ++i) {
    box.src_strides[i] = strides[static_cast<std::size_t>(order[i])];
  }
  const CopyPart part{.box = box};
  return make_copies({&part, 1}, size_of(node.input(0).dtype));
}

const Implementation strided_copy{"strided_copy", "tiles that read and write whole cache lines", accept,
                                  prepare_copy};

bool batch_separable(const NodeView& node) {
  const int rank = node.shape(0).rank();
  return rank > 0 && order_of(node, rank)[0] == 0;
}

// Shapes need not be known for it.
bool keeps_order(const NodeView& node) {
  const std::span<const std::int64_t> perm = node.attributes.integers("perm");
  for (std::size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  }
  return !perm.empty();  // absent: the axes are reversed
}

}  // namespace

const OpDef& op_transpose() {
  static const OpDef def{
      .name = "Transpose",
      .sentence = "the dimensions in another order",
      .attributes = {{"perm", AttributeType::integers}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_transpose,
      .reference = reference,
      .extents = extents,
      .cost = no_arithmetic,
      .is_view = moves_nothing,
      .is_identity = keeps_order,
      .batch_separable = batch_separable,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
