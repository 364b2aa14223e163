// Mod: the remainder of a division, with the sign of the divisor or, as C has it (fmod), of the dividend.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_mod(const NodeView& node) {
  std::vector<TensorDesc> descs = infer_binary(node);
  if (!node.attributes.flag("fmod", false) && is_float(descs[0].dtype))
    throw Error("attribute 'fmod' is 0, expected 1 for floats");
  return descs;
}

// 0 where the divisor is: the processor would trap, as it would for the smallest number and -1.
template <class T>
T remainder(T a, T b, bool as_dividend) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
    const auto rest = static_cast<T>(a % b);
    return static_cast<T>(!as_dividend && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
  } else {
    return static_cast<T>(a % b);
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const bool as_dividend = node.attributes.flag("fmod", false);
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    map_pairs<T, T>(src, dst[0], [&](T a, T b) {
      if constexpr (std::is_integral_v<T>) {
        return remainder(a, b, as_dividend);
      } else {
        return static_cast<T>(std::fmod(static_cast<double>(a), static_cast<double>(b)));
      }
    });
  });
}

}  // namespace

const OpDef& op_mod() {
  static const OpDef def{
      .name = "Mod",
      .sentence = "the remainder of a division, with broadcasting",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"fmod", AttributeType::integer}},
      .kind = OpKind::elementwise,
      .infer = infer_mod,
      .reference = reference,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
