// GridSample: the operand's channels at positions that a grid names, between elements by interpolation.
// Pixels have centres at -1 + 1/size … 1 - 1/size, or at -1 … 1 with align_corners. Positions are computed in
// the grid's own precision (f32 for 16-bit grids); sums are made in double precision.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "ops/resize.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr int kMostAxes = 3;

enum class Padding : std::uint8_t { zeros, border, reflection };

struct Rules {
  ResizeRule kernel;
  Padding padding = Padding::zeros;
  bool align_corners = false;
};

Rules rules_of(const Attributes& attributes) {
  Rules rules;
  rules.align_corners = attributes.flag("align_corners", false);
  const std::string mode = attributes.string("mode", "linear");
  if (mode == "linear") {
    rules.kernel.mode = ResizeMode::linear;
  } else if (mode == "cubic") {
    rules.kernel.mode = ResizeMode::cubic;
  } else if (mode != "nearest") {
    throw Error(fmt::format("attribute 'mode' is '{}', expected linear, nearest or cubic", mode));
  }
  const std::string padding = attributes.string("padding_mode", "zeros");
  if (padding == "border") {
    rules.padding = Padding::border;
  } else if (padding == "reflection") {
    rules.padding = Padding::reflection;
  } else if (padding != "zeros") {
    throw Error(
        fmt::format("attribute 'padding_mode' is '{}', expected zeros, border or reflection", padding));
  }
  return rules;
}

std::vector<TensorDesc> infer_grid_sample(const NodeView& node) {
  require_rank(node, 0, 3, 2 + kMostAxes);
  require_wide(node, 0);
  require_dtype(node, 1, "grid", kFloatTypes);
  (void)rules_of(node.attributes);
  const Shape &src = node.shape(0), &grid = node.shape(1);
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (!src.ranked() && !grid.ranked()) return {dst};
  const int rank = src.ranked() ? src.rank() : grid.rank();
  require_rank(node, 1, rank, rank);
  dst.shape = shape_of_rank(rank);
  if (src.ranked()) {
    dst.shape[0] = src[0];
    dst.shape[1] = src[1];
  }
  if (!grid.ranked()) return {dst};
  require_dim("the last dimension of input 1 (grid)", grid[rank - 1], rank - 2);
  if (src.ranked()) require_equal_dims(node, 1, 0, 0, 0);
  dst.shape[0] = src.ranked() ? more_specific_dim(src[0], grid[0]) : grid[0];
  for (int i = 2; i < rank; ++i) dst.shape[i] = grid[i - 1];
  return {dst};
}

// One axis of the operand, with the ends that reflected positions turn round at.
template <class Real>
struct Axis {
  std::int64_t size;
  Real first, last;

  Axis(std::int64_t length, bool align_corners)
      : size(length),
        first(align_corners ? Real{0} : Real(-0.5)),
        last(align_corners ? static_cast<Real>(length) - 1 : static_cast<Real>(length) - Real(0.5)) {}

  Real position(Real coordinate, bool align_corners) const {
    const auto length = static_cast<Real>(size);
    return align_corners ? (coordinate + 1) / 2 * (length - 1) : ((coordinate + 1) * length - 1) / 2;
  }
  Real reflected(Real x) const {
    const Real range = last - first;
    if (!(range > 0) || !std::isfinite(x)) return 0;
    if (x >= first && x <= last) return x;
    const Real beyond = x < first ? first - x : x - last;
    const Real turns = std::floor(beyond / range);
    const Real rest = beyond - turns * range;
    const bool from_first = (std::fmod(turns, Real{2}) == 0) == (x < first);
    return from_first ? first + rest : last - rest;
  }
  // The place at which position x is looked at.
  Real padded(Real x, Padding padding) const {
    if (std::isnan(x)) return -2;  // nowhere
    if (x >= first && x <= last) return x;
    if (padding == Padding::border) return std::clamp(x, Real{0}, static_cast<Real>(size) - 1);
    return padding == Padding::reflection ? reflected(x) : x;
  }
  // The element at a whole position; -1: none, but 0.
  std::int64_t element(Real i, Padding padding) const {
    if (i >= 0 && i <= static_cast<Real>(size - 1)) return static_cast<std::int64_t>(i);
    if (padding == Padding::zeros || size == 0) return -1;
    const Real at = padding == Padding::border ? i : std::trunc(reflected(i));
    return static_cast<std::int64_t>(std::clamp(at, Real{0}, static_cast<Real>(size - 1)));
  }
};

// One position: the elements around it and their weights, for all channels alike.
template <class Real>
class Place {
 public:
  Place(const Rules& rules, std::span<const Axis<Real>> axes, const Index& strides)
      : rules_(rules), axes_(axes), strides_(strides) {}

  // Coordinates with the last axis first.
  template <class Coordinate>
  void move_to(const Coordinate& coordinate) {
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      Real x = axes_[i].position(coordinate(axes_.size() - 1 - i), rules_.align_corners);
      if (rules_.kernel.mode == ResizeMode::nearest) x = std::nearbyint(x);
      x = axes_[i].padded(x, rules_.padding);
      at_[i] = rules_.kernel.mode == ResizeMode::nearest ? std::nearbyint(x) : x;
    }
  }

  // Calls visit(offset, weight) for each element that counts.
  template <class Visit>
  void for_each(const Visit& visit) const {
    walk(0, 0, 1.0, visit);
  }

 private:
  template <class Visit>
  void walk(std::size_t axis, std::int64_t offset, double weight, const Visit& visit) const {
    // The second bound is never met; without it GCC 12 sees accesses past the arrays in what it inlines.
    if (axis == axes_.size() || axis == kMostAxes) {
      visit(offset, weight);
      return;
    }
    const Real x = at_[axis];
    if (!(std::abs(x) < Real(1e9))) return;
    const bool nearest = rules_.kernel.mode == ResizeMode::nearest;
    const int reach = nearest ? 0 : rules_.kernel.mode == ResizeMode::linear ? 1 : 2;
    const Real base = nearest ? x : std::floor(x);
    for (int tap = nearest ? 0 : 1 - reach; tap <= reach; ++tap) {
      const Real i = base + static_cast<Real>(tap);
      const std::int64_t element = axes_[axis].element(i, rules_.padding);
      if (element < 0) continue;
      const double of_tap = nearest ? 1 : resize_kernel(rules_.kernel, static_cast<double>(i - x));
      if (of_tap != 0) walk(axis + 1, offset + element * strides_[axis + 2], weight * of_tap, visit);
    }
  }

  const Rules& rules_;
  std::span<const Axis<Real>> axes_;
  const Index& strides_;
  std::array<Real, kMostAxes> at_{};
};

template <class T, class Real>
void sample(const NodeView& node, const TensorView& src, const TensorView& grid, const TensorView& dst) {
  const Rules rules = rules_of(node.attributes);
  const Shape &from = src.desc.shape, &to = dst.desc.shape;
  const int rank = from.rank();
  const Index strides = strides_of(src.desc);
  std::array<Axis<Real>, kMostAxes> axes{Axis<Real>(1, false), Axis<Real>(1, false), Axis<Real>(1, false)};
  for (int i = 2; i < rank; ++i)
    axes[static_cast<std::size_t>(i - 2)] = Axis<Real>(from[i], rules.align_corners);
  Place<Real> place(rules, std::span(axes).first(static_cast<std::size_t>(rank - 2)), strides);
  const std::int64_t places = to.product(2, rank);
  for (std::int64_t n = 0; n < to[0]; ++n) {
    for (std::int64_t p = 0; p < places; ++p) {
      const std::int64_t first = (n * places + p) * (rank - 2);
      place.move_to([&](std::size_t i) {
        return static_cast<Real>(real_at(grid, first + static_cast<std::int64_t>(i)));
      });
      for (std::int64_t c = 0; c < to[1]; ++c) {
        const T* channel = src.as<const T>() + n * strides[0] + c * strides[1];
        double sum = 0;
        place.for_each([&](std::int64_t offset, double weight) {
          sum += weight * static_cast<double>(static_cast<Computed<T>>(channel[offset]));
        });
        dst.as<T>()[(n * to[1] + c) * places + p] = number_cast<T>(sum);
      }
    }
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  if (dst[0].desc.shape.elements() == 0) return;
  visit_wide(src[0].desc.dtype, [&]<class T>() {
    if (src[1].desc.dtype == DType::f64) {
      sample<T, double>(node, src[0], src[1], dst[0]);
    } else {
      sample<T, float>(node, src[0], src[1], dst[0]);
    }
  });
}

Cost cost_grid_sample(const NodeView& node) {
  return {.macs = 0, .flops = work_product({8, output_elements(node)})};
}

}  // namespace

const OpDef& op_grid_sample() {
  static const OpDef def{
      .name = "GridSample",
      .sentence = "channels at positions that a grid names, 1-D to 3-D",
      .since_opset = 20,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"align_corners", AttributeType::integer},
                     {"mode", AttributeType::string},
                     {"padding_mode", AttributeType::string}},
      .infer = infer_grid_sample,
      .reference = reference,
      .cost = cost_grid_sample,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
