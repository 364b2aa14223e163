// ReverseSequence: the first elements of each sequence of a batch in reverse order, as many as its length
// says.
#include <algorithm>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

int batch_axis_of(const NodeView& node, int rank) {
  return normalize_axis(node.attributes.integer("batch_axis", 1), rank);
}
int time_axis_of(const NodeView& node, int rank) {
  return normalize_axis(node.attributes.integer("time_axis", 0), rank);
}

std::vector<TensorDesc> infer_reverse_sequence(const NodeView& node) {
  require_rank(node, 0, 2);
  require_rank(node, 1, 1, 1);
  require_indices(node, 1, "sequence_lens");
  const Shape& src = node.shape(0);
  if (src.ranked()) {
    const int batch = batch_axis_of(node, src.rank()), time = time_axis_of(node, src.rank());
    if (batch == time) throw Error(fmt::format("attributes 'batch_axis' and 'time_axis' are both {}", batch));
    if (node.shape(1).ranked()) require_equal_dims(node, 1, 0, 0, batch);
    if (const Tensor* lengths = node.inputs[1].constant; lengths != nullptr && is_known(src[time])) {
      for (std::int64_t k = 0; k < lengths->shape().elements(); ++k) {
        const std::int64_t length = integer_at(lengths->view(), k);
        if (length < 0 || length > src[time]) {
          throw Error(fmt::format("input 1 (sequence_lens) has {}, expected 0 to {}", length, src[time]));
        }
      }
    }
  }
  return {{node.input(0).dtype, src, Layout::nchw}};
}

// Computed lengths that are out of range mean the nearest that is not.
void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const auto batch = static_cast<std::size_t>(batch_axis_of(node, shape.rank()));
  const auto time = static_cast<std::size_t>(time_axis_of(node, shape.rank()));
  const Index strides = strides_of(src[0].desc);
  for_each_index(shape, [&](const Index& index, std::int64_t to) {
    const std::int64_t length =
        index[batch] < src[1].desc.shape.elements()
            ? std::clamp<std::int64_t>(integer_at(src[1], index[batch]), 0, shape[static_cast<int>(time)])
            : 0;
    const std::int64_t at = index[time];
    const std::int64_t from = at < length ? length - 1 - at : at;
    copy_element(src[0], to + (from - at) * strides[time], dst[0], to);
  });
}

}  // namespace

const OpDef& op_reverse_sequence() {
  static const OpDef def{
      .name = "ReverseSequence",
      .sentence = "the beginning of each sequence of a batch in reverse order",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"batch_axis", AttributeType::integer}, {"time_axis", AttributeType::integer}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_reverse_sequence,
      .reference = reference,
      .extents = same_extents,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
