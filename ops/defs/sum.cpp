// Sum: the sum of all operands, with broadcasting.
#include "ops/algorithms/sum_spans.h"
#include "ops/arithmetic.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    fold_operands<T>(
        src, dst[0], [](T x) { return static_cast<double>(x); }, [](double a, double b) { return a + b; },
        [&](auto x) { return clamp(node.epilogue, static_cast<double>(x)); });
  });
}

const Implementation sum_spans{"sum_spans", "operand after operand in blocks that stay in the L1",
                               reject_sum_spans, prepare_sum_spans};

}  // namespace

const OpDef& op_sum() {
  static const OpDef def{
      .name = "Sum",
      .sentence = "the sum of all operands, with broadcasting",
      .since_opset = 8,
      .max_inputs = kMostOperands,
      .kind = OpKind::elementwise,
      .infer = infer_variadic_float,
      .reference = reference,
      .layout = layout_of_binary,
      .fuses_clamp = true,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&sum_spans, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
