// Range: numbers from a start to a limit, which is not reached, the same step apart. Element i is start + i ·
// delta, rounded once; integers are exact.
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array kRangeTypes{DType::f32, DType::f64, DType::f16, DType::bf16,
                                 DType::s16, DType::s32, DType::s64};

std::int64_t count_of(const TensorView& start, const TensorView& limit, const TensorView& delta) {
  if (is_float(start.desc.dtype)) {
    const double step = any_number_at(delta, 0);
    if (step == 0 || std::isnan(step)) throw Error(fmt::format("input 2 (delta) is {}", step));
    return number_cast<std::int64_t>(std::ceil((any_number_at(limit, 0) - any_number_at(start, 0)) / step));
  }
  const std::int64_t from = whole_number_at(start, 0), to = whole_number_at(limit, 0);
  const std::int64_t step = whole_number_at(delta, 0);
  if (step == 0) throw Error("input 2 (delta) is 0");
  if (step > 0 ? to <= from : to >= from) return 0;
  // Differences of any two of 64 bits, in unsigned numbers.
  const auto distance = step > 0 ? static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from)
                                 : static_cast<std::uint64_t>(from) - static_cast<std::uint64_t>(to);
  const auto length = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  const std::uint64_t count = (distance - 1) / length + 1;
  if (count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    throw Error(fmt::format("has {} elements, more than 63 bits can count", count));
  return static_cast<std::int64_t>(count);
}

std::vector<TensorDesc> infer_range(const NodeView& node) {
  require_one_dtype(node, kRangeTypes);
  constexpr std::array kNames = {"start", "limit", "delta"};
  bool known = true;
  for (std::size_t i = 0; i < 3; ++i) {
    require_one_element(node, i, kNames[i]);
    known = known && node.inputs[i].constant != nullptr;
  }
  std::int64_t count = kAnyDim;
  if (known) {
    count = std::max<std::int64_t>(count_of(node.inputs[0].constant->view(), node.inputs[1].constant->view(),
                                            node.inputs[2].constant->view()),
                                   0);
  }
  return {{node.input(0).dtype, {count}, Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::int64_t count = dst[0].desc.shape[0];
  visit_dtype(dst[0].desc.dtype, [&]<class T>() {
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_integral_v<T>) {
        const auto first_of = [](const TensorView& operand) {
          return static_cast<std::uint64_t>(operand.as<const T>()[0]);
        };
        const std::uint64_t step = first_of(src[2]), start = first_of(src[0]);
        dst[0].as<T>()[i] = static_cast<T>(start + static_cast<std::uint64_t>(i) * step);
      } else {
        dst[0].as<T>()[i] =
            number_cast<T>(any_number_at(src[0], 0) + static_cast<double>(i) * any_number_at(src[2], 0));
      }
    }
  });
}

}  // namespace

const OpDef& op_range() {
  static const OpDef def{
      .name = "Range",
      .sentence = "numbers from a start towards a limit, the same step apart",
      .since_opset = 11,
      .min_inputs = 3,
      .max_inputs = 3,
      .kind = OpKind::shape,
      .infer = infer_range,
      .reference = reference,
      .cost = no_arithmetic,
  };
  return def;
}

}  // namespace godwit::ops
