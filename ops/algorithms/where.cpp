// Choosing between two tensors with broadcasting: neighbouring axes that step alike are merged, the innermost
// one is a loop of its own.
#include <array>

#include "ops/algorithms/implementations.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

constexpr std::size_t kOperands = 3;

// Steps are in elements, 0 where the operand is repeated.
struct Axis {
  std::int64_t size = 1;
  std::array<std::int64_t, kOperands> steps{};
};

class WhereRows final : public Executable {
 public:
  explicit WhereRows(const NodeView& node) : element_size_(size_of(node.outputs[0].dtype)) {
    const Shape& dst = node.outputs[0].shape;
    std::array<std::int64_t, kOperands> strides{1, 1, 1};
    for (int axis = dst.rank() - 1; axis >= 0; --axis) {  // from the innermost outwards
      Axis next{.size = dst[axis], .steps = {}};
      for (std::size_t i = 0; i < kOperands; ++i) {
        const int own = axis - (dst.rank() - node.shape(i).rank());
        if (own < 0 || node.shape(i)[own] == 1) continue;
        next.steps[i] = strides[i];
        strides[i] *= node.shape(i)[own];
      }
      if (next.size != 1) append(next);
    }
    if (count_ == 0) axes_[count_++] = {};
    for (std::size_t i = 1; i < count_; ++i) lines_ *= axes_[i].size;
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    switch (element_size_) {
      case 1:
        return run_as<std::uint8_t>(args, worker);
      case 2:
        return run_as<std::uint16_t>(args, worker);
      case 4:
        return run_as<std::uint32_t>(args, worker);
      default:
        return run_as<std::uint64_t>(args, worker);
    }
  }

 private:
  void append(const Axis& next) {
    if (count_ > 0) {
      Axis& inner = axes_[count_ - 1];
      bool alike = true;
      for (std::size_t i = 0; i < kOperands; ++i)
        alike = alike && next.steps[i] == inner.steps[i] * inner.size;
      if (alike) {
        inner.size *= next.size;
        return;
      }
    }
    axes_[count_++] = next;
  }

  template <class T>
  void run_as(const RunArgs& args, const Worker& worker) const {
    const Axis& inner = axes_[0];
    // One long inner axis is divided itself; otherwise the outer ones are.
    const Worker::Range lines = lines_ == 1 ? Worker::Range{0, 1} : worker.share(lines_);
    const Worker::Range span = lines_ == 1 ? worker.share(inner.size, 1024) : Worker::Range{0, inner.size};
    for (std::int64_t line = lines.begin; line < lines.end; ++line) {
      std::array<std::int64_t, kOperands> from{};
      std::int64_t rest = line;
      for (std::size_t i = 1; i < count_; ++i) {
        for (std::size_t k = 0; k < kOperands; ++k) from[k] += rest % axes_[i].size * axes_[i].steps[k];
        rest /= axes_[i].size;
      }
      const bool* condition = static_cast<const bool*>(args.src[0]) + from[0];
      const T* a = static_cast<const T*>(args.src[1]) + from[1];
      const T* b = static_cast<const T*>(args.src[2]) + from[2];
      T* dst = static_cast<T*>(args.dst[0]) + line * inner.size;
      const auto [of_condition, of_a, of_b] = inner.steps;
      for (std::int64_t i = span.begin; i < span.end; ++i)
        dst[i] = condition[i * of_condition] ? a[i * of_a] : b[i * of_b];
    }
  }

  std::size_t element_size_;
  std::array<Axis, kMaxRank> axes_{};  // innermost first
  std::size_t count_ = 0;
  std::int64_t lines_ = 1;
};

std::string reject(const NodeView& node, const Target&) {
  return node.outputs[0].shape.elements() == 0 ? "has nothing to choose" : "";
}

}  // namespace

const Implementation where_rows{
    "where_rows", "lines with steps of 0 and 1, shared by the team", reject,
    [](const NodeView& node, const PrepareContext&) -> std::unique_ptr<Executable> {
      return std::make_unique<WhereRows>(node);
    }};

}  // namespace godwit::ops
