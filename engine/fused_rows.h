// Steps one behind the other that hand lines to each other, so that a large tensor between them never lies
// whole in memory: some lines of the last result are computed at a time, and of the others what these need
// (M. Alwani et al., "Fused-layer CNN accelerators", MICRO 2016).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/implementation.h"
#include "runtime/threads.h"

namespace godwit::engine {

class FusedRows {
 public:
  // A step of the chain, which reads the result of the one before as operand 0.
  struct Link {
    const ops::RowStreaming* step = nullptr;
    std::size_t scratch_bytes = 0;  // that it needs for each worker
    std::int64_t lines = 0;         // of its result
    std::size_t line_bytes = 0;     // of its result
  };
  // Lines of a result, those of all images counted through.
  static std::int64_t lines_of(const Shape& result) {
    return result[0] * (result.rank() == 4 ? result[2] : 1);
  }
  static constexpr std::size_t kMaxLinks = 8;
  static constexpr std::int64_t kMaxRows = 1 << 20;  // of a result: a chain looks at each when it is made

  // first: the plan's step that links[0] is; 2 to kMaxLinks links. Buffers between the links fill at most
  // `cache_bytes` unless single lines of the last result need more.
  FusedRows(std::size_t first, std::vector<Link> links, std::size_t cache_bytes);

  // Steps [first, last) of the plan.
  std::size_t first() const { return first_; }
  std::size_t last() const { return first_ + links_.size(); }
  // Lines of the last result that are computed at a time, and what lies in memory meanwhile of the others.
  std::int64_t strip_lines() const { return strip_; }
  std::size_t buffer_bytes() const { return buffer_bytes_; }
  // Bytes for each worker: the buffers and what the links need.
  std::size_t scratch_bytes() const { return buffer_bytes_ + link_scratch_; }

  // This worker's lines of the last result. args(step): pointers to the step's operands and results, of which
  // those between the links are not read; after(step): called behind each part of its work. Only the steps
  // [begin, end) of the plan are run, the others left out: for measuring them alone.
  using Args = FunctionRef<ops::RunArgs(std::size_t step)>;
  using After = FunctionRef<void(std::size_t step)>;
  void run(std::size_t begin, std::size_t end, Args args, After after, std::byte* scratch,
           const Worker& worker) const;

 private:
  struct Needs;
  Needs needs_of(Worker::Range lines) const;
  void set_strip(std::int64_t lines);

  std::size_t first_;
  std::vector<Link> links_;
  std::int64_t strip_ = 1;
  std::vector<std::size_t> buffers_;  // where the lines of all results but the last lie in the scratch memory
  std::size_t buffer_bytes_ = 0, link_scratch_ = 0;
};

}  // namespace godwit::engine
