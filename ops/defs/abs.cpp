// Abs: the size of each element; the smallest integer, which has none, stays.
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  map_numbers(src[0], dst[0], [](auto x) {
    if constexpr (std::is_unsigned_v<decltype(x)>) {
      return x;
    } else if constexpr (std::is_floating_point_v<decltype(x)>) {
      return std::abs(x);
    } else {
      return x < 0 ? wrap_around(decltype(x){0}, x, [](auto a, auto b) { return a - b; }) : x;
    }
  });
}

}  // namespace

const OpDef& op_abs() {
  static const OpDef def{
      .name = "Abs",
      .sentence = "the size of each element",
      .since_opset = 6,
      .kind = OpKind::elementwise,
      .infer = infer_number,
      .reference = reference,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_abs, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
