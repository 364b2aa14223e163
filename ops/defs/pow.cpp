// Pow: a to the power of b; the exponent may be of another type, the result has the base's.
#include <array>
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

constexpr std::array kBases{DType::f32, DType::f64, DType::f16, DType::bf16, DType::s32, DType::s64};

std::vector<TensorDesc> infer_pow(const NodeView& node) {
  NodeView base = node, exponent = node;
  base.inputs = node.inputs.subspan(0, 1);
  exponent.inputs = node.inputs.subspan(1, 1);
  require_one_dtype(base, kBases);
  require_one_dtype(exponent, kNumberTypes);
  return {{node.input(0).dtype, broadcast_shapes(node.shape(0), node.shape(1)), Layout::nchw}};
}

// An exponent of any type: as a real number, and where it is an integer as that (large ones of 64 bits wrap).
struct Exponent {
  double real;
  std::int64_t whole;
  bool is_whole;
};
Exponent exponent_at(const TensorView& tensor, std::int64_t i) {
  Exponent exponent{number_at(tensor, i), 0, is_integer(tensor.desc.dtype)};
  if (exponent.is_whole) {
    visit_number(tensor.desc.dtype, [&]<class T>() {
      if constexpr (std::is_integral_v<T>)
        exponent.whole = [](T value) { return static_cast<std::int64_t>(value); }(tensor.as<const T>()[i]);
    });
  }
  return exponent;
}

// Integers exact, wrapping around; a negative exponent leaves what a division of integers would.
template <class T>
T power(T base, const Exponent& exponent) {
  if constexpr (std::is_integral_v<T>) {
    if (exponent.is_whole && exponent.whole >= 0) {
      std::uint64_t result = 1, factor = [](T value) { return static_cast<std::uint64_t>(value); }(base);
      for (auto rest = static_cast<std::uint64_t>(exponent.whole); rest != 0; rest >>= 1, factor *= factor) {
        if ((rest & 1) != 0) result *= factor;
      }
      return static_cast<T>(result);
    }
  }
  return number_from<T>(std::pow(static_cast<double>(base), exponent.real));
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    BroadcastIndex a(dst[0].desc.shape, src[0].desc.shape);
    BroadcastIndex b(dst[0].desc.shape, src[1].desc.shape);
    const std::int64_t count = dst[0].desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i, a.next(), b.next())
      dst[0].as<T>()[i] = power(src[0].as<const T>()[a.offset()], exponent_at(src[1], b.offset()));
  });
}

}  // namespace

const OpDef& op_pow() {
  static const OpDef def{
      .name = "Pow",
      .sentence = "a to the power of b, with broadcasting",
      .since_opset = 12,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::elementwise,
      .infer = infer_pow,
      .reference = reference,
      .cost = cost_per_element<10>,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&unary_power, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
