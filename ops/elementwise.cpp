// Shapes and layouts of element-wise ops.
#include "ops/elementwise.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "ops/layout.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array kTruth{DType::boolean};

std::vector<TensorDesc> same_as_first(const NodeView& node, std::span<const DType> allowed) {
  require_one_dtype(node, allowed);
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

std::vector<TensorDesc> broadcast(const NodeView& node, std::span<const DType> allowed) {
  require_one_dtype(node, allowed);
  Shape shape = node.shape(0);
  for (std::size_t i = 1; i < node.own_inputs(); ++i) {
    if (!node.has_input(i)) throw Error(fmt::format("input {} is left out", i));
    shape = broadcast_shapes(shape, node.shape(i));
  }
  return {{node.input(0).dtype, shape, Layout::nchw}};
}

}  // namespace

std::vector<TensorDesc> infer_unary(const NodeView& node) { return same_as_first(node, kFloatTypes); }

std::vector<TensorDesc> infer_number(const NodeView& node) { return same_as_first(node, kNumberTypes); }

std::vector<TensorDesc> infer_integer(const NodeView& node) { return same_as_first(node, kIntegerTypes); }

std::vector<TensorDesc> infer_truth(const NodeView& node) { return same_as_first(node, kTruth); }

std::vector<TensorDesc> infer_binary(const NodeView& node) { return broadcast(node, kNumberTypes); }

std::vector<TensorDesc> infer_binary_integer(const NodeView& node) { return broadcast(node, kIntegerTypes); }

std::vector<TensorDesc> infer_binary_truth(const NodeView& node) { return broadcast(node, kTruth); }

std::vector<TensorDesc> infer_comparison(const NodeView& node) {
  std::vector<TensorDesc> descs = broadcast(node, kNumberTypes);
  descs[0].dtype = DType::boolean;
  return descs;
}

std::vector<TensorDesc> infer_variadic(const NodeView& node) { return broadcast(node, kNumberTypes); }

std::vector<TensorDesc> infer_variadic_float(const NodeView& node) { return broadcast(node, kFloatTypes); }

LayoutRule layout_of_binary(const NodeView& node) {
  const Shape& dst = node.outputs[0].shape;
  if (!can_be_nhwc(dst)) return LayoutRule::nchw_only;
  for (const Operand& operand : node.inputs) {
    const Shape& shape = operand.desc->shape;
    const bool one_number = shape.known() && shape.elements() == 1;
    if (operand.constant == nullptr && shape.rank() != dst.rank() && !one_number)
      return LayoutRule::nchw_only;
  }
  return LayoutRule::follows;
}

bool broadcast_keeps_images_apart(const NodeView& node) {
  const int rank = node.outputs[0].shape.rank();
  return std::ranges::all_of(node.inputs, [rank](const Operand& operand) {
    if (!operand.present()) return true;
    const Shape& shape = operand.desc->shape;
    return operand.constant == nullptr ? shape.rank() == rank : shape.rank() < rank || shape[0] == 1;
  });
}

}  // namespace godwit::ops
