// QuantizeLinear: saturate(round_half_even(x / scale) + zero_point), with one scale or one for each element
// along an axis.
#include <array>
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/quantization.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

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
  if (!dtype) throw Error(fmt::format("attribute 'output_dtype' is {}, expected 2 (u8) or 3 (s8)", code));
  return *dtype;
}

std::vector<TensorDesc> infer_quantize(const NodeView& node) {
  if (node.input(0).dtype != DType::f32) {
    throw Error(fmt::format("input 0 is {}, expected f32", name_of(node.input(0).dtype)));
  }
  if (node.attributes.integer("block_size", 0) != 0) {
    throw Error("attribute 'block_size' is given; scales of blocks are not supported");
  }
  const DType dtype = quantized_type(node);
  if (dtype != DType::u8 && dtype != DType::s8) {
    throw Error(fmt::format("results of type {}, expected u8 or s8", name_of(dtype)));
  }
  const Shape& src = node.shape(0);
  const std::int64_t count = scale_count(node);
  require_scale(node, 1, "the scale", count);
  require_zero_point(node, 2, "the zero point", dtype);
  return {{dtype, src, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const bool one = src[1].desc.shape.elements() == 1;
  const int axis = one ? 0 : quantization_axis(node);
  const std::int64_t inner = one ? 1 : shape.product(axis + 1, shape.rank());
  const std::int64_t along = one ? 1 : shape[axis];
  visit_dtype(dst[0].desc.dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::int8_t>) {
      for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const std::int64_t k = i / inner % along;
        const T zero = src.size() > 2 && src[2].present() ? src[2].as<const T>()[k] : T{0};
        dst[0].as<T>()[i] = to_quantized<T>(src[0].as<const float>()[i] / src[1].as<const float>()[k], zero);
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
      .sentence = "real numbers as 8-bit ones: saturate(round(x / scale) + zero_point)",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 3,
      // `saturate` is about 8-bit floats, which are not among the element types here.
      .attributes = {{"axis", AttributeType::integer},
                     {"block_size", AttributeType::integer},
                     {"output_dtype", AttributeType::integer},
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
