// QuantizedAdd and Requantize, over the tensors' bytes as one span whatever the layout.
#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"
#include "ops/quantized.h"

namespace godwit::ops {
namespace {

using Add = QuantizedAddOperand;
using One = RequantizeOperand;

std::string reject(const NodeView& node, std::size_t rhs) {
  for (std::size_t i = 1; i < node.own_inputs(); ++i) {
    if (i != rhs && !known_or_absent(node, i)) return "needs scales and zero points known at compile time";
  }
  if (node.input(0).layout != node.outputs[0].layout) return "needs one layout";
  if (rhs != 0 && node.input(rhs).layout != node.outputs[0].layout) return "needs one layout";
  return {};
}

class ByteSum final : public Executable {
 public:
  // rhs: the operand that is added, 0 for none; dst_scale: the operand behind its zero point.
  ByteSum(const NodeView& node, const PrepareContext& context, std::size_t rhs, std::size_t dst_scale)
      : kernel_(find_kernel(families::quantized_add, DType::u8, context.target.isa)),
        rhs_(rhs),
        count_(node.outputs[0].shape.elements()) {
    const std::vector<TensorView> operands = constant_operands(node, kNoWeights);
    const auto [finish, step] = quantized_end(node, operands, dst_scale);
    finish_ = finish;
    step_ = step;
    lhs_term_ = quantized_term(operands, 1);
    if (rhs != 0) rhs_term_ = quantized_term(operands, rhs + 1);
  }
  std::string kernel() const override { return name_of(*kernel_.info); }
  bool reads_constant(std::size_t i) const override { return i == 0 || (i == rhs_ && rhs_ != 0); }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(count_, 1024);
    const auto span_of = [&](std::size_t i) {
      return static_cast<const std::uint8_t*>(args.src[i]) + share.begin;
    };
    kernel_({.lhs = span_of(0),
             .rhs = rhs_ == 0 ? nullptr : span_of(rhs_),
             .dst = static_cast<std::uint8_t*>(args.dst[0]) + share.begin,
             .count = share.end - share.begin,
             .lhs_zero_point = lhs_term_.zero_point,
             .lhs_scale = lhs_term_.scale,
             .rhs_zero_point = rhs_term_.zero_point,
             .rhs_scale = rhs_term_.scale,
             .step = step_,
             .finish = &finish_});
  }

 private:
  Kernel<QuantizedAddKernel> kernel_;
  std::size_t rhs_;
  std::int64_t count_;
  QuantizedFinish finish_;
  QuantizedTerm lhs_term_, rhs_term_;
  float step_ = 1;
};

}  // namespace

const Implementation add_bytes{
    "add_bytes", "vectors of 8-bit numbers over the tensors as one span",
    [](const NodeView& node, const Target&) { return reject(node, Add::rhs); },
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ByteSum>(node, context, Add::rhs, Add::dst_scale);
    }};

const Implementation requantize_bytes{
    "requantize_bytes", "vectors of 8-bit numbers over the tensor as one span",
    [](const NodeView& node, const Target&) { return reject(node, 0); },
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ByteSum>(node, context, 0, One::dst_scale);
    }};

}  // namespace godwit::ops
