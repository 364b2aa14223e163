// Sizes, types and elements of cosine windows.
#include "ops/cosine_window.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numbers>

#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {

std::vector<TensorDesc> infer_cosine_window(const NodeView& node) {
  require_indices(node, 0, "size");
  (void)node.attributes.flag("periodic", true);
  const std::optional<std::int64_t> size = known_integer(node, 0, "size", 0);
  if (size && *size < 0) throw Error(fmt::format("input 0 (size) is {}, expected at least 0", *size));
  return {{dtype_attribute(node.attributes, "output_datatype", DType::f32),
           {size ? *size : kAnyDim},
           Layout::nchw}};
}

void fill_cosine_window(const NodeView& node, const CosineWindow& window, const TensorView& dst) {
  const std::int64_t size = dst.desc.shape[0];
  const std::int64_t period = node.attributes.flag("periodic", true) ? size : size - 1;
  const double step = 2 * std::numbers::pi / static_cast<double>(std::max<std::int64_t>(period, 1));
  for (std::int64_t n = 0; n < size; ++n) {
    const double angle = step * static_cast<double>(n);
    set_number(dst, n, window.a - window.b * std::cos(angle) + window.c * std::cos(2 * angle));
  }
}

OpDef cosine_window_op(std::string_view name, std::string_view sentence, ReferenceFunction reference) {
  return {.name = name,
          .sentence = sentence,
          .since_opset = 17,
          .attributes = {{"output_datatype", AttributeType::integer}, {"periodic", AttributeType::integer}},
          .kind = OpKind::shape,
          .infer = infer_cosine_window,
          .reference = reference,
          .cost = no_arithmetic};
}

}  // namespace godwit::ops
