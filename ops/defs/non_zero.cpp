// NonZero: the positions of the elements that are not 0; how many there are is for the data to say.
#include <algorithm>
#include <type_traits>

#include "ops/movement.h"

namespace godwit::ops {
namespace {

template <class T>
bool is_zero(T value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return value == T{};
  } else {
    return static_cast<float>(value) == 0;
  }
}

// (operand's rank, elements that are not 0)
std::vector<TensorDesc> infer_non_zero(const NodeView& node) {
  const Shape& src = node.shape(0);
  if (!src.ranked()) return {{DType::s64, {kAnyDim, kAnyDim}, Layout::nchw}};
  const Shape most = src.at_bounds();
  return {{DType::s64, {src.rank(), most.known() ? at_most(most.elements()) : kAnyDim}, Layout::nchw}};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape[1] = visit_dtype(src[0].desc.dtype, [&]<class T>() {
    const auto values = src[0].values<const T>();
    return static_cast<std::int64_t>(values.size()) - std::ranges::count_if(values, is_zero<T>);
  });
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const auto rank = static_cast<std::size_t>(src[0].desc.shape.rank());
  const std::int64_t count = dst[0].desc.shape[1];
  visit_dtype(src[0].desc.dtype, [&]<class T>() {
    auto* next = dst[0].as<std::int64_t>();
    for_each_index(src[0].desc.shape, [&](const Index& index, std::int64_t i) {
      if (is_zero(src[0].as<const T>()[i])) return;
      for (std::size_t axis = 0; axis < rank; ++axis)
        next[static_cast<std::int64_t>(axis) * count] = index[axis];
      ++next;
    });
  });
}

// One comparison for each element of the operand.
Cost cost_non_zero(const NodeView& node) {
  const Shape src = node.shape(0).at_bounds();
  return {.macs = 0, .flops = src.known() ? src.elements() : 0};
}

}  // namespace

const OpDef& op_non_zero() {
  static const OpDef def{
      .name = "NonZero",
      .sentence = "the positions of the elements that are not 0, one row for each axis",
      .since_opset = 9,
      .infer = infer_non_zero,
      .reference = reference,
      .extents = extents,
      .cost = cost_non_zero,
  };
  return def;
}

}  // namespace godwit::ops
