// Einsum's equations: one letter for each axis of each operand, and those of the result.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "ops/op.h"

namespace godwit::ops {

// Axes that the equation names or that its "..." stands for, numbered as they first appear.
inline constexpr int kMostLabels = 64;
inline constexpr std::size_t kMostTerms = 16;

struct EinsumTerm {
  int rank = 0;
  std::array<int, kMaxRank> labels{};
};

struct Einsum {
  std::size_t operand_count = 0;
  std::array<EinsumTerm, kMostTerms> operands;
  EinsumTerm result;
  int label_count = 0;
  std::array<std::int64_t, kMostLabels> sizes{};  // of the axes, as far as they are known
};

// Throws Error about an equation that does not fit shapes, whose ranks are known.
Einsum parse_einsum(std::string_view equation, std::span<const Shape> shapes);

}  // namespace godwit::ops
