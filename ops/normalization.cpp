// Moments in double precision, and the checks of scales and shifts.
#include "ops/normalization.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "ops/axes.h"
#include "ops/broadcast.h"

namespace godwit::ops {

double epsilon_of(const NodeView& node) {
  return static_cast<double>(node.attributes.real("epsilon", 1e-5F));
}

Moments moments_of(const TensorView& src, std::int64_t first, std::int64_t count, double epsilon) {
  double sum = 0;
  for (std::int64_t i = first; i < first + count; ++i) sum += real_at(src, i);
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (std::int64_t i = first; i < first + count; ++i) {
    const double distance = real_at(src, i) - mean;
    squares += distance * distance;
  }
  return {mean, 1 / std::sqrt(squares / static_cast<double>(count) + epsilon)};
}

Moments moments_about_zero(const TensorView& src, std::int64_t first, std::int64_t count, double epsilon) {
  double squares = 0;
  for (std::int64_t i = first; i < first + count; ++i) squares += real_at(src, i) * real_at(src, i);
  return {0, 1 / std::sqrt(squares / static_cast<double>(count) + epsilon)};
}

void require_channel_parameters(const NodeView& node) {
  for (std::size_t i = 1; i <= 2; ++i) {
    require_rank(node, i, 1, 1);
    if (!node.shape(0).ranked() || !node.shape(i).ranked()) continue;
    require_dim(fmt::format("the length of input {}", i), node.shape(i)[0], node.shape(0)[1]);
  }
}

int normalized_axis(const NodeView& node, int rank) {
  return rank == 0 ? 0 : normalize_axis(node.attributes.integer("axis", -1), rank);
}

void require_normalized_parameters(const NodeView& node) {
  const Shape& shape = node.shape(0);
  if (!shape.ranked()) return;
  (void)normalized_axis(node, shape.rank());
  for (std::size_t i = 1; i < node.own_inputs(); ++i) {
    if (node.has_input(i)) require_broadcasts_to(node.shape(i), shape, i == 1 ? "the scale" : "the shift");
  }
}

bool normalization_keeps_images_apart(const NodeView& node) {
  const int rank = node.shape(0).rank();
  if (rank == 0 || normalized_axis(node, rank) == 0) return false;
  return std::ranges::all_of(node.inputs.subspan(1), [rank](const Operand& operand) {
    if (!operand.present()) return true;
    const Shape& shape = operand.desc->shape;
    return operand.constant != nullptr && (shape.rank() < rank || shape[0] == 1);
  });
}

}  // namespace godwit::ops
