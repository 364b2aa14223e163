// Items through two stages on all cores, in order at both ends: prepared one by one, worked on in batches.
#pragma once

#include <cstddef>
#include <functional>

namespace godwit {

// Functions that a two-stage pipeline calls. `slot` is a batch's place in memory (0 to slots − 1) and `place`
// an item's place in its batch. `worker` is a thread (0 to workers − 1; 0 is the caller).
struct PipelineStages {
  // Takes the next item for this place; false when there are no more. One call at a time, in order.
  std::function<bool(int slot, std::size_t place)> take;
  // First stage, of one item. Any order, any number at once.
  std::function<void(int worker, int slot, std::size_t place)> prepare;
  // Second stage, of a batch of `count` items all prepared (fewer than a full batch only at the end). Any
  // order, at most `lanes` at once, each on another lane.
  std::function<void(int worker, int lane, int slot, std::size_t count)> work;
  // Takes away the results of a batch. One call at a time, in order.
  std::function<void(int slot, std::size_t count)> deliver;
};

struct PipelineShape {
  int workers = 1;
  int lanes = 1;  // batches in the second stage at once
  int slots = 2;  // batches in memory at once: nothing is taken while all are in use
  std::size_t batch = 1;
};

// Runs until take() says that there are no more and everything is delivered. No core belongs to a stage, so
// that the split of cores follows the cost of the stages. Each worker does what is due: deliver, else work on
// a batch that is ready, else prepare an item. The first exception that a stage throws stops everything and
// leaves this function.
void run_two_stage_pipeline(const PipelineShape& shape, const PipelineStages& stages);

}  // namespace godwit
