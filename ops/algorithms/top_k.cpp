// The largest or smallest elements of each row by partial sorting. A row's elements become integers in their
// order, with the position below, so that equal ones stay in order.
#include <algorithm>
#include <bit>
#include <functional>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/ordering.h"

namespace godwit::ops {
namespace {

// The order of numbers as that of unsigned integers, NaN above all.
std::uint32_t ordered(float value) {
  if (value != value) return 0xffffffffU;
  const auto bits = std::bit_cast<std::uint32_t>(value == 0 ? 0.0F : value);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

class TopKSorted final : public Executable {
 public:
  explicit TopKSorted(const NodeView& node)
      : dtype_(node.input(0).dtype), largest_(node.attributes.flag("largest", true)) {
    const Shape& shape = node.shape(0);
    const int axis = normalize_axis(node.attributes.integer("axis", -1), shape.rank());
    outer_ = shape.product(0, axis);
    dim_ = shape[axis];
    inner_ = shape.product(axis + 1, shape.rank());
    k_ = node.outputs[0].shape[axis];
  }

  Scratch scratch() const override {
    return {.shared = 0, .per_worker = static_cast<std::size_t>(dim_) * sizeof(std::uint64_t)};
  }
  bool reads_constant(std::size_t i) const override { return i == 0; }

  void run(const RunArgs& args, const Worker& worker) const override {
    visit_kernel_float(dtype_, [&]<class T>() {
      auto* keys = reinterpret_cast<std::uint64_t*>(args.worker_scratch);
      const Worker::Range share = worker.share(outer_ * inner_);
      for (std::int64_t row = share.begin; row < share.end; ++row) {
        const T* from = static_cast<const T*>(args.src[0]) + row / inner_ * dim_ * inner_ + row % inner_;
        sort_row(from, keys);
        for (std::int64_t i = 0; i < k_; ++i) {
          const auto at = static_cast<std::int64_t>(keys[i] & 0xffffffffU);
          const std::int64_t to = (row / inner_ * k_ + i) * inner_ + row % inner_;
          if (args.dst[0] != nullptr) static_cast<T*>(args.dst[0])[to] = from[at * inner_];
          if (args.dst[1] != nullptr) static_cast<std::int64_t*>(args.dst[1])[to] = at;
        }
      }
    });
  }

 private:
  // The k smallest keys come first, in order.
  template <class T>
  void sort_row(const T* from, std::uint64_t* keys) const {
    for (std::int64_t i = 0; i < dim_; ++i) {
      const std::uint32_t order = ordered(static_cast<float>(from[i * inner_]));
      keys[i] = std::uint64_t{largest_ ? ~order : order} << 32 | static_cast<std::uint64_t>(i);
    }
    if (k_ < dim_) std::nth_element(keys, keys + k_, keys + dim_);
    std::sort(keys, keys + k_);
  }

  DType dtype_;
  bool largest_;
  std::int64_t outer_ = 0, dim_ = 0, inner_ = 0, k_ = 0;
};

std::string reject(const NodeView& node, const Target&) {
  if (!is_kernel_float(node.input(0).dtype)) return "needs f32, f16 or bf16";
  const Shape& shape = node.shape(0);
  if (node.outputs.size() != 2 || node.outputs[0].shape.rank() != shape.rank())
    return "gives values and positions";
  if (shape[normalize_axis(node.attributes.integer("axis", -1), shape.rank())] > 0xffffffff)
    return "counts positions in 32 bits";
  return {};
}

}  // namespace

const Implementation top_k_sorted{
    "top_k_sorted", "each row partially sorted", reject,
    [](const NodeView& node, const PrepareContext&) -> std::unique_ptr<Executable> {
      return std::make_unique<TopKSorted>(node);
    }};

}  // namespace godwit::ops
