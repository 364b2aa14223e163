// Places of tensors in the arena: those that are never alive together share memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace godwit::engine {

// A tensor from the step that writes it to the last step that reads it, both included.
struct Lifetime {
  std::size_t bytes = 0;
  std::int32_t first = 0;
  std::int32_t last = 0;

  bool overlaps(const Lifetime& other) const { return first <= other.last && other.first <= last; }
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  // of each tensor, multiples of kAlignment
  std::size_t bytes = 0;             // of the arena
  std::size_t lower_bound =
      0;                // the largest sum of aligned tensors alive at one step: no plan can do with less
  std::size_t sum = 0;  // if nothing shared memory
};

// Places tensors greedily in several orders and keeps the smallest arena. The same input gives the same plan.
MemoryPlan plan_memory(std::span<const Lifetime> tensors);

}  // namespace godwit::engine
