// DynamicQuantizeLinear: a tensor as u8 numbers, with the scale and zero point that its own range asks for.
#include <algorithm>
#include <fmt/format.h>

#include "ops/movement.h"
#include "ops/quantization.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_quantize(const NodeView& node) {
  if (node.input(0).dtype != DType::f32) {
    throw Error(fmt::format("input 0 is {}, expected f32", name_of(node.input(0).dtype)));
  }
  return {{DType::u8, node.shape(0), Layout::nchw},
          {DType::f32, {}, Layout::nchw},
          {DType::u8, {}, Layout::nchw}};
}

// The range always holds 0; a tensor of zeros gets scale 0, as in ONNX's own definition, and numbers that are
// 0.
void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  float lowest = 0, highest = 0;
  for (const float value : src[0].values<const float>()) {
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
  const float scale = (highest - lowest) / 255.0F;
  const std::uint8_t zero = scale > 0 ? to_quantized<std::uint8_t>(-lowest / scale, 0) : std::uint8_t{0};
  *dst[1].as<float>() = scale;
  *dst[2].as<std::uint8_t>() = zero;
  for (std::int64_t i = 0; i < src[0].desc.shape.elements(); ++i) {
    dst[0].as<std::uint8_t>()[i] =
        scale > 0 ? to_quantized<std::uint8_t>(src[0].as<const float>()[i] / scale, zero) : std::uint8_t{0};
  }
}

Cost cost_quantize(const NodeView& node) {
  const Shape& shape = node.shape(0);
  return {.macs = 0, .flops = shape.known() ? 4 * shape.elements() : 0};
}

}  // namespace

const OpDef& op_dynamic_quantize_linear() {
  static const OpDef def{
      .name = "DynamicQuantizeLinear",
      .sentence = "a tensor as u8 numbers, with the scale and zero point of its own range",
      .since_opset = 11,
      .min_outputs = 3,
      .max_outputs = 3,
      .kind = OpKind::quantize,
      .infer = infer_quantize,
      .reference = reference,
      .cost = cost_quantize,
  };
  return def;
}

}  // namespace godwit::ops
