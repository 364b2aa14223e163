// One way to run an op: it accepts a node or says why not, prepares (packing weights), and runs.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op.h"
#include "runtime/cpu.h"
#include "runtime/threads.h"

namespace godwit::ops {

// The target that code is chosen for; never the number of threads, so that results do not depend on it.
struct Target {
  Isa isa = best_isa();
  // Names of implementations that no node gets, though one could take it; never the reference.
  std::vector<std::string> without = {};
};

// The names of all implementations of all ops, sorted, each once. The reference is none of them.
std::vector<std::string_view> implementation_names();
// Throws Error for a name in `target.without` that is none, saying which there are.
void require_implementations(const Target& target);

// Weights in the form that kernels read, kept once however many plans use them.
class WeightCache {
 public:
  // The packed form of `constant` under `format` (which names everything that the bytes depend on besides the
  // constant itself); `make` is called when it is not there yet. `constant` is kept as part of the key, but
  // not its bytes where they can be made on demand.
  std::shared_ptr<const std::byte> get(const Tensor& constant, const std::string& format, std::size_t bytes,
                                       const std::function<void(std::byte*)>& make);
  // Bytes of all packed weights.
  std::size_t bytes() const;

 private:
  struct Entry {
    Tensor constant;
    std::shared_ptr<const std::byte> packed;
    std::size_t bytes = 0;
  };
  std::shared_ptr<std::byte> take(std::size_t bytes);

  mutable std::mutex mutex_;
  // Small entries lie next to each other in slabs, which are large enough for huge pages.
  std::shared_ptr<std::byte> slab_;
  std::size_t slab_left_ = 0;
  std::byte* slab_next_ = nullptr;
  std::map<std::pair<const void*, std::string>, Entry> entries_;
};

struct PrepareContext {
  const Target& target;
  WeightCache& weights;
  int threads = 1;               // that may share the work of packing; what comes out does not depend on it
  std::string_view forced = {};  // the implementation to use; empty: explain() chooses
};

// Memory a step needs while it runs, contents undefined before: one shared part and one part for each worker.
struct Scratch {
  std::size_t shared = 0;
  std::size_t per_worker = 0;
};

// Operands in the node's order (constants included, omitted ones null), results in the node's order.
struct RunArgs {
  const void* const* src;
  void* const* dst;
  std::byte* shared_scratch;
  std::byte* worker_scratch;
  // True shapes of the operands with bounded sizes, null for the others; and where those of such results go.
  // Both lists are null where the node has none.
  const Shape* const* src_shapes = nullptr;
  Shape* const* dst_shapes = nullptr;
};

// Some lines of a result and where they and the lines of operand 0 that they need lie: tensors need not be
// whole in memory.
struct RowPart {
  Worker::Range lines;  // of the result, to be computed
  const void* src = nullptr;
  std::int64_t src_line = 0;  // that src begins with
  void* dst = nullptr;
  std::int64_t dst_line = 0;  // that dst begins with
};

// Offered by an executable that can compute any lines of its result by themselves, from
// some lines of operand 0. Lines are those of nhwc tensors, (N, H) counted through. The results are the same,
// bit for bit.
class RowStreaming {
 public:
  // Lines of operand 0 that these lines of the result need; neither end lies lower where those of `lines` lie
  // higher.
  virtual Worker::Range rows_read(Worker::Range lines) const = 0;
  // On the caller's thread alone. Operand 0 and result 0 are the part's, whatever `args` says.
  virtual void run_rows(const RunArgs& args, const RowPart& part) const = 0;

 protected:
  ~RowStreaming() = default;
};

// A node made ready for fixed shapes and one ISA. Immutable; any number of sessions run it at once.
class Executable {
 public:
  Executable() = default;
  virtual ~Executable() = default;
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  // Called by every member of the team with the same arguments but for worker_scratch; does this member's
  // share. The caller puts a barrier behind it. Neither throws nor allocates.
  virtual void run(const RunArgs& args, const Worker& worker) const = 0;
  virtual Scratch scratch() const { return {}; }
  // True when the result may lie where the residual lies: each element's residual is read, once, before the
  // element is written.
  virtual bool may_overwrite_residual() const { return false; }
  // Null where lines cannot be computed by themselves; the others need no shared scratch.
  virtual const RowStreaming* row_streaming() const { return nullptr; }
  // The micro-kernels it uses, for profiles: "gemm_f32_14x32_avx512". The reference has none: "".
  virtual std::string kernel() const { return {}; }
  // True when run() still reads the bytes of constant operand `i` (as opposed to a packed copy).
  virtual bool reads_constant(std::size_t i) const {
    (void)i;
    return true;
  }
};

struct Implementation {
  std::string_view name;      // "conv_gemm"
  std::string_view sentence;  // for explain
  // Empty: accepts; else the reason why not, in words. Shapes are known, layouts chosen. Not asked about
  // nodes with bounded sizes, which only references take.
  std::string (*reject)(const NodeView& node, const Target& target);
  std::unique_ptr<Executable> (*prepare)(const NodeView& node, const PrepareContext& context);
  // An estimate of the time for one image, in any unit that the op's implementations share. Null: not
  // compared.
  double (*cost)(const NodeView& node, const Target& target) = nullptr;
  // True when its executable for this node will be row_streaming(). Null: never.
  bool (*streams_rows)(const NodeView& node) = nullptr;
};

// The op's scalar reference as an implementation that accepts every node (nhwc operands are reordered to nchw
// and back in scratch memory); runs on the team's first member.
std::unique_ptr<Executable> prepare_reference(const OpDef& op, const NodeView& node);

struct Candidate {
  std::string_view implementation;
  std::string rejected;        // why it cannot take the node, or may not; empty where it is eligible
  std::optional<double> cost;  // its estimate, where it gives one
  bool chosen = false;
  std::optional<double> seconds = {};  // that a trial took with it, where one was held
};
// Every implementation of the op with its verdict on this node, in order, the reference last. Chosen is the
// first that can take the node or, where that one gives a cost, the cheapest of those that give one; or else
// `forced`, where that is not empty: throws Error when the op has no such implementation or it cannot take
// the node.
std::vector<Candidate> explain(const OpDef& op, const NodeView& node, const Target& target,
                               std::string_view forced = {});
// The chosen one; null where it is the reference. Throws as explain() does.
const Implementation* choose(const OpDef& op, const NodeView& node, const Target& target,
                             std::string_view forced = {});
// The chosen implementation, prepared. `chosen` (if not null) gets its name ("reference" at the
// last). Throws as explain() does.
std::unique_ptr<Executable> prepare(const OpDef& op, const NodeView& node, const PrepareContext& context,
                                    std::string_view* chosen = nullptr);

}  // namespace godwit::ops
