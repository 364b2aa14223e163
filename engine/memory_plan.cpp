// Offline placement: every tensor goes into the best gap that those placed before it and alive with it leave.
#include "engine/memory_plan.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "runtime/memory.h"

namespace godwit::engine {
namespace {

enum class Gap : std::uint8_t { first, smallest };

using Order = std::vector<std::size_t>;

// Offsets for tensors in this order; `placed` is kept sorted by offset.
MemoryPlan place(std::span<const Lifetime> tensors, const Order& order, Gap gap) {
  MemoryPlan plan;
  plan.offsets.assign(tensors.size(), 0);
  std::vector<std::size_t> placed;
  for (const std::size_t t : order) {
    const std::size_t bytes = align_up(tensors[t].bytes);
    if (bytes == 0) continue;
    std::size_t end = 0;  // of everything looked at so far that is alive with t
    std::size_t best = 0, best_size = 0;
    bool found = false;
    for (const std::size_t p : placed) {
      if (!tensors[p].overlaps(tensors[t])) continue;
      const std::size_t begin = plan.offsets[p];
      const std::size_t size = begin > end ? begin - end : 0;
      if (size >= bytes && (!found || size < best_size)) {
        best = end;
        best_size = size;
        found = true;
        if (gap == Gap::first) break;
      }
      end = std::max(end, begin + align_up(tensors[p].bytes));
    }
    plan.offsets[t] = found ? best : end;
    plan.bytes = std::max(plan.bytes, plan.offsets[t] + bytes);
    const auto behind =
        std::ranges::upper_bound(placed, plan.offsets[t], {}, [&](std::size_t p) { return plan.offsets[p]; });
    placed.insert(behind, t);
  }
  return plan;
}

// Bytes alive at each step, of which the largest is the bound.
std::size_t lower_bound(std::span<const Lifetime> tensors) {
  std::int32_t steps = 0;
  for (const Lifetime& tensor : tensors) steps = std::max(steps, tensor.last + 1);
  std::vector<std::size_t> begins(static_cast<std::size_t>(steps) + 1, 0), ends(begins);
  for (const Lifetime& tensor : tensors) {
    begins[static_cast<std::size_t>(tensor.first)] += align_up(tensor.bytes);
    ends[static_cast<std::size_t>(tensor.last) + 1] += align_up(tensor.bytes);
  }
  std::size_t alive = 0, most = 0;
  for (std::size_t step = 0; step < begins.size(); ++step) {
    alive += begins[step];
    alive -= ends[step];
    most = std::max(most, alive);
  }
  return most;
}

// The tensors, those with the largest key first; equal ones in the order in which they are written.
template <class Key>
Order sorted_by(std::span<const Lifetime> tensors, const Key& key) {
  Order order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return key(tensors[a]) > key(tensors[b]); });
  return order;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> tensors) {
  const auto length = [](const Lifetime& tensor) {
    return static_cast<std::size_t>(tensor.last - tensor.first) + 1;
  };
  const std::array orders = {
      sorted_by(tensors, [](const Lifetime& tensor) { return tensor.bytes; }),
      sorted_by(tensors, [](const Lifetime& tensor) { return -tensor.first; }),
      sorted_by(tensors, [&](const Lifetime& tensor) { return length(tensor); }),
      sorted_by(tensors,
                [&](const Lifetime& tensor) {
                  return static_cast<double>(tensor.bytes) * static_cast<double>(length(tensor));
                }),
  };
  MemoryPlan best;
  const std::size_t bound = lower_bound(tensors);
  bool found = false;
  for (const Order& order : orders) {
    for (const Gap gap : {Gap::smallest, Gap::first}) {
      if (found && best.bytes == bound) break;
      MemoryPlan plan = place(tensors, order, gap);
      if (found && plan.bytes >= best.bytes) continue;
      best = std::move(plan);
      found = true;
    }
  }
  best.lower_bound = bound;
  for (const Lifetime& tensor : tensors) best.sum += align_up(tensor.bytes);
  return best;
}

}  // namespace godwit::engine
