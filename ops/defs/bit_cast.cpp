// BitCast: the same bits as another element type of the same size.
#include <fmt/format.h>

#include "ops/attribute_views.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_bit_cast(const NodeView& node) {
  const DType from = node.input(0).dtype, to = cast_dtype(node.attributes);
  if (packed_bits_of(from) != packed_bits_of(to)) {
    throw Error(fmt::format("attribute 'to' is {} of {} bits, input 0 is {} of {}", name_of(to),
                            packed_bits_of(to), name_of(from), packed_bits_of(from)));
  }
  // Bytes other than 0 and 1 are no booleans, and memory holds integers of 4 bits with their sign.
  const auto is_plain = [](DType dtype) { return dtype != DType::boolean && packed_bits_of(dtype) >= 8; };
  if (from != to && (!is_plain(from) || !is_plain(to)))
    throw Error(fmt::format("from {} to {} the bits cannot be kept", name_of(from), name_of(to)));
  return {{to, node.shape(0), Layout::nchw}};
}

bool keeps_type(const NodeView& node) { return cast_dtype(node.attributes) == node.input(0).dtype; }

}  // namespace

const OpDef& op_bit_cast() {
  static const OpDef def{
      .name = "BitCast",
      .sentence = "the same bits as another element type of the same size",
      .since_opset = 26,
      .attributes = {{"to", AttributeType::integer, true}},
      .infer = infer_bit_cast,
      .reference = copy_reference,
      .extents = same_extents,
      .cost = no_arithmetic,
      .layout = any_layout,
      .is_view = always,
      .is_identity = keeps_type,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
