// Trilu: the upper or lower triangle of matrices; the other elements become 0.
#include <cstring>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_trilu(const NodeView& node) {
  require_rank(node, 0, 2);
  (void)node.attributes.flag("upper", true);
  if (node.has_input(1)) {
    require_indices(node, 1, "k");
    require_one_element(node, 1, "k");
  }
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const bool upper = node.attributes.flag("upper", true);
  const std::int64_t diagonal = whole_number_or(src, 1, 0);
  const Shape& shape = dst[0].desc.shape;
  const std::int64_t rows = shape[shape.rank() - 2], columns = shape[shape.rank() - 1];
  const std::size_t size = size_of(dst[0].desc.dtype);
  const std::int64_t count = shape.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t distance = i % columns - i / columns % rows;  // from the main diagonal
    if (upper ? distance >= diagonal : distance <= diagonal) {
      copy_element(src[0], i, dst[0], i);
    } else {
      std::memset(dst[0].as<std::byte>() + static_cast<std::size_t>(i) * size, 0, size);
    }
  }
}

bool batch_separable(const NodeView& node) { return node.shape(0).rank() > 2; }

}  // namespace

const OpDef& op_trilu() {
  static const OpDef def{
      .name = "Trilu",
      .sentence = "the upper or lower triangle of matrices",
      .since_opset = 14,
      .max_inputs = 2,
      .attributes = {{"upper", AttributeType::integer}},
      .infer = infer_trilu,
      .reference = reference,
      .extents = same_extents,
      .cost = no_arithmetic,
      .batch_separable = batch_separable,
  };
  return def;
}

}  // namespace godwit::ops
