// MaxRoiPool: the largest element of each cell of a grid laid over regions of images; 0 where a cell is empty
// or the image does not exist.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_max_roi_pool(const NodeView& node) {
  require_one_dtype(node, kFloatTypes);
  require_rank(node, 0, 4, 4);
  require_rank(node, 1, 2, 2);
  const std::vector<std::int64_t> pooled = node.attributes.integers("pooled_shape", 2, 1, 1);
  const Shape &src = node.shape(0), &rois = node.shape(1);
  if (rois.ranked()) require_dim("dimension 1 of input 1 (rois)", rois[1], 5);
  return {{node.input(0).dtype,
           {rois.ranked() ? rois[0] : kAnyDim, src.ranked() ? src[1] : kAnyDim, pooled[0], pooled[1]},
           Layout::nchw}};
}

void extents(const NodeView&, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape[0] = src[1].desc.shape[0];
  dst[0].desc.shape[1] = src[0].desc.shape[1];
}

// Cells of one region along one axis, in whole elements.
struct Cells {
  std::int64_t first = 0, size = 0;
  double step = 0, length = 1;

  Cells(double from, double to, double scale, std::int64_t count, std::int64_t dim) : size(dim) {
    const auto whole = [&](double x) {  // far outside of any image is far enough
      return std::clamp(std::round(std::isnan(x) ? 0 : x * scale), -1e9, 1e9);
    };
    first = static_cast<std::int64_t>(whole(from));
    length = std::max(whole(to) - whole(from) + 1, 1.0);
    step = length / static_cast<double>(count);
  }
  std::int64_t inside(double x) const {
    return std::clamp<std::int64_t>(first + static_cast<std::int64_t>(x), 0, size);
  }
  std::int64_t begin(std::int64_t cell) const { return inside(std::floor(static_cast<double>(cell) * step)); }
  std::int64_t end(std::int64_t cell) const {
    return inside(std::ceil(static_cast<double>(cell + 1) * step));
  }
};

template <class T>
T largest(const T* channel, std::int64_t width, const Cells& rows, const Cells& columns, std::int64_t y,
          std::int64_t x) {
  T best{};
  bool empty = true;
  for (std::int64_t r = rows.begin(y); r < rows.end(y); ++r) {
    for (std::int64_t c = columns.begin(x); c < columns.end(x); ++c) {
      const T value = channel[r * width + c];
      if (empty || static_cast<Computed<T>>(value) > static_cast<Computed<T>>(best)) best = value;
      empty = false;
    }
  }
  return best;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &shape = src[0].desc.shape, &to = dst[0].desc.shape;
  const auto scale = static_cast<double>(node.attributes.real("spatial_scale", 1));
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    T* next = dst[0].as<T>();
    for (std::int64_t roi = 0; roi < to[0]; ++roi) {
      const auto value = [&](std::int64_t k) { return real_at(src[1], roi * 5 + k); };
      const std::int64_t image = position_of_index(number_cast<std::int64_t>(value(0)), shape[0]);
      const Cells columns(value(1), value(3), scale, to[3], shape[3]);
      const Cells rows(value(2), value(4), scale, to[2], shape[2]);
      for (std::int64_t i = 0; i < to[1] * to[2] * to[3]; ++i, ++next) {
        const std::int64_t c = i / (to[2] * to[3]), y = i / to[3] % to[2], x = i % to[3];
        const T* channel =
            src[0].as<const T>() + (std::max<std::int64_t>(image, 0) * shape[1] + c) * shape[2] * shape[3];
        *next = image < 0 ? T{} : largest(channel, shape[3], rows, columns, y, x);
      }
    }
  });
}

}  // namespace

const OpDef& op_max_roi_pool() {
  static const OpDef def{
      .name = "MaxRoiPool",
      .sentence = "the largest element of each cell of regions of images",
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"pooled_shape", AttributeType::integers, true}, {"spatial_scale", AttributeType::real}},
      .infer = infer_max_roi_pool,
      .reference = reference,
      .extents = extents,
  };
  return def;
}

}  // namespace godwit::ops
