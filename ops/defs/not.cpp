// Not: the other truth value.
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::int64_t count = dst[0].desc.shape.elements();
  for (std::int64_t i = 0; i < count; ++i) dst[0].as<bool>()[i] = !src[0].as<const bool>()[i];
}

}  // namespace

const OpDef& op_not() {
  static const OpDef def{
      .name = "Not",
      .sentence = "the other truth value",
      .since_opset = 1,
      .kind = OpKind::elementwise,
      .infer = infer_truth,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
