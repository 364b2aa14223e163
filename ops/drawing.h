// Numbers drawn by a generator: the same ones in every run and on every machine. A node without attribute
// `seed` has one that follows from its name.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

#include "ops/op.h"

namespace godwit::ops {

// SplitMix64, which other libraries do not use: with the same seed they draw other numbers.
class Generator {
 public:
  explicit Generator(const NodeView& node) {
    if (node.attributes.has("seed")) {
      state_ = std::bit_cast<std::uint32_t>(node.attributes.real("seed", 0));
      return;
    }
    for (const char letter : node.name)
      state_ = (state_ ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
  }

  // In [0, 1), a multiple of 2^-53.
  double uniform() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }
  // With mean 0 and deviation 1 (Box and Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

// The description of a result in the shape that attribute `shape` gives, and of one in operand 0's, of the
// type that attribute `dtype` names (without it f32, or operand 0's where that is a float).
std::vector<TensorDesc> infer_drawn(const NodeView& node);
std::vector<TensorDesc> infer_drawn_like(const NodeView& node);

// Fills a tensor with low + (high - low) · uniform numbers, of attributes `low` and `high`, or with mean +
// scale · normal ones, of attributes `mean` and `scale`.
void draw_uniform(const NodeView& node, const TensorView& dst);
void draw_normal(const NodeView& node, const TensorView& dst);

}  // namespace godwit::ops
