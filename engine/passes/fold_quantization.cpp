// fold_quantization:
//   Dequantize(x) → Conv(Dequantize(w), Dequantize(b)) → Quantize    becomes   QuantizedConv(x, w, b)
//   Dequantize(x) → Gemm or MatMul likewise                          becomes   QuantizedMatMul(x, …)
//   Dequantize(QuantizedConv) + Dequantize(y) → Quantize             becomes   QuantizedConv with residual y
//   QLinearConv, QLinearMatMul                                       become    QuantizedConv, QuantizedMatMul
//   Dequantize(x) → MaxPool, Reshape… → Quantize of the same scale   becomes   MaxPool, Reshape…(x)
//   Dequantize(x) → AveragePool, GlobalAveragePool → Quantize        become    QuantizedAveragePool(x)
//   Dequantize(x) + Dequantize(y) → Quantize, where that is left     becomes   QuantizedAdd(x, y)
//   Dequantize(x), Dequantize(y) → Concat → Quantize                 becomes   Concat(x, Requantize(y))
// Quantised s8 activations become u8 first. What is left of dequantised constants is computed now; with the
// precision of a float that is all.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "engine/passes/quantization.h"
#include "engine/rewrite.h"
#include "ops/quantized.h"

namespace godwit::engine::passes {
namespace {

using In = ops::QuantizedOperand;

class Folder {
 public:
  Folder(Graph& graph, PassContext& context) : rewriter_(graph), context_(context) {}

  void run() {
    const bool in_integers =
        context_.precision == Precision::automatic || context_.precision == Precision::int8;
    if (in_integers) fold();
    fold_constants();
    rewriter_.finish();
  }

 private:
  void fold() {
    for (NodeId id = 0; id < rewriter_.size(); ++id) make_unsigned(id);
    for (NodeId id = 0; id < rewriter_.size(); ++id) lower(id);
    for (NodeId id = 0; id < rewriter_.size(); ++id) {
      if (rewriter_.alive(id)) fold_movement(id);
    }
    for (NodeId id = 0; id < rewriter_.size(); ++id) {
      if (rewriter_.alive(id)) fold_product(id);
    }
    for (NodeId id = 0; id < rewriter_.size(); ++id) {
      if (rewriter_.alive(id)) fold_residual(id);
    }
    for (NodeId id = 0; id < rewriter_.size(); ++id) {
      if (rewriter_.alive(id)) fold_average(id);
      if (rewriter_.alive(id)) fold_add(id);
      if (rewriter_.alive(id)) fold_concat(id);
    }
  }

  const Graph& graph() { return rewriter_.graph(); }
  const Node& node(NodeId id) { return rewriter_.node(id); }

  // The node of this kind with one known scale that makes the value; kNoNode if none.
  NodeId maker_of(ValueId id, std::string_view op) {
    const NodeId producer = rewriter_.producer(id);
    if (producer == kNoNode || node(producer).op->name != op || !linear_of(graph(), node(producer)))
      return kNoNode;
    return producer;
  }
  // The QuantizeLinear to u8 that alone reads the node's result; kNoNode if none.
  NodeId quantizer_of(NodeId id) {
    if (node(id).outputs.size() != 1) return kNoNode;
    const NodeId reader = rewriter_.only_reader(node(id).outputs[0]);
    if (reader == kNoNode || node(reader).op->name != "QuantizeLinear") return kNoNode;
    const auto linear = linear_of(graph(), node(reader));
    return linear && linear->dtype == DType::u8 ? reader : kNoNode;
  }

  ValueId number(const std::string& name, float value) {
    return rewriter_.add_constant(name, Tensor::of<float>({}, {value}));
  }
  ValueId zero_point(const std::string& name, std::int32_t value) {
    return rewriter_.add_constant(name, Tensor::of<std::uint8_t>({}, {static_cast<std::uint8_t>(value)}));
  }
  void set_linear(NodeId id, std::size_t first, const Linear& linear, std::string_view what) {
    rewriter_.set_input(id, first, number(fmt::format("{}/{}_scale", node(id).name, what), linear.scale));
    rewriter_.set_input(id, first + 1,
                        zero_point(fmt::format("{}/{}_zero_point", node(id).name, what), linear.zero_point));
  }

  // s8 activations that only dequantisation reads: the same real numbers 128 higher.
  void make_unsigned(NodeId id) {
    if (node(id).op->name != "QuantizeLinear" || node(id).attributes.has("output_dtype")) return;
    const auto linear = linear_of(graph(), node(id));
    const ValueId value = node(id).outputs[0];
    if (!linear || linear->dtype != DType::s8 || rewriter_.is_output(value)) return;
    for (const NodeId reader : rewriter_.readers(value)) {
      if (node(reader).op->name != "DequantizeLinear" || linear_of(graph(), node(reader)) != linear) return;
    }
    const ValueId zero = zero_point(node(id).name + "/zero_point_u8", linear->zero_point + 128);
    rewriter_.graph().value(value).desc.dtype = DType::u8;
    rewriter_.set_input(id, 2, zero);
    const std::vector<NodeId> readers = rewriter_.readers(value);
    for (const NodeId reader : readers) rewriter_.set_input(reader, 2, zero);
    log_rewrite(context_, fmt::format("{}: u8 in place of s8", describe(node(id))));
  }

  const Tensor* constant_of(ValueId id) {
    return rewriter_.is_constant(id) ? &*rewriter_.value(id).constant : nullptr;
  }

  // ONNX's own operators on 8-bit numbers, where their operands are those that the kernels know.
  void lower(NodeId id) {
    const bool is_conv = node(id).op->name == "QLinearConv";
    if (!is_conv && node(id).op->name != "QLinearMatMul") return;
    const std::vector<ValueId> inputs = node(id).inputs;
    const auto left = [&](std::string_view reason) {
      log_skipped(context_, fmt::format("{}: {}", describe(node(id)), reason));
    };
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i] != kNoValue && constant_of(inputs[i]) == nullptr)
        return left("an operand but the first is computed");
    }
    const Tensor& numbers = *constant_of(inputs[3]);
    const Tensor &src_zero = *constant_of(inputs[2]), &dst_zero = *constant_of(inputs[7]);
    if (src_zero.dtype() != DType::u8 || dst_zero.dtype() != DType::u8)
      return left("its input and result are not u8");
    if (!is_conv && (numbers.shape().rank() != 2 || rewriter_.value(inputs[0]).desc.shape.rank() < 2)) {
      return left("its weights are no matrix");
    }
    const std::int64_t channels = numbers.shape()[is_conv ? 0 : 1];
    if (channels == 0 || numbers.shape().elements() / channels > kMostProducts) {
      return left("its sums may not fit into 32 bits");
    }
    const Tensor weights = symmetric_weights(numbers, constant_of(inputs[5]));
    if (weights.empty()) return left("its weights have a zero point");
    if (inputs.size() > 8 && inputs[8] != kNoValue) {
      for (const std::int32_t bias : constant_of(inputs[8])->values<std::int32_t>()) {
        if (std::abs(static_cast<double>(bias)) > kLargestBias) return left("its bias is out of bounds");
      }
    }
    const Linear src{constant_of(inputs[1])->values<float>()[0], src_zero.values<std::uint8_t>()[0],
                     DType::u8};
    const Linear dst{constant_of(inputs[6])->values<float>()[0], dst_zero.values<std::uint8_t>()[0],
                     DType::u8};
    const std::string name = node(id).name;
    rewriter_.node(id).op = ops::find_op(is_conv ? "QuantizedConv" : "QuantizedMatMul", "godwit");
    for (std::size_t i = 1; i < inputs.size(); ++i) rewriter_.set_input(id, i, kNoValue);
    set_linear(id, In::src_scale, src, "src");
    rewriter_.set_input(id, In::weights, rewriter_.add_constant(name + "/weights", weights));
    rewriter_.set_input(id, In::weight_scale, inputs[4]);
    if (inputs.size() > 8) rewriter_.set_input(id, In::bias, inputs[8]);
    set_linear(id, In::sum_scale, dst, "dst");
    log_rewrite(context_, fmt::format("{} on the kernels for 8-bit numbers", describe(node(id))));
  }

  // Ops that hand numbers on, or the largest of some: they do the same to quantised ones.
  void fold_movement(NodeId id) {
    static constexpr std::array kMovers = {"MaxPool", "Reshape", "Flatten",   "Transpose",
                                           "Squeeze", "Slice",   "Unsqueeze", "Identity"};
    if (std::ranges::find(kMovers, node(id).op->name) == kMovers.end() || !node(id).epilogue.empty()) return;
    const NodeId from = maker_of(node(id).inputs[0], "DequantizeLinear");
    const NodeId to = quantizer_of(id);
    if (from == kNoNode || to == kNoNode) return;
    if (linear_of(graph(), node(from)) != linear_of(graph(), node(to))) {
      log_skipped(context_,
                  fmt::format("{}: it is quantised otherwise in front than behind", describe(node(id))));
      return;
    }
    rewriter_.set_input(id, 0, node(from).inputs[0]);
    rewriter_.take_over(id, to, false);
    log_rewrite(context_, fmt::format("{} on quantised numbers", describe(node(id))));
  }

  void fold_product(NodeId id) {
    const bool is_conv = node(id).op->name == "Conv";
    if (!is_conv && node(id).op->name != "Gemm" && node(id).op->name != "MatMul") return;
    const NodeId from = maker_of(node(id).inputs[0], "DequantizeLinear");
    const NodeId weights_from = rewriter_.producer(node(id).inputs[1]);
    if (from == kNoNode || weights_from == kNoNode || node(weights_from).op->name != "DequantizeLinear")
      return;
    const auto left = [&](std::string_view reason) {
      log_skipped(context_, fmt::format("{}: {}", describe(node(id)), reason));
    };
    const Linear src = *linear_of(graph(), node(from));
    if (src.dtype != DType::u8) return left("its input is not u8");
    if (node(id).epilogue.residual) return left("it adds a residual of real numbers");
    std::string reason;
    const auto product =
        quantized_product(graph(), node(id), node(weights_from), bias_maker(id), src.scale, reason);
    if (!product) return left(reason);

    const NodeId to = quantizer_of(id);
    const std::string name = node(id).name;
    rewriter_.node(id).op = ops::find_op(is_conv ? "QuantizedConv" : "QuantizedMatMul", "godwit");
    if (!is_conv) rewriter_.node(id).attributes = {};
    rewriter_.set_input(id, In::src, node(from).inputs[0]);
    for (std::size_t i = In::src_scale; i < node(id).inputs.size(); ++i) rewriter_.set_input(id, i, kNoValue);
    set_linear(id, In::src_scale, src, "src");
    rewriter_.set_input(id, In::weights, rewriter_.add_constant(name + "/weights", product->weights));
    rewriter_.set_input(id, In::weight_scale, rewriter_.add_constant(name + "/weight_scale", product->scale));
    if (!product->bias.empty()) {
      rewriter_.set_input(id, In::bias, rewriter_.add_constant(name + "/bias", product->bias));
    }
    if (to != kNoNode) {
      set_linear(id, In::sum_scale, *linear_of(graph(), node(to)), "dst");
      rewriter_.take_over(id, to, false);
    }
    log_rewrite(context_, fmt::format("{} in 8-bit numbers{}", describe(node(id)),
                                      to == kNoNode ? ", real results" : ""));
  }

  // The DequantizeLinear of the node's bias; null where it has none (it may have a constant bias).
  const Node* bias_maker(NodeId id) {
    if (node(id).inputs.size() < 3 || node(id).inputs[2] == kNoValue) return nullptr;
    const NodeId producer = rewriter_.producer(node(id).inputs[2]);
    return producer == kNoNode ? nullptr : &node(producer);
  }

  // Why the convolution behind operand i of this Add cannot take the other operand; "" when it can.
  std::string reject_reason(NodeId add, std::size_t i) {
    const NodeId dequantizer = maker_of(node(add).inputs[i], "DequantizeLinear");
    if (dequantizer == kNoNode) return "it is not dequantised with one scale";
    const NodeId conv = rewriter_.producer(node(dequantizer).inputs[0]);
    if (conv == kNoNode || node(conv).op->name != "QuantizedConv") return "no convolution makes it";
    if (!node(conv).epilogue.empty()) return fmt::format("{} already clamps or adds", describe(node(conv)));
    if (rewriter_.only_reader(node(dequantizer).inputs[0]) != dequantizer ||
        rewriter_.only_reader(node(add).inputs[i]) != add) {
      return fmt::format("others read the result of {}", describe(node(conv)));
    }
    return "";
  }

  void fold_residual(NodeId id) {
    const Node add = node(id);
    if (add.op->name != "Add" || add.epilogue.residual || add.inputs.size() != 2) return;
    const NodeId to = quantizer_of(id);
    const NodeId from[2] = {maker_of(add.inputs[0], "DequantizeLinear"),
                            maker_of(add.inputs[1], "DequantizeLinear")};
    if (to == kNoNode || from[0] == kNoNode || from[1] == kNoNode) return;
    if (!provably_equal(rewriter_.value(add.inputs[0]).desc.shape, rewriter_.value(add.inputs[1]).desc.shape))
      return;
    const std::string reasons[2] = {reject_reason(id, 0), reject_reason(id, 1)};
    if (!reasons[0].empty() && !reasons[1].empty()) {
      return log_skipped(context_, fmt::format("{}: {}; {}", describe(add), reasons[0], reasons[1]));
    }
    // The later of two candidates: the other's result is there when it runs.
    const auto conv_of = [&](std::size_t i) { return rewriter_.producer(node(from[i]).inputs[0]); };
    const std::size_t chosen = !reasons[0].empty() || (reasons[1].empty() && conv_of(1) > conv_of(0)) ? 1 : 0;
    const ValueId residual = node(from[1 - chosen]).inputs[0];
    const Linear residual_linear = *linear_of(graph(), node(from[1 - chosen]));
    const Linear dst = *linear_of(graph(), node(to));
    if (residual_linear.dtype != DType::u8)
      return log_skipped(context_, describe(add) + ": the residual is not u8");

    const NodeId conv = conv_of(chosen);
    rewriter_.erase(id);
    rewriter_.erase(from[chosen]);
    // Where the residual is computed later than the convolution, that moves to the end of the block.
    const NodeId fused = rewriter_.take_over(conv, to, rewriter_.producer(residual) > conv);
    Node& node = rewriter_.node(fused);
    node.origins.insert(node.origins.end(), add.origins.begin(), add.origins.end());
    node.epilogue = add.epilogue;
    node.epilogue.residual = true;
    for (std::size_t i = node.inputs.size(); i < In::count; ++i) rewriter_.set_input(fused, i, kNoValue);
    set_linear(fused, In::residual_scale, residual_linear, "residual");
    set_linear(fused, In::dst_scale, dst, "sum");
    rewriter_.set_input(fused, In::count, residual);
    log_rewrite(context_, fmt::format("{} into {}", describe(add), describe(node)));
  }

  // Operands behind `first` are left out, as set_linear() and its like will set them.
  void clear_inputs(NodeId id, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < count; ++i) rewriter_.set_input(id, i, kNoValue);
  }

  void fold_average(NodeId id) {
    const bool global = node(id).op->name == "GlobalAveragePool";
    if ((!global && node(id).op->name != "AveragePool") || !node(id).epilogue.empty()) return;
    const NodeId from = maker_of(node(id).inputs[0], "DequantizeLinear");
    if (from == kNoNode) return;
    const auto left = [&](std::string_view reason) {
      log_skipped(context_, fmt::format("{}: {}", describe(node(id)), reason));
    };
    const Linear src = *linear_of(graph(), node(from));
    const Shape& shape = rewriter_.value(node(from).inputs[0]).desc.shape;
    if (src.dtype != DType::u8) return left("its input is not u8");
    if (global) {
      // An unknown size is known once the model's inputs are bound.
      const auto sizes = shape.ranked() ? shape.dims().subspan(2) : std::span<const std::int64_t>{};
      if (sizes.empty() || !std::ranges::all_of(sizes, is_known)) return;
      if (sizes.size() > 2) return left("it averages over more than two axes");
      if (std::ranges::count(sizes, 0) > 0) return left("it averages nothing");
    }
    using Operand = ops::RequantizeOperand;
    if (global) {
      std::vector<std::int64_t> window(shape.dims().begin() + 2, shape.dims().end());
      rewriter_.node(id).attributes.set("kernel_shape", std::move(window));
    }
    const NodeId to = quantizer_of(id);
    rewriter_.node(id).op = ops::find_op("QuantizedAveragePool", "godwit");
    rewriter_.set_input(id, Operand::src, node(from).inputs[0]);
    clear_inputs(id, Operand::src_scale, Operand::count);
    set_linear(id, Operand::src_scale, src, "src");
    if (to != kNoNode) {
      set_linear(id, Operand::dst_scale, *linear_of(graph(), node(to)), "dst");
      rewriter_.take_over(id, to, false);
    }
    log_rewrite(context_, fmt::format("{} of 8-bit numbers{}", describe(node(id)),
                                      to == kNoNode ? ", real results" : ""));
  }

  // What no convolution could take.
  void fold_add(NodeId id) {
    if (node(id).op->name != "Add" || node(id).epilogue.residual || node(id).inputs.size() != 2) return;
    const NodeId to = quantizer_of(id);
    const NodeId from[2] = {maker_of(node(id).inputs[0], "DequantizeLinear"),
                            maker_of(node(id).inputs[1], "DequantizeLinear")};
    if (to == kNoNode || from[0] == kNoNode || from[1] == kNoNode) return;
    const Linear lhs = *linear_of(graph(), node(from[0])), rhs = *linear_of(graph(), node(from[1]));
    const ValueId a = node(from[0]).inputs[0], b = node(from[1]).inputs[0];
    if (lhs.dtype != DType::u8 || rhs.dtype != DType::u8)
      return log_skipped(context_, describe(node(id)) + ": an input is not u8");
    if (!provably_equal(rewriter_.value(a).desc.shape, rewriter_.value(b).desc.shape))
      return log_skipped(context_, describe(node(id)) + ": its inputs broadcast");
    using Operand = ops::QuantizedAddOperand;
    rewriter_.node(id).op = ops::find_op("QuantizedAdd", "godwit");
    rewriter_.set_input(id, Operand::lhs, a);
    clear_inputs(id, Operand::lhs_scale, Operand::count);
    set_linear(id, Operand::lhs_scale, lhs, "lhs");
    rewriter_.set_input(id, Operand::rhs, b);
    set_linear(id, Operand::rhs_scale, rhs, "rhs");
    set_linear(id, Operand::dst_scale, *linear_of(graph(), node(to)), "dst");
    rewriter_.take_over(id, to, false);
    log_rewrite(context_, fmt::format("{} of 8-bit numbers", describe(node(id))));
  }

  // Inputs of the result's scale go as they are, others in steps of it.
  void fold_concat(NodeId id) {
    if (node(id).op->name != "Concat") return;
    const NodeId to = quantizer_of(id);
    if (to == kNoNode) return;
    const Linear dst = *linear_of(graph(), node(to));
    std::vector<NodeId> from;
    for (const ValueId input : node(id).inputs) {
      from.push_back(maker_of(input, "DequantizeLinear"));
      if (from.back() == kNoNode || linear_of(graph(), node(from.back()))->dtype != DType::u8) return;
      const bool same = linear_of(graph(), node(from.back())) == dst;
      if (!same && rewriter_.only_reader(input) != id) {
        return log_skipped(context_, fmt::format("{}: others read the real numbers of {}", describe(node(id)),
                                                 describe(node(from.back()))));
      }
    }
    using Operand = ops::RequantizeOperand;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const Linear src = *linear_of(graph(), node(from[i]));
      if (src == dst) {
        rewriter_.set_input(id, i, node(from[i]).inputs[0]);
        continue;
      }
      rewriter_.node(from[i]).op = ops::find_op("Requantize", "godwit");
      rewriter_.node(from[i]).attributes = {};
      clear_inputs(from[i], Operand::src_scale, Operand::count);
      set_linear(from[i], Operand::src_scale, src, "src");
      set_linear(from[i], Operand::dst_scale, dst, "dst");
      rewriter_.graph().value(node(from[i]).outputs[0]).desc.dtype = DType::u8;
    }
    rewriter_.take_over(id, to, false);
    log_rewrite(context_, fmt::format("{} of 8-bit numbers", describe(node(id))));
  }

  // Dequantised weights and biases of what stays in real numbers.
  void fold_constants() {
    for (NodeId id = 0; id < rewriter_.size(); ++id) {
      if (!rewriter_.alive(id) || node(id).op->name != "DequantizeLinear" || !is_foldable(graph(), node(id)))
        continue;
      if (rewriter_.readers(node(id).outputs[0]).empty() && !rewriter_.is_output(node(id).outputs[0]))
        continue;
      std::vector<Tensor> results = evaluate(graph(), node(id));
      rewriter_.graph().value(node(id).outputs[0]).constant = std::move(results[0]);
      log_rewrite(context_, fmt::format("{}: computed", describe(node(id))));
      rewriter_.erase(id);
    }
  }

  Rewriter rewriter_;
  PassContext& context_;
};

}  // namespace

void fold_quantization(Graph& graph, PassContext& context) { Folder(graph, context).run(); }

}  // namespace godwit::engine::passes
