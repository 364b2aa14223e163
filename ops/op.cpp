// The checks and defaults that all ops share.
#include "ops/op.h"

#include <algorithm>
#include <fmt/format.h>

#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

void check_count(std::string_view what, std::size_t count, std::size_t minimum, std::size_t maximum) {
  if (count >= minimum && count <= maximum) return;
  throw Error(minimum == maximum
                  ? fmt::format("has {}, expected {}", counted(count, what), minimum)
                  : fmt::format("has {}, expected {} to {}", counted(count, what), minimum, maximum));
}

std::int64_t bytes_of(const TensorDesc& desc) {
  return desc.shape.at_bounds().known() ? static_cast<std::int64_t>(desc.most_bytes()) : 0;
}

}  // namespace

const OpDef* find_op(std::string_view name, std::string_view domain) {
  for (const OpDef* op : all_ops()) {
    if (op->name == name && op->domain == domain) return op;
  }
  return nullptr;
}

std::vector<TensorDesc> infer(const OpDef& op, const NodeView& node) {
  check_count("input", node.own_inputs(), op.min_inputs, op.max_inputs);
  check_count("output", node.output_count, op.min_outputs, op.max_outputs);
  for (std::size_t i = 0; i < op.min_inputs; ++i) {
    if (!node.has_input(i)) throw Error(fmt::format("input {} is required and missing", i));
  }
  node.attributes.check(op.attributes);
  std::vector<TensorDesc> outputs = op.infer(node);
  for (const TensorDesc& desc : outputs) {
    if (desc.shape.at_bounds().known()) (void)desc.most_bytes();  // throws when the size overflows
  }
  return outputs;
}

bool has_bounds(const NodeView& node) {
  const auto operand_bounded = [](const Operand& operand) {
    return operand.present() && operand.desc->shape.bounded();
  };
  return std::ranges::any_of(node.inputs, operand_bounded) ||
         std::ranges::any_of(node.outputs, [](const TensorDesc& desc) { return desc.shape.bounded(); });
}

ExtentsFunction extents_of(const OpDef& op) {
  if (op.extents != nullptr || op.reference == nullptr) return op.extents;
  switch (op.kind) {
    case OpKind::elementwise:
      return broadcast_extents;
    case OpKind::clamp:
    case OpKind::cast:
      return same_extents;
    default:
      return nullptr;
  }
}

Cost cost(const OpDef& op, const NodeView& node) {
  Cost result;
  if (op.cost != nullptr) {
    result = op.cost(node);
  } else if (op.is_view == nullptr || !op.is_view(node)) {
    for (const TensorDesc& desc : node.outputs) {
      const Shape shape = desc.shape.at_bounds();
      if (shape.known()) result.flops += shape.elements();
    }
  }
  if (result.weight_bytes == 0 && result.activation_bytes == 0) {
    for (const Operand& operand : node.inputs) {
      if (!operand.present()) continue;
      (operand.constant != nullptr ? result.weight_bytes : result.activation_bytes) +=
          bytes_of(*operand.desc);
    }
    for (const TensorDesc& desc : node.outputs) result.activation_bytes += bytes_of(desc);
  }
  return result;
}

}  // namespace godwit::ops
