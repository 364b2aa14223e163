// Requantize (internal): a u8 tensor in steps of another scale.
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/quantized.h"

namespace godwit::ops {
namespace {

using In = RequantizeOperand;

std::vector<TensorDesc> infer_requantize(const NodeView& node) {
  require_quantized_tensor(node, In::src, "the input");
  require_linear(node, In::dst_scale, "the result");
  return {{DType::u8, node.shape(In::src), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto [finish, step] = quantized_end(node, src, In::dst_scale);
  const QuantizedTerm term = quantized_term(src, In::src_scale);
  const auto* from = src[In::src].as<const std::uint8_t>();
  for (std::int64_t i = 0; i < dst[0].desc.shape.elements(); ++i) {
    const float value = (static_cast<float>(from[i]) - term.zero_point) * term.scale / step;
    dst[0].as<std::uint8_t>()[i] = static_cast<std::uint8_t>(finish_value(finish, value));
  }
}

Cost cost_requantize(const NodeView& node) {
  return {.macs = 0, .flops = work_product({4, output_elements(node)})};
}

}  // namespace

const OpDef& op_requantize() {
  static const OpDef def{
      .name = "Requantize",
      .domain = "godwit",
      .sentence = "8-bit numbers in steps of another scale",
      .min_inputs = In::count - 1,
      .max_inputs = In::count,
      .kind = OpKind::quantize,
      .infer = infer_requantize,
      .reference = reference,
      .cost = cost_requantize,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&requantize_bytes},
  };
  return def;
}

}  // namespace godwit::ops
