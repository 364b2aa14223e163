// Reflecting, clamping and wrapping positions.
#include "ops/padding.h"

#include <fmt/format.h>

#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {

PadMode pad_mode_of(const Attributes& attributes) {
  const std::string mode = attributes.string("mode", "constant");
  if (mode == "constant") return PadMode::constant;
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "edge") return PadMode::edge;
  if (mode == "wrap") return PadMode::wrap;
  throw Error(fmt::format("attribute 'mode' is '{}', expected constant, reflect, edge or wrap", mode));
}

std::int64_t PadAxis::position_of(std::int64_t place, PadMode mode) const {
  const std::int64_t position = place - begin;
  if (position >= first() && position < last()) return position;
  const auto modulo = [](std::int64_t a, std::int64_t n) { return (a % n + n) % n; };
  switch (mode) {
    case PadMode::edge:
      return std::clamp(position, first(), last() - 1);
    case PadMode::wrap:
      return first() + modulo(position - first(), kept());
    case PadMode::reflect: {
      if (kept() == 1) return first();
      // There and back again, the turning points once each.
      const std::int64_t period = 2 * (kept() - 1);
      const std::int64_t at = modulo(position - first(), period);
      return first() + std::min(at, period - at);
    }
    case PadMode::constant:
      break;
  }
  return -1;
}

PadAxes pad_axes_of(const Shape& src, std::span<const TensorView> operands) {
  PadAxes axes;
  for (int axis = 0; axis < src.rank(); ++axis) axes[static_cast<std::size_t>(axis)].dim = src[axis];
  const std::int64_t count = operands[1].desc.shape.elements() / 2;
  const bool has_axes = operands.size() > 3 && operands[3].present();
  for (std::int64_t k = 0; k < count; ++k) {
    PadAxis& axis =
        axes[static_cast<std::size_t>(normalize_axis(has_axes ? integer_at(operands[3], k) : k, src.rank()))];
    axis.begin = integer_at(operands[1], k);
    axis.end = integer_at(operands[1], count + k);
  }
  return axes;
}

}  // namespace godwit::ops
