// Blocks that stay in the L1 while operand after operand is added.
#include "ops/algorithms/sum_spans.h"

#include <algorithm>
#include <limits>

#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

// Half of a first-level cache of 32 KiB, with an operand's block beside it.
constexpr std::int64_t kBlock = 2048;

class SumSpans final : public Executable {
 public:
  SumSpans(const NodeView& node, const PrepareContext& context)
      : count_(node.outputs[0].shape.elements()),
        operands_(node.inputs.size()),
        epilogue_(node.epilogue),
        kernel_(find_kernel(families::add, DType::f32, context.target.isa)) {}

  std::string kernel() const override { return name_of(*kernel_.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const Worker::Range share = worker.share(count_, kBlock);
    auto* dst = static_cast<float*>(args.dst[0]);
    for (std::int64_t begin = share.begin; begin < share.end; begin += kBlock) {
      const float* sum = static_cast<const float*>(args.src[0]) + begin;
      for (std::size_t i = 1; i < operands_; ++i) {
        const bool last = i + 1 == operands_;
        kernel_({.lhs = sum,
                 .rhs = static_cast<const float*>(args.src[i]) + begin,
                 .dst = dst + begin,
                 .count = std::min(kBlock, share.end - begin),
                 .lhs_step = 1,
                 .rhs_step = 1,
                 .minimum = last ? epilogue_.minimum : -kInfinity,
                 .maximum = last ? epilogue_.maximum : kInfinity});
        sum = dst + begin;
      }
    }
  }

 private:
  std::int64_t count_;
  std::size_t operands_;
  Epilogue epilogue_;
  Kernel<BinaryKernel> kernel_;
};

}  // namespace

std::string reject_sum_spans(const NodeView& node, const Target&) {
  const TensorDesc& dst = node.outputs[0];
  if (dst.dtype != DType::f32) return "needs f32";
  if (node.inputs.size() < 2) return "needs two operands or more";
  if (dst.shape.elements() == 0) return "has nothing to compute";
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.shape(i) != dst.shape || node.input(i).layout != dst.layout)
      return "needs operands of the result's shape and layout";
  }
  return {};
}

std::unique_ptr<Executable> prepare_sum_spans(const NodeView& node, const PrepareContext& context) {
  return std::make_unique<SumSpans>(node, context);
}

}  // namespace godwit::ops
