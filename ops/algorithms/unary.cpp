// Element-wise functions of one tensor of floats, over its bytes as one span whatever the layout.
#include <cmath>
#include <limits>
#include <numbers>

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

Function absolute(const NodeView&) { return {families::absolute, 0.0F, 0.0F}; }
Function reciprocal(const NodeView&) { return {families::reciprocal, 0.0F, 0.0F}; }
Function square_root(const NodeView&) { return {families::square_root, 0.0F, 0.0F}; }
Function exponential(const NodeView&) { return {families::exponential, 0.0F, 0.0F}; }
Function logarithm(const NodeView&) { return {families::logarithm, 0.0F, 0.0F}; }
Function error_function(const NodeView&) { return {families::error_function, 0.0F, 0.0F}; }
Function tanh(const NodeView&) { return {families::tanh, 0.0F, 0.0F}; }
Function mish(const NodeView&) { return {families::mish, 0.0F, 0.0F}; }
Function softplus(const NodeView&) { return {families::softplus, 0.0F, 0.0F}; }
Function gelu(const NodeView& node) {
  const bool by_tanh = node.attributes.string("approximate", "none") == "tanh";
  return {by_tanh ? families::gelu_by_tanh : families::gelu, 0.0F, 0.0F};
}
// The kernel takes the sigmoid's slope in base 2.
Function swish(const NodeView& node) {
  const double slope = static_cast<double>(node.attributes.real("alpha", 1)) * std::numbers::log2e;
  return {families::swish, static_cast<float>(slope), 0.0F};
}
Function elu(const NodeView& node) { return {families::elu, node.attributes.real("alpha", 1), 1.0F}; }
Function celu(const NodeView& node) {
  const float alpha = node.attributes.real("alpha", 1);
  return {families::elu, alpha, 1.0F / alpha};
}
Function selu(const NodeView& node) {
  const float alpha = node.attributes.real("alpha", 1.67326319217681884765625F);
  const float gamma = node.attributes.real("gamma", 1.05070102214813232421875F);
  return {families::selu, alpha * gamma, gamma};
}
Function power(const NodeView& node) {
  const double exponent = real_at(node.inputs[1].constant->view(), 0);
  return {exponent > 0 ? families::square : families::reciprocal, 0.0F, 0.0F};
}

std::string reject_swish(const NodeView& node, const Target& target) {
  if (std::string reason = reject(node, target); !reason.empty()) return reason;
  const float alpha = node.attributes.real("alpha", 1);
  return alpha > 0 && std::isfinite(alpha) ? "" : "needs a positive slope";
}
std::string reject_celu(const NodeView& node, const Target& target) {
  if (std::string reason = reject(node, target); !reason.empty()) return reason;
  const float alpha = node.attributes.real("alpha", 1);
  return alpha > 0 && std::isfinite(alpha) ? "" : "needs a positive alpha";
}
std::string reject_power(const NodeView& node, const Target& target) {
  if (std::string reason = reject(node, target); !reason.empty()) return reason;
  const Tensor* exponent = node.inputs[1].constant;
  if (exponent == nullptr || exponent->shape().elements() != 1 || !is_kernel_float(exponent->dtype()) ||
      exponent->shape().rank() > node.shape(0).rank())
    return "needs one constant exponent";
  const double value = real_at(exponent->view(), 0);
  return value == 2 || value == -1 ? "" : "needs exponent 2 or -1";
}

constexpr std::string_view kSentence = "vectors over the tensor as one span";

}  // namespace

const Implementation unary_relu{"unary_relu", kSentence, reject, prepare<relu>};
const Implementation unary_clip{"unary_clip", kSentence, reject_clip, prepare<clip>};
const Implementation unary_leaky_relu{"unary_leaky_relu", kSentence, reject_leaky_relu, prepare<leaky_relu>};
const Implementation unary_sigmoid{"unary_sigmoid", kSentence, reject, prepare<sigmoid>};
const Implementation unary_hard_sigmoid{"unary_hard_sigmoid", kSentence, reject, prepare<hard_sigmoid>};
const Implementation unary_hard_swish{"unary_hard_swish", kSentence, reject, prepare<hard_swish>};
const Implementation unary_abs{"unary_abs", kSentence, reject, prepare<absolute>};
const Implementation unary_reciprocal{"unary_reciprocal", kSentence, reject, prepare<reciprocal>};
const Implementation unary_sqrt{"unary_sqrt", kSentence, reject, prepare<square_root>};
const Implementation unary_exp{"unary_exp", kSentence, reject, prepare<exponential>};
const Implementation unary_log{"unary_log", kSentence, reject, prepare<logarithm>};
const Implementation unary_erf{"unary_erf", kSentence, reject, prepare<error_function>};
const Implementation unary_tanh{"unary_tanh", kSentence, reject, prepare<tanh>};
const Implementation unary_mish{"unary_mish", kSentence, reject, prepare<mish>};
const Implementation unary_softplus{"unary_softplus", kSentence, reject, prepare<softplus>};
const Implementation unary_gelu{"unary_gelu", kSentence, reject, prepare<gelu>};
const Implementation unary_elu{"unary_elu", kSentence, reject, prepare<elu>};
const Implementation unary_selu{"unary_selu", kSentence, reject, prepare<selu>};
const Implementation unary_swish{"unary_swish", kSentence, reject_swish, prepare<swish>};
const Implementation unary_celu{"unary_celu", kSentence, reject_celu, prepare<celu>};
const Implementation unary_power{"unary_power", kSentence, reject_power, prepare<power>};

}  // namespace godwit::ops
