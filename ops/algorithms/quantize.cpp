// QuantizeLinear and DequantizeLinear with one known scale, over the tensor's bytes as one span whatever the
// layout.
#include "ops/algorithms/implementations.h"
#include "ops/kernel_table.h"
#include "ops/quantization.h"

namespace godwit::ops {
namespace {

bool is_byte(DType dtype) { return dtype == DType::u8 || dtype == DType::s8; }

std::string reject(const NodeView& node, const Target&) {
  if (!is_per_tensor(node)) return "needs one scale for the whole tensor";
  if (node.inputs[1].constant == nullptr || !known_or_absent(node, 2))
    return "needs a scale and a zero point known at compile time";
  if (!is_byte(node.input(0).dtype) && !is_byte(node.outputs[0].dtype)) return "needs u8 or s8";
  const bool real = node.input(0).dtype == DType::f32 || node.outputs[0].dtype == DType::f32;
  if (!real || node.input(1).dtype != DType::f32) return "needs f32";
  if (node.input(0).layout != node.outputs[0].layout) return "needs one layout";
  return {};
}

class QuantizeExecutable final : public Executable {
 public:
  QuantizeExecutable(const NodeView& node, const PrepareContext& context)
      : kernel_(find_kernel(families::quantize, node.outputs[0].dtype, context.target.isa)),
        count_(node.outputs[0].shape.elements()) {
    const bool is_signed = node.outputs[0].dtype == DType::s8;
    span_.scale = constant_scale(node, 1);
    span_.zero_point = static_cast<float>(constant_zero_point(node, 2));
    span_.lowest = (is_signed ? -128.0F : 0.0F) - span_.zero_point;
    span_.highest = (is_signed ? 127.0F : 255.0F) - span_.zero_point;
  }
  std::string kernel() const override { return name_of(*kernel_.info); }
  bool reads_constant(std::size_t i) const override { return i == 0; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(count_, 1024);
    QuantizeSpan span = span_;
    span.src = static_cast<const float*>(args.src[0]) + share.begin;
    span.dst = static_cast<std::byte*>(args.dst[0]) + share.begin;
    span.count = share.end - share.begin;
    kernel_(span);
  }

 private:
  Kernel<QuantizeKernel> kernel_;
  std::int64_t count_;
  QuantizeSpan span_{};
};

class DequantizeExecutable final : public Executable {
 public:
  DequantizeExecutable(const NodeView& node, const PrepareContext& context)
      : kernel_(find_kernel(families::dequantize, node.input(0).dtype, context.target.isa)),
        count_(node.outputs[0].shape.elements()) {
    span_.scale = constant_scale(node, 1);
    span_.zero_point = static_cast<float>(constant_zero_point(node, 2));
  }
  std::string kernel() const override { return name_of(*kernel_.info); }
  bool reads_constant(std::size_t i) const override { return i == 0; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(count_, 1024);
    DequantizeSpan span = span_;
    span.src = static_cast<const std::byte*>(args.src[0]) + share.begin;
    span.dst = static_cast<float*>(args.dst[0]) + share.begin;
    span.count = share.end - share.begin;
    kernel_(span);
  }

 private:
  Kernel<DequantizeKernel> kernel_;
  std::int64_t count_;
  DequantizeSpan span_{};
};

}  // namespace

const Implementation quantize_span{
    "quantize_span", "vectors over the tensor as one span", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<QuantizeExecutable>(node, context);
    }};

const Implementation dequantize_span{
    "dequantize_span", "vectors over the tensor as one span", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<DequantizeExecutable>(node, context);
    }};

}  // namespace godwit::ops
