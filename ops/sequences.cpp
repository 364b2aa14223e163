// Descriptions of lists.
#include "ops/sequences.h"

#include <fmt/format.h>

#include "ops/bodies.h"
#include "runtime/error.h"

namespace godwit::ops {

DType element_dtype(const NodeView& node, std::string_view attribute) {
  const std::int64_t code = node.attributes.integer(attribute, 1);
  const auto dtype = code >= 0 && code <= 255 ? dtype_from_onnx(static_cast<int>(code)) : std::nullopt;
  if (!dtype)
    throw Error(fmt::format("attribute '{}' is {}, which is no element type known here", attribute, code));
  return *dtype;
}

TensorDesc joined_desc(const NodeView& node, std::size_t i, const TensorDesc& list) {
  return common_desc(list, node.input(i), fmt::format("the list with input {}", i));
}

}  // namespace godwit::ops
