// Sum: the sum of all operands, with broadcasting.
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    fold_operands<T>(
        src, dst[0], [](T x) { return static_cast<double>(x); }, [](double a, double b) { return a + b; },
        [](auto x) { return x; });
  });
}

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
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
