// The axis of running sums and products.
#include "ops/cumulative.h"

#include <array>
#include <fmt/format.h>

#include "ops/axes.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array kTypes{DType::f32, DType::f64, DType::f16, DType::bf16,
                            DType::s32, DType::s64, DType::u32, DType::u64};

}  // namespace

std::vector<AttributeSpec> cumulative_attributes() {
  return {{"exclusive", AttributeType::integer}, {"reverse", AttributeType::integer}};
}

std::vector<TensorDesc> infer_cumulative(const NodeView& node) {
  NodeView numbers = node;
  numbers.inputs = node.inputs.subspan(0, 1);
  require_one_dtype(numbers, kTypes);
  (void)node.attributes.flag("exclusive", false);
  (void)node.attributes.flag("reverse", false);
  const IntegerList axis = integer_list(node, 1, "axis");
  if (is_known(axis.length) && axis.length != 1)
    throw Error(fmt::format("input 1 (axis) has {}, expected 1", counted(axis.length, "element")));
  if (axis.values && node.shape(0).ranked()) normalize_axis((*axis.values)[0], node.shape(0).rank());
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

bool cumulative_keeps_images_apart(const NodeView& node) {
  const IntegerList axis = integer_list(node, 1, "axis");
  return axis.values && normalize_axis((*axis.values)[0], node.shape(0).rank()) != 0;
}

int cumulative_axis(std::span<const TensorView> src) {
  const int rank = src[0].desc.shape.rank();
  if (rank == 0) return 0;
  const auto rest = static_cast<int>(integer_at(src[1], 0) % rank);
  return rest < 0 ? rest + rank : rest;
}

}  // namespace godwit::ops
