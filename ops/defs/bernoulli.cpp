// Bernoulli: ones as often as the operand's elements say, zeros otherwise.
#include "ops/arithmetic.h"
#include "ops/drawing.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_bernoulli(const NodeView& node) {
  require_dtype(node, 0, "input", kFloatTypes);
  return {{dtype_attribute(node.attributes, "dtype", node.input(0).dtype), node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  Generator generator(node);
  const std::int64_t count = dst[0].desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i)
    set_number(dst[0], i, generator.uniform() < real_at(src[0], i) ? 1 : 0);
}

}  // namespace

const OpDef& op_bernoulli() {
  static const OpDef def{
      .name = "Bernoulli",
      .sentence = "ones drawn with the operand's probabilities, zeros otherwise",
      .since_opset = 15,
      .attributes = {{"dtype", AttributeType::integer}, {"seed", AttributeType::real}},
      .kind = OpKind::random,
      .infer = infer_bernoulli,
      .reference = reference,
      .extents = same_extents,
  };
  return def;
}

}  // namespace godwit::ops
