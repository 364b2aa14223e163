// BitwiseXor: the bits that one integer alone has, with broadcasting.
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_integers(src, dst[0], [](auto a, auto b) { return a ^ b; });
}

}  // namespace

const OpDef& op_bitwise_xor() {
  static const OpDef def{
      .name = "BitwiseXor",
      .sentence = "the bits that one integer alone has, with broadcasting",
      .since_opset = 18,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::elementwise,
      .infer = infer_binary_integer,
      .reference = reference,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
