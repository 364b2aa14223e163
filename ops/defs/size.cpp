// Size: how many elements the operand has.
#include "ops/movement.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_size(const NodeView&) { return {{DType::s64, {}, Layout::nchw}}; }

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = node.shape(0).bounded() ? src[0].desc.shape : node.shape(0);
  dst[0].as<std::int64_t>()[0] = shape.elements();
}

bool is_shape_known(const NodeView& node) { return node.shape(0).known(); }

}  // namespace

const OpDef& op_size() {
  static const OpDef def{
      .name = "Size",
      .sentence = "how many elements the operand has",
      .kind = OpKind::shape,
      .infer = infer_size,
      .reference = reference,
      .extents = no_extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .folds_from_descs = is_shape_known,
  };
  return def;
}

}  // namespace godwit::ops
