// Losses of classes: the logarithm of the right class's probability, weighted, and what is made of all of
// them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/op.h"

namespace godwit::ops {

// Operands are scores N×C×…, classes N×… and, at will, a weight for each class. Result 0 is a number for each
// class given, or one (attribute `reduction`).
std::vector<TensorDesc> infer_loss(const NodeView& node);
std::vector<AttributeSpec> loss_attributes();

// Ways in which all losses become one.
enum class LossReduction : std::uint8_t { none, sum, mean };
LossReduction loss_reduction(const NodeView& node);

// log_probability(n, c, place) is that of class c for image n and the place among those behind the classes.
// A class that is out of range, which only the data shows, counts as one to be ignored.
template <class LogProbability>
void compute_loss(const NodeView& node, std::span<const TensorView> src, const TensorView& dst,
                  const LogProbability& log_probability) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t classes = shape[1], plane = shape.product(2, shape.rank());
  const bool weighted = src.size() > 2 && src[2].present();
  const bool ignores = node.attributes.has("ignore_index");
  const std::int64_t ignored = node.attributes.integer("ignore_index", 0);
  const LossReduction reduction = loss_reduction(node);
  double losses = 0, weights = 0;
  for (std::int64_t i = 0; i < shape[0] * plane; ++i) {
    const std::int64_t target = static_cast<std::int64_t>(number_at(src[1], i));
    const bool counts = !(ignores && target == ignored) && target >= 0 && target < classes;
    const double weight = !counts ? 0 : weighted ? real_at(src[2], target) : 1;
    const double loss = counts ? -weight * log_probability(i / plane, target, i % plane) : 0;
    losses += loss;
    weights += weight;
    if (reduction == LossReduction::none) set_real(dst, i, loss);
  }
  if (reduction == LossReduction::sum) set_real(dst, 0, losses);
  if (reduction == LossReduction::mean) set_real(dst, 0, losses / weights);
}

}  // namespace godwit::ops
