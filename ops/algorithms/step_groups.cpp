// First fit: 255 times the weights of one sign that meet in one sum of a group must stay within 16 bits.
#include "ops/algorithms/step_groups.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "ops/algorithms/gemm.h"
#include "ops/kernels/quantized_gemm/arguments.h"
#include "ops/quantization.h"

namespace godwit::ops {
namespace {

constexpr std::size_t kMostWords = 32 * 4 / 8;
// Groups that wait for further steps: with more of them a few steps more find company, and all steps are
// tried with more groups.
constexpr std::size_t kWaiting = 16;

// Loads: for each sum of two products and each sign the weights that meet there, eight of them to a word,
// each below 128. kFull, which stands for 128 too, leaves no room at all.
constexpr int kFull = kLargestPair - 1;
constexpr std::uint64_t kEach = 0x0101010101010101;

void set_loads(const std::int8_t* step, std::size_t width, std::uint64_t* loads) {
  std::array<std::uint8_t, kMostWords * 8> lanes;
  for (std::size_t i = 0; i < width * 2; ++i) {
    const int first = step[i * 2], second = step[i * 2 + 1];
    const int up = std::max(first, 0) + std::max(second, 0);
    const int down = -(std::min(first, 0) + std::min(second, 0));
    lanes[i] = static_cast<std::uint8_t>(std::min(up, kFull));
    lanes[i + width * 2] = static_cast<std::uint8_t>(std::min(down, kFull));
  }
  std::memcpy(loads, lanes.data(), width * 4);
}

struct Group {
  std::array<std::uint64_t, kMostWords> room;
  std::array<std::uint16_t, kLargestGroup> steps;
  int size;
};

// Words that are tested at once: a branch for each would be hard to foretell.
constexpr std::size_t kPart = 4;

bool fits(const std::uint64_t* loads, const Group& group, std::size_t words) {
  // Bit 7 of each lane stays where the room is at least the load.
  constexpr std::uint64_t kBit7 = kEach << 7;
  for (std::size_t first = 0; first < words; first += kPart) {
    std::uint64_t kept = kBit7;
    for (std::size_t i = first; i < first + kPart; ++i) kept &= (group.room[i] | kBit7) - loads[i];
    if (kept != kBit7) return false;
  }
  return true;
}

void join(Group& group, std::uint16_t step, const std::uint64_t* loads, std::size_t words) {
  for (std::size_t i = 0; i < words; ++i) group.room[i] -= loads[i];
  group.steps[static_cast<std::size_t>(group.size++)] = step;
}

}  // namespace

void group_steps(std::byte* weights, std::int64_t depth, int width, std::uint16_t* steps,
                 std::uint16_t* groups) {
  const auto count = static_cast<std::size_t>(depth);
  const auto step_bytes = static_cast<std::size_t>(width) * kStepBytes;
  const std::vector<std::byte> before(weights, weights + count * step_bytes);
  const std::size_t words = static_cast<std::size_t>(width) * 4 / 8;
  std::vector<std::uint64_t> loads(count * words);
  for (std::size_t k = 0; k < count; ++k) {
    set_loads(reinterpret_cast<const std::int8_t*>(before.data() + k * step_bytes),
              static_cast<std::size_t>(width), loads.data() + k * words);
  }

  std::array<Group, kWaiting> waiting;
  std::size_t used = 0;
  std::array<std::vector<std::uint16_t>, kLargestGroup> done;  // by size, less one
  const auto finish = [&](std::size_t at) {
    const Group& group = waiting[at];
    auto& same = done[static_cast<std::size_t>(group.size - 1)];
    same.insert(same.end(), group.steps.begin(), group.steps.begin() + group.size);
    waiting[at] = waiting[--used];
  };
  std::size_t next = 0;  // to make room, in turn
  for (std::size_t k = 0; k < count; ++k) {
    const std::uint64_t* load = loads.data() + k * words;
    std::size_t at = 0;
    while (at < used && !fits(load, waiting[at], words)) ++at;
    if (at == used) {
      if (used == kWaiting) finish(next++ % kWaiting);
      at = used++;
      waiting[at].room.fill(kEach * kFull);
      waiting[at].size = 0;
    }
    join(waiting[at], static_cast<std::uint16_t>(k), load, words);
    if (waiting[at].size == kLargestGroup) finish(at);
  }
  while (used > 0) finish(0);

  for (std::size_t size = kLargestGroup; size > 0; --size) {
    const auto& same = done[size - 1];
    groups[size - 1] = static_cast<std::uint16_t>(same.size() / size);
    for (const std::uint16_t step : same) {
      *steps++ = step;
      std::memcpy(weights, before.data() + step * step_bytes, step_bytes);
      weights += step_bytes;
    }
  }
}

void GroupedShare::add(std::byte* weights, std::int64_t depth, int width) {
  // Measured on a Zen 3 core: time for one step, in groups of 1 to 4, in that of one taken alone.
  constexpr std::array<double, kLargestGroup> kTime = {1.15, 0.88, 0.82, 0.80};
  std::vector<std::uint16_t> steps(static_cast<std::size_t>(depth));
  std::array<std::uint16_t, kLargestGroup> groups{};
  group_steps(weights, depth, width, steps.data(), groups.data());
  for (std::size_t size = 1; size <= groups.size(); ++size)
    grouped_ += kTime[size - 1] * static_cast<double>(groups[size - 1] * size);
  alone_ += static_cast<double>(depth);
}

bool GroupedShare::is_faster() const { return grouped_ < alone_; }

}  // namespace godwit::ops
