// Dropout as it is at inference: the operand itself, and a mask that keeps everything.
#include <algorithm>

#include "ops/movement.h"
#include "ops/numbers.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// Also in training nothing is dropped where the ratio is 0.
bool drops_nothing(const NodeView& node) {
  const Tensor* ratio = node.has_input(1) ? node.inputs[1].constant : nullptr;
  return ratio != nullptr && ratio->shape().elements() == 1 && any_number_at(ratio->view(), 0) == 0;
}

std::vector<TensorDesc> infer_dropout(const NodeView& node) {
  if (node.has_input(2)) {
    const Tensor* training = node.inputs[2].constant;
    const bool known =
        node.input(2).dtype == DType::boolean && training != nullptr && training->shape().elements() == 1;
    if (!known || (training->values<bool>()[0] && !drops_nothing(node))) {
      throw Error(
          "input 2 (training_mode) is not the constant false; dropout is supported for inference only");
    }
  }
  std::vector<TensorDesc> dst{{node.input(0).dtype, node.shape(0), Layout::nchw}};
  if (node.output_count > 1) dst.push_back({DType::boolean, node.shape(0), Layout::nchw});
  return dst;
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  copy_bytes(src[0], dst[0]);
  if (dst.size() > 1 && dst[1].present()) std::ranges::fill(dst[1].values<bool>(), true);
}

bool has_no_mask(const NodeView& node) { return node.output_count == 1; }

LayoutRule layout_of(const NodeView& node) {
  return has_no_mask(node) ? LayoutRule::follows : LayoutRule::nchw_only;
}

bool moves(const NodeView& node, std::size_t operand) { return operand == 0 && has_no_mask(node); }

}  // namespace

const OpDef& op_dropout() {
  static const OpDef def{
      .name = "Dropout",
      .sentence = "the operand itself (inference only)",
      .since_opset = 12,
      .max_inputs = 3,
      .max_outputs = 2,
      .attributes = {{"seed", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves,
      .infer = infer_dropout,
      .reference = reference,
      .extents = same_extents,
      .cost = no_arithmetic,
      .layout = layout_of,
      .is_view = has_no_mask,
      .is_identity = always,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
