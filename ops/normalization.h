// Common ground of ops that normalise by a mean and a variance gathered from the data itself.
#pragma once

#include <cmath>
#include <cstdint>

#include "ops/arithmetic.h"
#include "ops/op.h"

namespace godwit::ops {

// The number added to a variance.
double epsilon_of(const NodeView& node);

// The mean of some elements and 1 over the root of their variance plus epsilon; both NaN for no elements.
struct Moments {
  double mean, factor;
};
// Statistics of `count` elements from `first` on, in two passes.
Moments moments_of(const TensorView& src, std::int64_t first, std::int64_t count, double epsilon);
// The same about 0: the mean counts as 0.
Moments moments_about_zero(const TensorView& src, std::int64_t first, std::int64_t count, double epsilon);

// Throws Error unless operands 1 and 2 have one element for each of operand 0's channels.
void require_channel_parameters(const NodeView& node);

// The first of the axes that are normalised together up to the last (attribute `axis`).
int normalized_axis(const NodeView& node, int rank);
// Throws Error unless operands 1 and beyond broadcast to those axes.
void require_normalized_parameters(const NodeView& node);
// True where images are not among the axes that are normalised.
bool normalization_keeps_images_apart(const NodeView& node);

}  // namespace godwit::ops
