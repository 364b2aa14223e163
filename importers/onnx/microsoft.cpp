// One small function for each operator: real operators between DequantizeLinear and QuantizeLinear, which
// fold_quantization computes in 8 bits where it can.
#include "importers/onnx/microsoft.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "importers/onnx/fused_forms.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::kNoValue;
using engine::Node;
using engine::ValueId;

// The nodes that one node becomes; all have its name and a number, and it as their origin.
class Expansion {
 public:
  Expansion(Node node, GraphBuilder& builder) : source_(std::move(node)), builder_(builder) {}

  Node& source() { return source_; }
  ops::Attributes& attributes() { return source_.attributes; }
  GraphBuilder& builder() { return builder_; }
  // Operand i; kNoValue where it is left out.
  ValueId input(std::size_t i) const { return i < source_.inputs.size() ? source_.inputs[i] : kNoValue; }
  bool has(std::size_t i) const { return input(i) != kNoValue; }
  void require(std::size_t least, std::size_t most) const {
    if (source_.inputs.size() < least || source_.inputs.size() > most)
      throw Error(
          fmt::format("has {}, expected {} to {}", counted(source_.inputs.size(), "input"), least, most));
    if (source_.outputs.size() != 1 || source_.outputs[0] == kNoValue)
      throw Error(fmt::format("has {}, expected 1", counted(source_.outputs.size(), "output")));
    for (std::size_t i = 0; i < least; ++i) {
      if (!has(i)) throw Error(fmt::format("input {} is required and missing", i));
    }
  }

  ValueId constant(Tensor tensor) {
    return builder_.new_constant(fmt::format("{}_constant", source_.name), std::move(tensor));
  }
  // Results of a new node, of which the first `count` are wanted.
  std::vector<ValueId> add_several(std::string_view op, std::vector<ValueId> inputs,
                                   ops::Attributes attributes, std::size_t count) {
    std::vector<ValueId> results;
    for (std::size_t i = 0; i < count; ++i)
      results.push_back(builder_.new_value(fmt::format("{}_{}", source_.name, op)));
    append(op, std::move(inputs), std::move(attributes), results);
    return results;
  }
  ValueId add(std::string_view op, std::vector<ValueId> inputs, ops::Attributes attributes = {}) {
    return add_several(op, std::move(inputs), std::move(attributes), 1)[0];
  }
  // The node that gives the result.
  void finish(std::string_view op, std::vector<ValueId> inputs, ops::Attributes attributes = {}) {
    append(op, std::move(inputs), std::move(attributes), source_.outputs);
  }
  // Attributes of these names, which are taken.
  ops::Attributes take(std::initializer_list<const char*> names) {
    ops::Attributes taken;
    for (const char* name : names) {
      const auto& all = source_.attributes.all();
      const auto found = all.find(std::string_view(name));
      if (found != all.end()) taken.set(name, found->second);
      source_.attributes.erase(name);
    }
    return taken;
  }
  // Throws Error for an attribute that nothing has taken.
  void require_no_attributes() const {
    if (!source_.attributes.all().empty()) {
      throw Error(fmt::format("attribute '{}' is not known for this operator",
                              source_.attributes.all().begin()->first));
    }
  }

  // Operands i to i + 2 (numbers, scale, zero point) as real numbers.
  ValueId real(std::size_t i) { return real(input(i), input(i + 1), input(i + 2)); }
  ValueId real(ValueId numbers, ValueId scale, ValueId zero, std::int64_t axis = 1) {
    ops::Attributes attributes;
    if (axis != 1) attributes.set("axis", axis);
    std::vector<ValueId> inputs = {numbers, scale};
    if (zero != kNoValue) inputs.push_back(zero);
    return add("DequantizeLinear", inputs, attributes);
  }
  // The result: `value` in steps of the scale that is operand i, moved by the zero point behind it.
  void finish_quantized(ValueId value, std::size_t i) {
    std::vector<ValueId> inputs = {value, input(i)};
    if (has(i + 1)) inputs.push_back(input(i + 1));
    finish("QuantizeLinear", inputs);
  }

 private:
  void append(std::string_view op, std::vector<ValueId> inputs, ops::Attributes attributes,
              std::vector<ValueId> outputs) {
    Node node;
    node.op = ops::find_op(op);
    if (node.op == nullptr) throw Error(fmt::format("internal error: no operator {}", op), ErrorKind::failed);
    node.name = count_++ == 0 ? source_.name : fmt::format("{}_{}", source_.name, count_);
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    node.attributes = std::move(attributes);
    node.origins = source_.origins;
    builder_.append(std::move(node));
  }

  Node source_;
  GraphBuilder& builder_;
  int count_ = 0;
};

// The same operator under ONNX's own name.
template <const char* kOp>
void expand_same(Node node, GraphBuilder& builder) {
  node.op = ops::find_op(kOp);
  builder.append(std::move(node));
}
constexpr char kQuantize[] = "QuantizeLinear";
constexpr char kDequantize[] = "DequantizeLinear";

// lhs, scale, zero point, rhs, scale, zero point, then those of the result.
template <const char* kOp>
void expand_binary(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(7, 8);
  e.require_no_attributes();
  const ValueId lhs = e.real(0), rhs = e.real(3);
  e.finish_quantized(e.add(kOp, {lhs, rhs}), 6);
}
constexpr char kAdd[] = "Add";
constexpr char kMul[] = "Mul";

// x, scale, zero point, then those of the result.
template <const char* kOp>
void expand_unary(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(4, 5);
  const ops::Attributes attributes = e.take({"alpha", "axis"});
  e.take({"opset"});
  e.require_no_attributes();
  e.finish_quantized(e.add(kOp, {e.real(0)}, attributes), 3);
}
constexpr char kLeakyRelu[] = "LeakyRelu";
constexpr char kSigmoid[] = "Sigmoid";
constexpr char kSoftmax[] = "Softmax";

// Images with channels last, in front of and behind an operator that wants them second.
ValueId moved(Expansion& e, ValueId value, bool to_last) {
  const Shape shape = e.builder().describe(value).shape;
  if (!shape.ranked() || shape.rank() < 3)
    throw Error("is channels-last, and the number of dimensions is not known or below 3");
  std::vector<std::int64_t> order = {0};
  if (to_last) {
    for (int k = 2; k < shape.rank(); ++k) order.push_back(k);
    order.push_back(1);
  } else {
    order.push_back(shape.rank() - 1);
    for (int k = 1; k < shape.rank() - 1; ++k) order.push_back(k);
  }
  ops::Attributes attributes;
  attributes.set("perm", order);
  return e.add("Transpose", {value}, attributes);
}

template <const char* kOp>
void expand_pool(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(4, 5);
  const bool channels_last = e.attributes().flag("channels_last", false);
  e.take({"channels_last"});
  const ops::Attributes attributes =
      e.take({"auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"});
  e.require_no_attributes();
  ValueId value = channels_last ? moved(e, e.input(0), false) : e.input(0);
  value = e.add(kOp, {e.real(value, e.input(1), e.input(2))}, attributes);
  e.finish_quantized(channels_last ? moved(e, value, true) : value, 3);
}
constexpr char kAveragePool[] = "AveragePool";
constexpr char kGlobalAveragePool[] = "GlobalAveragePool";

// Scale and zero point of the result, then each part with its own.
void expand_concat(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  const std::size_t count = e.source().inputs.size();
  e.require(5, 3 * 1024 + 2);
  if (count % 3 != 2)
    throw Error(fmt::format("has {}, expected 2 and 3 for each part", counted(count, "input")));
  const ops::Attributes attributes = e.take({"axis"});
  e.require_no_attributes();
  std::vector<ValueId> parts;
  for (std::size_t i = 2; i < count; i += 3) parts.push_back(e.real(i));
  e.finish_quantized(e.add("Concat", parts, attributes), 0);
}

// A, scale, zero point, B, scale, zero point, C in steps of the sums, scale and zero point of the result.
void expand_gemm(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(6, 9);
  const bool transposes_b = e.attributes().flag("transB", false);
  const float alpha = e.attributes().real("alpha", 1.0F);
  const ops::Attributes attributes = e.take({"alpha", "transA", "transB"});
  e.require_no_attributes();
  std::vector<ValueId> inputs = {e.real(0), e.real(e.input(3), e.input(4), e.input(5), transposes_b ? 0 : 1)};
  if (e.has(6)) {
    ValueId steps = e.add("Mul", {e.input(1), e.input(4)});
    if (alpha != 1) steps = e.add("Mul", {steps, e.constant(Tensor::of<float>({}, {alpha}))});
    ops::Attributes to_f32;
    to_f32.set("to", std::int64_t{1});
    inputs.push_back(e.add("Mul", {e.add("Cast", {e.input(6)}, to_f32), steps}));
  }
  if (!e.has(7)) {
    e.finish("Gemm", inputs, attributes);
    return;
  }
  e.finish_quantized(e.add("Gemm", inputs, attributes), 7);
}

// The result of `value` under the function that attribute 'activation' names.
void finish_activation(Expansion& e, ValueId value, const std::string& name,
                       std::span<const float> parameters) {
  const auto parameter = [&](std::size_t i, float fallback) {
    return i < parameters.size() ? parameters[i] : fallback;
  };
  ops::Attributes attributes;
  if (name == "Clip") {
    const ValueId low = e.constant(Tensor::of<float>({}, {parameter(0, -3.402823466e38F)}));
    e.finish("Clip", {value, low, e.constant(Tensor::of<float>({}, {parameter(1, 3.402823466e38F)}))});
    return;
  }
  if (name == "LeakyRelu") attributes.set("alpha", parameter(0, 0.01F));
  if (name == "HardSigmoid") {
    attributes.set("alpha", parameter(0, 0.2F));
    attributes.set("beta", parameter(1, 0.5F));
  }
  constexpr std::array<std::string_view, 5> kKnown = {"Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid"};
  if (std::ranges::find(kKnown, std::string_view(name)) == kKnown.end() || ops::find_op(name) == nullptr)
    throw Error(
        fmt::format("attribute 'activation' is '{}', expected Relu, Sigmoid, Tanh, LeakyRelu, "
                    "HardSigmoid or Clip",
                    name));
  e.finish(name, {value}, attributes);
}

// A convolution, what is added to its result, and an activation.
void expand_conv(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(2, 4);
  const std::string activation = e.attributes().string("activation", "");
  const auto given = e.attributes().reals("activation_params");
  const std::vector<float> parameters(given.begin(), given.end());
  e.take({"activation", "activation_params"});
  const ops::Attributes attributes =
      e.take({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"});
  e.require_no_attributes();
  std::vector<ValueId> inputs = {e.input(0), e.input(1)};
  if (e.has(2)) inputs.push_back(e.input(2));
  if (activation.empty() && !e.has(3)) {
    e.finish("Conv", inputs, attributes);
    return;
  }
  const ValueId sums = e.add("Conv", inputs, attributes);
  if (activation.empty()) {
    e.finish("Add", {sums, e.input(3)});
    return;
  }
  finish_activation(e, e.has(3) ? e.add("Add", {sums, e.input(3)}) : sums, activation, parameters);
}

void expand_fused_gemm(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(2, 3);
  const std::string activation = e.attributes().string("activation", "");
  std::vector<float> parameters;
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (e.attributes().has(name)) parameters.push_back(e.attributes().real(name, 0));
  }
  e.take({"activation", "activation_alpha", "activation_beta", "activation_gamma"});
  const ops::Attributes attributes = e.take({"alpha", "beta", "transA", "transB"});
  e.require_no_attributes();
  if (activation.empty()) {
    e.finish("Gemm", e.source().inputs, attributes);
    return;
  }
  finish_activation(e, e.add("Gemm", e.source().inputs, attributes), activation, parameters);
}

void expand_nhwc_max_pool(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(1, 1);
  const ops::Attributes attributes =
      e.take({"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"});
  e.require_no_attributes();
  const ValueId pooled = e.add("MaxPool", {moved(e, e.input(0), false)}, attributes);
  const int rank = e.builder().describe(pooled).shape.rank();
  std::vector<std::int64_t> order = {0};
  for (int k = 2; k < rank; ++k) order.push_back(k);
  order.push_back(1);
  ops::Attributes perm;
  perm.set("perm", order);
  e.finish("Transpose", {pooled}, perm);
}

// A real result of a product of integers.
void finish_integer_product(Expansion& e, std::vector<ValueId> product, ValueId a_scale, ValueId b_scale,
                            ValueId bias) {
  while (product.back() == kNoValue) product.pop_back();
  ops::Attributes to_f32;
  to_f32.set("to", std::int64_t{1});
  const ValueId sums = e.add("Cast", {e.add("MatMulInteger", std::move(product))}, to_f32);
  const ValueId steps = e.add("Mul", {a_scale, b_scale});
  if (bias == kNoValue)
    e.finish("Mul", {sums, steps});
  else
    e.finish("Add", {e.add("Mul", {sums, steps}), bias});
}

// A (real), B (integers), scale, zero point and bias.
void expand_dynamic_quantize_mat_mul(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(3, 5);
  e.require_no_attributes();
  const std::vector<ValueId> a = e.add_several("DynamicQuantizeLinear", {e.input(0)}, {}, 3);
  finish_integer_product(e, {a[0], e.input(1), a[2], e.input(3)}, a[1], e.input(2), e.input(4));
}

// A, B, their scales, their zero points and bias.
void expand_mat_mul_integer_to_float(Node node, GraphBuilder& builder) {
  Expansion e(std::move(node), builder);
  e.require(4, 7);
  e.require_no_attributes();
  finish_integer_product(e, {e.input(0), e.input(1), e.input(4), e.input(5)}, e.input(2), e.input(3),
                         e.input(6));
}

struct Row {
  std::string_view op;
  Expand expand;
};
constexpr std::array kRows = {
    Row{"DequantizeLinear", expand_same<kDequantize>},
    Row{"DynamicQuantizeMatMul", expand_dynamic_quantize_mat_mul},
    Row{"FusedConv", expand_conv},
    Row{"FusedGemm", expand_fused_gemm},
    Row{"MatMulIntegerToFloat", expand_mat_mul_integer_to_float},
    Row{"NhwcMaxPool", expand_nhwc_max_pool},
    Row{"QGemm", expand_gemm},
    Row{"QLinearAdd", expand_binary<kAdd>},
    Row{"QLinearAveragePool", expand_pool<kAveragePool>},
    Row{"QLinearConcat", expand_concat},
    Row{"QLinearGlobalAveragePool", expand_pool<kGlobalAveragePool>},
    Row{"QLinearLeakyRelu", expand_unary<kLeakyRelu>},
    Row{"QLinearMul", expand_binary<kMul>},
    Row{"QLinearSigmoid", expand_unary<kSigmoid>},
    Row{"QLinearSoftmax", expand_unary<kSoftmax>},
    Row{"QuantizeLinear", expand_same<kQuantize>},
};

}  // namespace

Expand microsoft_expansion(std::string_view op) {
  const auto found = std::ranges::find(kRows, op, &Row::op);
  return found == kRows.end() ? fused_expansion(op) : found->expand;
}

}  // namespace godwit::importers
