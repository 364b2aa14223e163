// NonMaxSuppression: for each image and class the boxes with the best scores that do not overlap a better one
// too much, as rows (image, class, box). Of equal scores the first box comes first; NaN is no score. Overlaps
// are computed in f32; a box without area overlaps nothing.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

struct Box {
  float left, top, right, bottom;
  float area() const { return (right - left) * (bottom - top); }
};

// Corners in any order as (y, x, y, x), or centre and size as (x, y, width, height).
Box box_at(const float* values, bool centered) {
  if (centered) {
    const float x = values[2] / 2, y = values[3] / 2;
    return {values[0] - x, values[1] - y, values[0] + x, values[1] + y};
  }
  return {std::min(values[1], values[3]), std::min(values[0], values[2]), std::max(values[1], values[3]),
          std::max(values[0], values[2])};
}

// Intersection over union.
float overlap(const Box& a, const Box& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0) || !(height > 0)) return 0;
  const float shared = width * height;
  const float all = a.area() + b.area() - shared;
  return a.area() > 0 && b.area() > 0 && all > 0 ? shared / all : 0;
}

struct Rules {
  bool centered = false;
  std::int64_t most = 0;                                  // boxes of one class in one image
  float overlap = 0;                                      // allowed
  float score = -std::numeric_limits<float>::infinity();  // a box's has to be above
  bool any_score = true;
};

Rules rules_of(const NodeView& node, std::span<const TensorView> src) {
  Rules rules{.centered = node.attributes.flag("center_point_box", false),
              .most = std::max<std::int64_t>(whole_number_or(src, 2, 0), 0),
              .overlap = static_cast<float>(number_or(src, 3, 0))};
  rules.any_score = src.size() < 5 || !src[4].present();
  if (!rules.any_score) rules.score = static_cast<float>(any_number_at(src[4], 0));
  return rules;
}

// The box with the best score behind box `last` (-1: of all) that is good enough; -1: none.
std::int64_t next_box(const float* scores, std::int64_t boxes, std::int64_t last, const Rules& rules) {
  std::int64_t best = -1;
  for (std::int64_t i = 0; i < boxes; ++i) {
    if (rules.any_score ? scores[i] != scores[i] : !(scores[i] > rules.score)) continue;
    if (last >= 0 && (scores[i] > scores[last] || (scores[i] == scores[last] && i <= last))) continue;
    if (best < 0 || scores[i] > scores[best]) best = i;
  }
  return best;
}

// Writes the rows; how many there are.
std::int64_t select(const NodeView& node, std::span<const TensorView> src, std::int64_t* rows) {
  const Shape &boxes = src[0].desc.shape, &scores = src[1].desc.shape;
  const Rules rules = rules_of(node, src);
  const std::int64_t count = std::min(boxes[1], scores[2]);
  std::int64_t selected = 0;
  for (std::int64_t image = 0; image < std::min(boxes[0], scores[0]); ++image) {
    const float* corners = src[0].as<const float>() + image * boxes[1] * 4;
    for (std::int64_t c = 0; c < scores[1]; ++c) {
      const float* of_class = src[1].as<const float>() + (image * scores[1] + c) * scores[2];
      const std::int64_t first = selected;
      std::int64_t box = -1;
      while (selected - first < rules.most && (box = next_box(of_class, count, box, rules)) >= 0) {
        const Box candidate = box_at(corners + box * 4, rules.centered);
        bool alone = true;
        for (std::int64_t row = first; alone && row < selected; ++row)
          alone =
              !(overlap(candidate, box_at(corners + rows[row * 3 + 2] * 4, rules.centered)) > rules.overlap);
        if (!alone) continue;
        rows[selected * 3] = image;
        rows[selected * 3 + 1] = c;
        rows[selected * 3 + 2] = box;
        ++selected;
      }
    }
  }
  return selected;
}

std::int64_t most_rows(const NodeView& node) {
  const Shape boxes = node.shape(0).at_bounds(), scores = node.shape(1).at_bounds();
  if (!boxes.known() || !scores.known()) return kAnyDim;
  std::int64_t per_class = std::min(boxes[1], scores[2]);
  if (const auto most = known_integer(node, 2, "max_output_boxes_per_class", 0))
    per_class = std::clamp<std::int64_t>(*most, 0, per_class);
  const std::int64_t factors[] = {scores[0], scores[1], per_class};
  return at_most(product_of(factors));
}

std::vector<TensorDesc> infer_non_max_suppression(const NodeView& node) {
  constexpr std::array kFloat{DType::f32};
  require_dtype(node, 0, "boxes", kFloat);
  require_dtype(node, 1, "scores", kFloat);
  require_rank(node, 0, 3, 3);
  require_rank(node, 1, 3, 3);
  (void)node.attributes.flag("center_point_box", false);
  if (node.has_input(2)) require_indices(node, 2, "max_output_boxes_per_class");
  constexpr std::array kNames{"iou_threshold", "score_threshold"};
  for (std::size_t i = 3; i < 5; ++i) {
    if (!node.has_input(i)) continue;
    require_dtype(node, i, kNames[i - 3], kFloat);
    require_one_element(node, i, kNames[i - 3]);
  }
  TensorDesc dst{DType::s64, {kAnyDim, 3}, Layout::nchw};
  if (!node.shape(0).ranked() || !node.shape(1).ranked()) return {dst};
  require_dim("dimension 2 of input 0 (boxes)", node.shape(0)[2], 4);
  require_equal_dims(node, 1, 0, 0, 0);
  require_equal_dims(node, 1, 2, 0, 1);
  dst.shape[0] = most_rows(node);
  return {dst};
}

void extents(const NodeView& node, std::span<const TensorView> src, std::span<TensorView> dst) {
  dst[0].desc.shape[0] = select(node, src, dst[0].as<std::int64_t>());
}

// The number of rows is known once they are found: extents() has written them.
void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  if (!node.outputs[0].shape.bounded()) select(node, src, dst[0].as<std::int64_t>());
}

// A comparison for each score.
Cost cost_non_max_suppression(const NodeView& node) {
  const Shape scores = node.shape(1).at_bounds();
  return {.macs = 0, .flops = scores.known() ? scores.elements() : 0};
}

}  // namespace

const OpDef& op_non_max_suppression() {
  static const OpDef def{
      .name = "NonMaxSuppression",
      .sentence = "the boxes with the best scores that do not overlap a better one",
      .since_opset = 10,
      .min_inputs = 2,
      .max_inputs = 5,
      .attributes = {{"center_point_box", AttributeType::integer}},
      .infer = infer_non_max_suppression,
      .reference = reference,
      .extents = extents,
      .cost = cost_non_max_suppression,
  };
  return def;
}

}  // namespace godwit::ops
