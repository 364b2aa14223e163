// Groups of steps of a panel of 8-bit weights that the kernels of gemm_maddubs_groups take together.
#pragma once

#include <cstddef>
#include <cstdint>

namespace godwit::ops {

// Steps of the inner dimension that kernels can number.
inline constexpr std::int64_t kMostGroupedSteps = 65535;

// `weights`: `depth` steps of `width` columns by four s8, every step's pairs within kLargestPair. Puts them
// in groups of at most kLargestGroup steps, whose sums of two products fit into 16 bits together whatever
// u8 they are multiplied by, the largest groups first, and rearranges the weights so. steps (depth): where
// each one was; groups (kLargestGroup): how many there are of each size. depth: at most kMostGroupedSteps;
// width: 8, 16 or 32.
void group_steps(std::byte* weights, std::int64_t depth, int width, std::uint16_t* steps,
                 std::uint16_t* groups);

// Decides from some runs of steps whether weights had better be taken in groups than step by step.
class GroupedShare {
 public:
  // Takes weights as group_steps() does, and rearranges them.
  void add(std::byte* weights, std::int64_t depth, int width);
  bool is_faster() const;

 private:
  double alone_ = 0, grouped_ = 0;  // times of the steps
};

}  // namespace godwit::ops
