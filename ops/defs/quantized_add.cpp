// QuantizedAdd (internal): the sum of two u8 tensors of one shape, each with its scale, in steps of the
// result.
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/quantized.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

using In = QuantizedAddOperand;

std::vector<TensorDesc> infer_add(const NodeView& node) {
  require_quantized_tensor(node, In::lhs, "the first input");
  require_quantized_tensor(node, In::rhs, "the second input");
  require_linear(node, In::dst_scale, "the result");
  const Shape &lhs = node.shape(In::lhs), &rhs = node.shape(In::rhs);
  if (lhs.known() && rhs.known() && lhs != rhs)
    throw Error(fmt::format("shapes {} and {} differ", lhs.to_string(), rhs.to_string()));
  return {{DType::u8, lhs.known() ? lhs : rhs, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto [finish, step] = quantized_end(node, src, In::dst_scale);
  const QuantizedTerm lhs = quantized_term(src, In::lhs_scale);
  const QuantizedTerm rhs = quantized_term(src, In::rhs_scale);
  const auto *a = src[In::lhs].as<const std::uint8_t>(), *b = src[In::rhs].as<const std::uint8_t>();
  for (std::int64_t i = 0; i < dst[0].desc.shape.elements(); ++i) {
    const float first = (static_cast<float>(a[i]) - lhs.zero_point) * lhs.scale;
    const float second = (static_cast<float>(b[i]) - rhs.zero_point) * rhs.scale;
    dst[0].as<std::uint8_t>()[i] = static_cast<std::uint8_t>(finish_value(finish, (first + second) / step));
  }
}

// Two differences, two products, their sum, its quotient and rounding.
Cost cost_add(const NodeView& node) {
  return {.macs = 0, .flops = work_sum({work_product({7, output_elements(node)}), epilogue_flops(node)})};
}

}  // namespace

const OpDef& op_quantized_add() {
  static const OpDef def{
      .name = "QuantizedAdd",
      .domain = "godwit",
      .sentence = "the sum of two 8-bit tensors of one shape, rounded to 8 bits",
      .min_inputs = In::count - 1,
      .max_inputs = In::count,
      .kind = OpKind::quantized,
      .infer = infer_add,
      .reference = reference,
      .cost = cost_add,
      .layout = any_layout,
      .fuses_clamp = true,
      .batch_separable = always,
      .implementations = {&add_bytes},
  };
  return def;
}

}  // namespace godwit::ops
