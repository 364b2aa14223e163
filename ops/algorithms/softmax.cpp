// Softmax along a contiguous axis, whole rows shared among the workers.
#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

// The axis as an index from the left; its range was checked by shape inference.
int axis_of(const NodeView& node) {
  const auto axis = static_cast<int>(node.attributes.integer("axis", -1));
  return axis < 0 ? axis + node.shape(0).rank() : axis;
}

class SoftmaxRows final : public Executable {
 public:
  SoftmaxRows(const NodeView& node, const PrepareContext& context)
      : count_(node.shape(0)[axis_of(node)]),
        rows_(node.shape(0).elements() / count_),
        kernel_(find_kernel(families::softmax, DType::f32, context.target.isa)),
        short_(find_kernel(families::short_softmax, DType::f32, context.target.isa)) {}

  std::string kernel() const override { return name_of(is_short() ? *short_.info : *kernel_.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    if (is_short()) {
      // Whole vectors of rows, so that no row's result depends on how many workers there are.
      const Worker::Range rows = worker.share(rows_, 64);
      return short_({.src = static_cast<const float*>(args.src[0]) + rows.begin * count_,
                     .dst = static_cast<float*>(args.dst[0]) + rows.begin * count_,
                     .rows = rows.end - rows.begin,
                     .count = count_});
    }
    const Worker::Range share = worker.share(rows_);
    for (std::int64_t row = share.begin; row < share.end; ++row) {
      kernel_({.src = static_cast<const float*>(args.src[0]) + row * count_,
               .dst = static_cast<float*>(args.dst[0]) + row * count_,
               .count = count_});
    }
  }

 private:
  bool is_short() const { return count_ <= kMostInShortRow; }

  std::int64_t count_, rows_;
  Kernel<SoftmaxKernel> kernel_;
  Kernel<SoftmaxRowsKernel> short_;
};

std::string reject(const NodeView& node, const Target&) {
  if (node.input(0).dtype != DType::f32) return "needs f32";
  if (node.input(0).layout != Layout::nchw) return "needs nchw";
  const Shape& shape = node.shape(0);
  if (shape.elements() == 0) return "has nothing to compute";
  if (shape.rank() == 0 || shape.product(axis_of(node) + 1, shape.rank()) != 1)
    return "needs a contiguous axis";
  return {};
}

}  // namespace

const Implementation softmax_rows{
    "softmax_rows", "one row at a time: maximum, exponentials, scale", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<SoftmaxRows>(node, context);
    }};

}  // namespace godwit::ops
