// Clip: max(minimum, min(x, maximum)) with either bound left out at will; NaN stays NaN.
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_clip(const NodeView& node) {
  require_one_dtype(node, kNumberTypes);
  for (std::size_t i = 1; i <= 2; ++i) {
    if (!node.has_input(i)) continue;
    const Shape& shape = node.shape(i);
    if (shape.known() && shape.elements() != 1) {
      throw Error(fmt::format("input {} has shape {}, expected one number", i, shape.to_string()));
    }
  }
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    const auto number = [&](std::size_t operand, std::int64_t i) {
      return static_cast<Computed<T>>(src[operand].as<const T>()[i]);
    };
    const std::int64_t count = dst[0].desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      auto value = number(0, i);
      if (node.has_input(1) && value < number(1, 0)) value = number(1, 0);
      // Last, so that the maximum wins where the two are the wrong way round.
      if (node.has_input(2) && value > number(2, 0)) value = number(2, 0);
      dst[0].as<T>()[i] = static_cast<T>(value);
    }
  });
}

// A bound; nullopt where it is not one constant f32.
std::optional<float> bound_of(const NodeView& node, std::size_t i, float absent) {
  if (!node.has_input(i)) return absent;
  const Tensor* bound = node.inputs[i].constant;
  if (bound == nullptr || bound->dtype() != DType::f32 || bound->shape().elements() != 1) return std::nullopt;
  return bound->values<float>()[0];
}

// Nullopt also for bounds the wrong way round, which give the maximum everywhere, and for NaN.
std::optional<Clamp> clamp_of(const NodeView& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::optional<float> minimum = bound_of(node, 1, -kInfinity), maximum = bound_of(node, 2, kInfinity);
  if (!minimum || !maximum || !(*minimum <= *maximum)) return std::nullopt;
  return Clamp{*minimum, *maximum};
}

}  // namespace

const OpDef& op_clip() {
  static const OpDef def{
      .name = "Clip",
      .sentence = "x held between two bounds",
      .since_opset = 11,
      .max_inputs = 3,
      .kind = OpKind::clamp,
      .clamp = clamp_of,
      .infer = infer_clip,
      .reference = reference,
      .cost = cost_per_element<2>,
      .layout = any_layout,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&unary_clip},
  };
  return def;
}

}  // namespace godwit::ops
