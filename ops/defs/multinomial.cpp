// Multinomial: classes drawn with the probabilities whose logarithms the operand's rows give, up to a
// summand.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/drawing.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_multinomial(const NodeView& node) {
  require_dtype(node, 0, "input", kFloatTypes);
  require_rank(node, 0, 2, 2);
  const std::int64_t samples = node.attributes.integer("sample_size", 1);
  if (samples < 0) throw Error(fmt::format("attribute 'sample_size' is {}, expected at least 0", samples));
  const DType dtype = dtype_attribute(node.attributes, "dtype", DType::s32);
  if (dtype != DType::s32 && dtype != DType::s64)
    throw Error(fmt::format("attribute 'dtype' is {}, expected s32 or s64", name_of(dtype)));
  const Shape& src = node.shape(0);
  if (src.ranked() && src[1] == 0) throw Error("input 0 has no class to draw");
  return {{dtype, {src.ranked() ? src[0] : kAnyDim, samples}, Layout::nchw}};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape[0] = src[0].desc.shape[0];
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  Generator generator(node);
  const std::int64_t classes = src[0].desc.shape[1], samples = dst[0].desc.shape[1];
  for (std::int64_t i = 0; i < dst[0].desc.shape.elements(); ++i) {
    const std::int64_t row = i / samples * classes;
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) largest = std::max(largest, real_at(src[0], row + c));
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(real_at(src[0], row + c) - largest);
    double rest = generator.uniform() * sum;
    std::int64_t drawn = 0;
    for (; drawn + 1 < classes; ++drawn) {
      rest -= std::exp(real_at(src[0], row + drawn) - largest);
      if (rest < 0) break;
    }
    if (dst[0].desc.dtype == DType::s32) {
      dst[0].as<std::int32_t>()[i] = static_cast<std::int32_t>(drawn);
    } else {
      dst[0].as<std::int64_t>()[i] = drawn;
    }
  }
}

}  // namespace

const OpDef& op_multinomial() {
  static const OpDef def{
      .name = "Multinomial",
      .sentence = "classes drawn with given probabilities",
      .since_opset = 7,
      .attributes = {{"dtype", AttributeType::integer},
                     {"sample_size", AttributeType::integer},
                     {"seed", AttributeType::real}},
      .kind = OpKind::random,
      .infer = infer_multinomial,
      .reference = reference,
      .extents = extents,
  };
  return def;
}

}  // namespace godwit::ops
