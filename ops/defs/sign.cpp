// Sign: 1 above zero, -1 below; zero and NaN stay what they are.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_numbers(src[0], dst[0], [](auto x) {
    using T = decltype(x);
    if constexpr (std::is_unsigned_v<T>) {
      return static_cast<T>(x > 0);
    } else {
      return x > 0 ? T{1} : x < 0 ? T(-1) : x;  // zero and NaN stay as they are
    }
  });
}

}  // namespace

const OpDef& op_sign() {
  static const OpDef def{
      .name = "Sign",
      .sentence = "-1, 0 or 1 by the sign of each element",
      .since_opset = 9,
      .kind = OpKind::elementwise,
      .infer = infer_number,
      .reference = reference,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
