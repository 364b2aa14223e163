// Element-wise arithmetic of two tensors of floats with broadcasting: neighbouring axes that step alike are
// merged, the innermost one runs in vectors. Where that one is short and one operand repeats it, the operand
// is laid out many times, so that one call computes many lines.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

// One axis in memory order: steps are in elements, 0 where the operand is repeated.
struct Axis {
  std::int64_t size, lhs_step, rhs_step;
};

// Dimensions of a tensor in the order in which its bytes lie, aligned to `rank` from the right.
Shape memory_order(const TensorDesc& desc, int rank) {
  Shape shape;
  for (int axis = desc.shape.rank(); axis < rank; ++axis) shape.append(1);
  const bool last = desc.layout == Layout::nhwc;
  for (int axis = 0; axis < desc.shape.rank(); ++axis) {
    if (last && axis == 1) continue;
    shape.append(desc.shape[axis]);
  }
  if (last) shape.append(desc.shape[1]);
  return shape;
}

class BinaryExecutable final : public Executable {
 public:
  BinaryExecutable(const NodeView& node, const PrepareContext& context, Family<BinaryKernel> family)
      : epilogue_(node.epilogue), kernel_(find_kernel(family, node.input(0).dtype, context.target.isa)) {
    const int rank = node.outputs[0].shape.rank();
    const Shape dst = memory_order(node.outputs[0], rank);
    const Shape lhs = memory_order(node.input(0), rank);
    const Shape rhs = memory_order(node.input(1), rank);
    std::int64_t lhs_step = 1, rhs_step = 1;
    // From the innermost axis outwards; axes_[0] is the innermost.
    for (int axis = rank - 1; axis >= 0; --axis) {
      const Axis next{dst[axis], lhs[axis] == 1 ? 0 : lhs_step, rhs[axis] == 1 ? 0 : rhs_step};
      lhs_step *= lhs[axis];
      rhs_step *= rhs[axis];
      if (next.size != 1) append(next);
    }
    if (count_ == 0) axes_[count_++] = {1, 0, 0};
    for (int i = 1; i < count_; ++i) outer_ *= axes_[static_cast<std::size_t>(i)].size;
    find_pattern();
  }

  Scratch scratch() const override {
    const auto size = size_of(kernel_.info->dtype);
    return {.shared = 0, .per_worker = static_cast<std::size_t>(repeats_ * axes_[0].size) * size};
  }

  std::string kernel() const override { return name_of(*kernel_.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    if (repeats_ > 0) return run_pattern(args, worker);
    const Axis& inner = axes_[0];
    const auto size = static_cast<std::int64_t>(size_of(kernel_.info->dtype));
    // One long inner axis is divided itself; otherwise the outer ones are.
    const Worker::Range lines = outer_ == 1 ? Worker::Range{0, 1} : worker.share(outer_);
    const Worker::Range span = outer_ == 1 ? worker.share(inner.size, 1024) : Worker::Range{0, inner.size};
    if (span.begin == span.end) return;
    for (std::int64_t line = lines.begin; line < lines.end; ++line) {
      std::int64_t lhs = span.begin * inner.lhs_step;
      std::int64_t rhs = span.begin * inner.rhs_step;
      std::int64_t rest = line;
      for (int i = 1; i < count_; ++i) {
        const Axis& axis = axes_[static_cast<std::size_t>(i)];
        lhs += rest % axis.size * axis.lhs_step;
        rhs += rest % axis.size * axis.rhs_step;
        rest /= axis.size;
      }
      kernel_({.lhs = static_cast<const std::byte*>(args.src[0]) + lhs * size,
               .rhs = static_cast<const std::byte*>(args.src[1]) + rhs * size,
               .dst = static_cast<std::byte*>(args.dst[0]) + (line * inner.size + span.begin) * size,
               .count = span.end - span.begin,
               .lhs_step = inner.lhs_step,
               .rhs_step = inner.rhs_step,
               .minimum = epilogue_.minimum,
               .maximum = epilogue_.maximum});
    }
  }

 private:
  // Lines shorter than this are computed together where they can be; so many elements are laid out.
  static constexpr std::int64_t kShort = 64, kPattern = 1024;

  void find_pattern() {
    if (count_ < 2) return;
    const Axis &inner = axes_[0], &next = axes_[1];
    const std::int64_t length = inner.size;
    if (length < 1 || length >= kShort) return;
    const bool lhs_moves = inner.lhs_step == 1 && next.lhs_step == inner.size;
    const bool rhs_moves = inner.rhs_step == 1 && next.rhs_step == inner.size;
    repeats_lhs_ = next.lhs_step == 0 && rhs_moves;
    const bool repeats_rhs = next.rhs_step == 0 && lhs_moves;
    if (repeats_lhs_ || repeats_rhs) repeats_ = std::min(next.size, kPattern / length);
  }

  // Offsets of the operands at the first of the lines that axes from `first` on tell apart.
  std::pair<std::int64_t, std::int64_t> offsets(std::int64_t line, int first) const {
    std::int64_t lhs = 0, rhs = 0;
    for (int i = first; i < count_; ++i) {
      const Axis& axis = axes_[static_cast<std::size_t>(i)];
      lhs += line % axis.size * axis.lhs_step;
      rhs += line % axis.size * axis.rhs_step;
      line /= axis.size;
    }
    return {lhs, rhs};
  }

  void run_pattern(const RunArgs& args, const Worker& worker) const {
    const std::int64_t inner = axes_[0].size, lines = axes_[1].size;
    const std::size_t size = size_of(kernel_.info->dtype);
    const auto at = [size](const void* p, std::int64_t i) {
      return static_cast<const std::byte*>(p) + static_cast<std::size_t>(i) * size;
    };
    const std::size_t fixed = repeats_lhs_ ? 0 : 1;
    const std::int64_t step = repeats_lhs_ ? axes_[0].lhs_step : axes_[0].rhs_step;
    const Worker::Range share = worker.share(outer_);
    std::int64_t laid_out = -1;
    for (std::int64_t line = share.begin; line < share.end;) {
      const std::int64_t outer = line / lines, within = line % lines;
      const auto [lhs, rhs] = offsets(outer, 2);
      if (outer != laid_out) {
        const std::byte* from = at(args.src[fixed], repeats_lhs_ ? lhs : rhs);
        std::byte* to = args.worker_scratch;
        for (std::int64_t i = 0; i < repeats_ * inner; ++i, to += size)
          std::memcpy(to, at(from, i % inner * step), size);
        laid_out = outer;
      }
      const std::int64_t count = std::min({repeats_, lines - within, share.end - line});
      const std::int64_t moved = (repeats_lhs_ ? rhs : lhs) + within * inner;
      const void* pattern = args.worker_scratch;
      kernel_({.lhs = repeats_lhs_ ? pattern : at(args.src[0], moved),
               .rhs = repeats_lhs_ ? at(args.src[1], moved) : pattern,
               .dst = const_cast<std::byte*>(at(args.dst[0], line * inner)),
               .count = count * inner,
               .lhs_step = 1,
               .rhs_step = 1,
               .minimum = epilogue_.minimum,
               .maximum = epilogue_.maximum});
      line += count;
    }
  }

  void append(const Axis& next) {
    if (count_ > 0) {
      Axis& last = axes_[static_cast<std::size_t>(count_ - 1)];
      if (next.lhs_step == last.lhs_step * last.size && next.rhs_step == last.rhs_step * last.size) {
        last.size *= next.size;
        return;
      }
    }
    axes_[static_cast<std::size_t>(count_++)] = next;
  }

  std::array<Axis, kMaxRank> axes_{};
  int count_ = 0;
  std::int64_t outer_ = 1;
  std::int64_t repeats_ = 0;  // of a short innermost axis, laid out one behind the other; 0: none are
  bool repeats_lhs_ = false;
  Epilogue epilogue_;
  Kernel<BinaryKernel> kernel_;
};

std::string reject(const NodeView& node, const Target&) {
  if (!is_kernel_float(node.input(0).dtype)) return "needs f32, f16 or bf16";
  if (node.epilogue.residual) return "adds no residual";
  if (node.inputs.size() != 2) return "needs two operands";
  if (node.outputs[0].shape.elements() == 0) return "has nothing to compute";
  for (std::size_t i = 0; i < 2; ++i) {
    const TensorDesc& operand = node.input(i);
    if (operand.shape.elements() == 1) continue;
    if (operand.layout != node.outputs[0].layout) return "needs operands in one layout";
    if (operand.layout == Layout::nhwc && operand.shape.rank() != node.outputs[0].shape.rank()) {
      return "needs nhwc operands of one rank";
    }
    if (operand.layout == Layout::nchw && node.outputs[0].layout == Layout::nhwc)
      return "needs nhwc operands";
  }
  return {};
}

template <const Family<BinaryKernel>& kFamily>
std::unique_ptr<Executable> prepare(const NodeView& node, const PrepareContext& context) {
  return std::make_unique<BinaryExecutable>(node, context, kFamily);
}

constexpr std::string_view kSentence = "vectors along the innermost axis, axes that step alike merged";

}  // namespace

const Implementation binary_add{"binary_add", kSentence, reject, prepare<families::add>};
const Implementation binary_sub{"binary_sub", kSentence, reject, prepare<families::sub>};
const Implementation binary_mul{"binary_mul", kSentence, reject, prepare<families::mul>};
const Implementation binary_div{"binary_div", kSentence, reject, prepare<families::div>};
const Implementation binary_prelu{"binary_prelu", kSentence, reject, prepare<families::prelu>};
const Implementation binary_max{"binary_max", kSentence, reject, prepare<families::larger>};
const Implementation binary_min{"binary_min", kSentence, reject, prepare<families::smaller>};

}  // namespace godwit::ops
