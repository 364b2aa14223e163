// DequantizeLinear: (x - zero_point) · scale, with one scale or one for each element along an axis.
#include <array>
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/axes.h"
#include "ops/quantization.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_dequantize(const NodeView& node) {
  const DType dtype = node.input(0).dtype;
  if (dtype != DType::u8 && dtype != DType::s8 && dtype != DType::s32) {
    throw Error(fmt::format("input 0 is {}, expected u8, s8 or s32", name_of(dtype)));
  }
  if (node.attributes.integer("block_size", 0) != 0) {
    throw Error("attribute 'block_size' is given; scales of blocks are not supported");
  }
  const Shape& src = node.shape(0);
  const std::int64_t count = scale_count(node);
  require_scale(node, 1, "the scale", count);
  require_zero_point(node, 2, "the zero point", dtype);
  return {{DType::f32, src, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const bool one = src[1].desc.shape.elements() == 1;
  const int axis = one ? 0 : quantization_axis(node);
  const std::int64_t inner = one ? 1 : shape.product(axis + 1, shape.rank());
  const std::int64_t along = one ? 1 : shape[axis];
  visit_dtype(src[0].desc.dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::int8_t> ||
                  std::is_same_v<T, std::int32_t>) {
      for (std::int64_t i = 0; i < shape.elements(); ++i) {
        const std::int64_t k = i / inner % along;
        const std::int64_t zero = src.size() > 2 && src[2].present() ? src[2].as<const T>()[k] : 0;
        dst[0].as<float>()[i] =
            static_cast<float>(std::int64_t{src[0].as<const T>()[i]} - zero) * src[1].as<const float>()[k];
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
      .sentence = "the real numbers that 8-bit ones stand for: (x - zero_point) * scale",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"axis", AttributeType::integer}, {"block_size", AttributeType::integer}},
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
