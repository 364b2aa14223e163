// TensorScatter: a cache with an update written into it along one axis, for each sequence of the batch from
// its own position on. In circular mode positions behind the end begin again at 0, otherwise nothing is
// written there.
#include <algorithm>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

int axis_of(const NodeView& node, int rank) {
  return normalize_axis(node.attributes.integer("axis", -2), rank);
}

bool is_circular(const NodeView& node) {
  const std::string mode = node.attributes.string("mode", "linear");
  if (mode == "linear" || mode == "circular") return mode == "circular";
  throw Error(fmt::format("attribute 'mode' is '{}', expected linear or circular", mode));
}

std::vector<TensorDesc> infer_tensor_scatter(const NodeView& node) {
  require_same_dtype(node, 1, 0, "update");
  require_rank(node, 0, 2);
  (void)is_circular(node);
  const Shape &cache = node.shape(0), &update = node.shape(1);
  if (node.has_input(2)) {
    require_indices(node, 2, "write_indices");
    require_rank(node, 2, 1, 1);
    if (node.shape(2).ranked() && cache.ranked()) require_equal_dims(node, 2, 0, 0, 0);
  }
  if (cache.ranked()) {
    const int axis = axis_of(node, cache.rank());
    if (axis == 0) throw Error("attribute 'axis' names dimension 0, the batch");
    require_rank(node, 1, cache.rank(), cache.rank());
    for (int i = 0; update.ranked() && i < cache.rank(); ++i) {
      if (i != axis) {
        require_equal_dims(node, 1, i, 0, i);
      } else if (is_known(cache[i]) && update[i] > cache[i]) {
        throw Error(fmt::format("input 1 (update) has shape {}, longer than the cache of {}",
                                update.to_string(), cache.to_string()));
      }
    }
  }
  return {{node.input(0).dtype, cache, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &cache = dst[0].desc.shape, &update = src[1].desc.shape;
  const auto axis = static_cast<std::size_t>(axis_of(node, cache.rank()));
  const std::int64_t length = cache[static_cast<int>(axis)];
  const bool circular = is_circular(node);
  const Index strides = strides_of(dst[0].desc);
  copy_bytes(src[0], dst[0]);
  for_each_index(update, [&](const Index& index, std::int64_t from) {
    const std::int64_t first = src.size() > 2 && src[2].present()
                                   ? std::clamp<std::int64_t>(integer_at(src[2], index[0]), 0, length)
                                   : 0;
    Index place = index;
    place[axis] += first;
    if (place[axis] >= length) {
      if (!circular) return;
      place[axis] %= length;
    }
    copy_element(src[1], from, dst[0], offset_of(place, strides, cache.rank()));
  });
}

bool moves(const NodeView&, std::size_t operand) { return operand < 2; }

}  // namespace

const OpDef& op_tensor_scatter() {
  static const OpDef def{
      .name = "TensorScatter",
      .sentence = "a cache with an update written into it, for each sequence at its own position",
      .since_opset = 24,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"axis", AttributeType::integer}, {"mode", AttributeType::string}},
      .kind = OpKind::movement,
      .moves = moves,
      .infer = infer_tensor_scatter,
      .reference = reference,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
