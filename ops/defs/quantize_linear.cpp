// QuantizeLinear: saturate(round_half_even(x / scale) + zero_point), with one scale, one for each element
// along an axis, or one for each block of them.
#include <algorithm>
#include <fmt/format.h>
#include <type_traits>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/quantization.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

bool is_quantized_type(DType dtype) {
  return is_narrow(dtype)
             ? dtype != DType::f8e8m0
             : dtype == DType::u8 || dtype == DType::s8 || dtype == DType::u16 || dtype == DType::s16;
}

DType quantized_type(const NodeView& node) {
  const std::int64_t code = node.attributes.integer("output_dtype", 0);
  if (node.has_input(2)) {
    const DType dtype = node.input(2).dtype;
    if (code != 0 && code != onnx_code_of(dtype)) {
      throw Error(
          fmt::format("attribute 'output_dtype' is {}, but the zero point is {}", code, name_of(dtype)));
    }
    return dtype;
  }
  if (code == 0) return DType::u8;
  const auto dtype = code > 0 && code <= 255 ? dtype_from_onnx(static_cast<int>(code)) : std::nullopt;
  if (!dtype)
    throw Error(fmt::format("attribute 'output_dtype' is {}, which is no element type known here", code));
  return *dtype;
}

// The type that x / scale is rounded to before it is rounded to a whole number.
DType division_type(const NodeView& node) {
  const std::int64_t code = node.attributes.integer("precision", 0);
  if (code == 0) return node.input(1).dtype == DType::f8e8m0 ? DType::f32 : node.input(1).dtype;
  const auto dtype = code > 0 && code <= 255 ? dtype_from_onnx(static_cast<int>(code)) : std::nullopt;
  if (!dtype || !(is_kernel_float(*dtype)))
    throw Error(fmt::format("attribute 'precision' is {}, expected f32 (1), f16 (10) or bf16 (16)", code));
  return *dtype;
}

std::vector<TensorDesc> infer_quantize(const NodeView& node) {
  const DType src = node.input(0).dtype;
  if (!is_kernel_float(src) && src != DType::s32)
    throw Error(fmt::format("input 0 is {}, expected f32, f16, bf16 or s32", name_of(src)));
  const DType dtype = quantized_type(node);
  if (!is_quantized_type(dtype)) {
    throw Error(fmt::format("results of type {}, expected an integer of at most 16 bits or a float of 8 or 4",
                            name_of(dtype)));
  }
  (void)node.attributes.flag("saturate", true);
  require_quantization(node, dtype);
  (void)division_type(node);
  return {{dtype, node.shape(0), Layout::nchw}};
}

// One quotient as a number of T.
template <class T>
T quantized(float value, T zero, bool saturate) {
  if constexpr (std::is_same_v<T, Float8E8M0>) {
    return T(value);
  } else if constexpr (is_narrow_float(dtype_of<T>)) {
    const auto offset = static_cast<float>(zero);
    return T::rounded(offset == 0 ? value : value + offset, saturate);
  } else if constexpr (is_narrow(dtype_of<T>)) {
    const int offset = static_cast<int>(zero);
    value = std::max(value, static_cast<float>(T::kMin - offset));
    value = std::min(value, static_cast<float>(T::kMax - offset));
    return T(static_cast<int>(round_half_even(value)) + offset);
  } else {
    return to_quantized<T>(value, zero);
  }
}

float rounded_to(DType dtype, float value) {
  if (dtype == DType::f16) return static_cast<float>(Float16(value));
  return dtype == DType::bf16 ? static_cast<float>(BFloat16(value)) : value;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const ScalePlaces place(node, src[0].desc.shape, src[1].desc.shape);
  const bool saturate = node.attributes.flag("saturate", true);
  const bool shifts = src.size() > 2 && src[2].present();
  const DType division = division_type(node);
  visit_dtype(dst[0].desc.dtype, [&]<class T>() {
    if constexpr (is_narrow(dtype_of<T>) || (std::is_integral_v<T> && sizeof(T) <= 2)) {
      for (std::int64_t i = 0; i < src[0].desc.shape.elements(); ++i) {
        const std::int64_t k = place(i);
        const T zero = shifts ? src[2].as<const T>()[k] : T{};
        const float quotient = rounded_to(division, f32_at(src[0], i) / f32_at(src[1], k));
        dst[0].as<T>()[i] = quantized<T>(quotient, zero, saturate);
      }
    }
  });
}

Cost cost_quantize(const NodeView& node) {
  const Shape& shape = node.outputs[0].shape;
  return {.macs = 0, .flops = shape.known() ? 2 * shape.elements() : 0};
}

}  // namespace

const OpDef& op_quantize_linear() {
  static const OpDef def{
      .name = "QuantizeLinear",
      .sentence = "real numbers in fewer bits: saturate(round(x / scale) + zero_point)",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"axis", AttributeType::integer},
                     {"block_size", AttributeType::integer},
                     {"output_dtype", AttributeType::integer},
                     {"precision", AttributeType::integer},
                     {"saturate", AttributeType::integer}},
      .kind = OpKind::quantize,
      .infer = infer_quantize,
      .reference = reference,
      .cost = cost_quantize,
      .layout = layout_of_quantization,
      .batch_separable = quantization_keeps_images_apart,
      .implementations = {&quantize_span},
  };
  return def;
}

}  // namespace godwit::ops
