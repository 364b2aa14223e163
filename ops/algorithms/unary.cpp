// Element-wise functions of one tensor of floats, over its bytes as one span whatever the layout.
#include <cmath>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

// A function's kernel family and its two parameters, read off the node.
struct Function {
  Family<UnaryKernel> family;
  float alpha, beta;
};

class UnaryExecutable final : public Executable {
 public:
  UnaryExecutable(const NodeView& node, const PrepareContext& context, const Function& function)
      : count_(node.outputs[0].shape.elements()),
        function_(function),
        kernel_(find_kernel(function.family, node.input(0).dtype, context.target.isa)) {}

  std::string kernel() const override { return name_of(*kernel_.info); }
  bool reads_constant(std::size_t i) const override { return i == 0; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(count_, 1024);
    if (share.begin == share.end) return;
    const std::int64_t first = share.begin * static_cast<std::int64_t>(size_of(kernel_.info->dtype));
    kernel_({.src = static_cast<const std::byte*>(args.src[0]) + first,
             .dst = static_cast<std::byte*>(args.dst[0]) + first,
             .count = share.end - share.begin,
             .alpha = function_.alpha,
             .beta = function_.beta});
  }

 private:
  std::int64_t count_;
  Function function_;
  Kernel<UnaryKernel> kernel_;
};

std::string reject(const NodeView& node, const Target&) {
  if (!is_kernel_float(node.input(0).dtype)) return "needs f32, f16 or bf16";
  if (node.input(0).layout != node.outputs[0].layout) return "needs one layout";
  if (!node.epilogue.empty()) return "has no epilogue";
  return {};
}

std::string reject_clip(const NodeView& node, const Target& target) {
  if (std::string reason = reject(node, target); !reason.empty()) return reason;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i) && node.inputs[i].constant == nullptr) return "needs constant bounds";
  }
  return {};
}

std::string reject_leaky_relu(const NodeView& node, const Target& target) {
  if (std::string reason = reject(node, target); !reason.empty()) return reason;
  // Times the zero of what is positive it would be NaN.
  return std::isfinite(node.attributes.real("alpha", 0.01F)) ? "" : "needs a finite slope";
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float bound(const NodeView& node, std::size_t i, float fallback) {
  return node.has_input(i) ? static_cast<float>(real_at(node.inputs[i].constant->view(), 0)) : fallback;
}

template <Function (*Read)(const NodeView&)>
std::unique_ptr<Executable> prepare(const NodeView& node, const PrepareContext& context) {
  return std::make_unique<UnaryExecutable>(node, context, Read(node));
}

Function relu(const NodeView&) { return {families::clamp, 0.0F, kInfinity}; }
Function clip(const NodeView& node) {
  return {families::clamp, bound(node, 1, -kInfinity), bound(node, 2, kInfinity)};
}
Function leaky_relu(const NodeView& node) {
  return {families::leaky_relu, node.attributes.real("alpha", 0.01F), 0.0F};
}
Function sigmoid(const NodeView&) { return {families::sigmoid, 0.0F, 0.0F}; }
Function hard_sigmoid(const NodeView& node) {
  return {families::hard_sigmoid, node.attributes.real("alpha", 0.2F), node.attributes.real("beta", 0.5F)};
}
Function hard_swish(const NodeView&) { return {families::hard_swish, 1.0F / 6.0F, 0.5F}; }

constexpr std::string_view kSentence = "vectors over the tensor as one span";

}  // namespace

const Implementation unary_relu{"unary_relu", kSentence, reject, prepare<relu>};
const Implementation unary_clip{"unary_clip", kSentence, reject_clip, prepare<clip>};
const Implementation unary_leaky_relu{"unary_leaky_relu", kSentence, reject_leaky_relu, prepare<leaky_relu>};
const Implementation unary_sigmoid{"unary_sigmoid", kSentence, reject, prepare<sigmoid>};
const Implementation unary_hard_sigmoid{"unary_hard_sigmoid", kSentence, reject, prepare<hard_sigmoid>};
const Implementation unary_hard_swish{"unary_hard_swish", kSentence, reject, prepare<hard_swish>};

}  // namespace godwit::ops
