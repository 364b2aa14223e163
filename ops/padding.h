// Padding: how much is put before and behind each axis, and which element of the operand each place shows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "ops/attributes.h"
#include "runtime/tensor.h"

namespace godwit::ops {

enum class PadMode { constant, reflect, edge, wrap };
// Attribute `mode`. Throws Error for other words.
PadMode pad_mode_of(const Attributes& attributes);

// One axis; what is negative is cut off.
struct PadAxis {
  std::int64_t dim = 1, begin = 0, end = 0;

  bool untouched() const { return begin == 0 && end == 0; }
  std::int64_t padded() const { return dim + begin + end; }
  // The part of the operand that is left, [first, last), is shown from place first + begin on.
  std::int64_t first() const { return std::max<std::int64_t>(-begin, 0); }
  std::int64_t last() const { return std::max(first(), dim - std::max<std::int64_t>(-end, 0)); }
  std::int64_t kept() const { return last() - first(); }

  // The operand's position that a place of the result shows; -1: none, but the constant. The mode is
  // constant or kept() > 0.
  std::int64_t position_of(std::int64_t place, PadMode mode) const;
};

using PadAxes = std::array<PadAxis, kMaxRank>;
// The node's axes from its operands at run time (data, pads, value, axes), which infer has checked.
PadAxes pad_axes_of(const Shape& src, std::span<const TensorView> operands);

}  // namespace godwit::ops
