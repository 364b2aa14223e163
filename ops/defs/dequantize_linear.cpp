// DequantizeLinear: (x - zero_point) · scale, with one scale, one for each element along an axis, or one for
// each block of them.
#include <fmt/format.h>
#include <type_traits>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/quantization.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

bool is_quantized_type(DType dtype) {
  return is_narrow(dtype) ? dtype != DType::f8e8m0
                          : dtype == DType::u8 || dtype == DType::s8 || dtype == DType::u16 ||
                                dtype == DType::s16 || dtype == DType::s32;
}

DType result_type(const NodeView& node) {
  const std::int64_t code = node.attributes.integer("output_dtype", 0);
  if (code == 0) return node.input(1).dtype == DType::f8e8m0 ? DType::f32 : node.input(1).dtype;
  const auto dtype = code > 0 && code <= 255 ? dtype_from_onnx(static_cast<int>(code)) : std::nullopt;
  if (!dtype || !is_kernel_float(*dtype))
    throw Error(fmt::format("attribute 'output_dtype' is {}, expected f32 (1), f16 (10) or bf16 (16)", code));
  return *dtype;
}

std::vector<TensorDesc> infer_dequantize(const NodeView& node) {
  const DType dtype = node.input(0).dtype;
  if (!is_quantized_type(dtype)) {
    throw Error(fmt::format("input 0 is {}, expected s32, an integer of at most 16 bits or a float of 8 or 4",
                            name_of(dtype)));
  }
  require_quantization(node, dtype);
  return {{result_type(node), node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const ScalePlaces place(node, src[0].desc.shape, src[1].desc.shape);
  const bool shifts = src.size() > 2 && src[2].present();
  visit_dtype(src[0].desc.dtype, [&]<class T>() {
    if constexpr (is_narrow(dtype_of<T>) || (std::is_integral_v<T> && sizeof(T) <= 4)) {
      for (std::int64_t i = 0; i < src[0].desc.shape.elements(); ++i) {
        const std::int64_t k = place(i);
        float steps = 0;
        if constexpr (is_narrow_float(dtype_of<T>)) {
          const float zero = shifts ? f32_at(src[2], k) : 0;
          steps = f32_at(src[0], i) - zero;
        } else {
          const std::int64_t zero = shifts ? static_cast<std::int64_t>(src[2].as<const T>()[k]) : 0;
          steps = static_cast<float>(static_cast<std::int64_t>(src[0].as<const T>()[i]) - zero);
        }
        set_real(dst[0], i, static_cast<double>(steps * f32_at(src[1], k)));
      }
    }
  });
}

Cost cost_dequantize(const NodeView& node) {
  const Shape& shape = node.outputs[0].shape;
  return {.macs = 0, .flops = shape.known() ? 2 * shape.elements() : 0};
}

}  // namespace

const OpDef& op_dequantize_linear() {
  static const OpDef def{
      .name = "DequantizeLinear",
      .sentence = "the real numbers that ones of fewer bits stand for: (x - zero_point) * scale",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"axis", AttributeType::integer},
                     {"block_size", AttributeType::integer},
                     {"output_dtype", AttributeType::integer}},
      .kind = OpKind::dequantize,
      .infer = infer_dequantize,
      .reference = reference,
      .cost = cost_dequantize,
      .layout = layout_of_quantization,
      .batch_separable = quantization_keeps_images_apart,
      .implementations = {&dequantize_span},
  };
  return def;
}

}  // namespace godwit::ops
