// fold_quantization:
//   Dequantize(x) → Conv(Dequantize(w), Dequantize(b)) → Quantize    becomes   QuantizedConv(x, w, b)
//   Dequantize(x) → Gemm or MatMul likewise                          becomes   QuantizedMatMul(x, …)
//   Dequantize(QuantizedConv) + Dequantize(y) → Quantize             becomes   QuantizedConv with residual y
//   QLinearConv, QLinearMatMul                                       become    QuantizedConv, QuantizedMatMul
//   Dequantize(x) → MaxPool, Reshape… → Quantize of the same scale   becomes   MaxPool, Reshape…(x)
//   Dequantize(x) → AveragePool, GlobalAveragePool → Quantize        become    QuantizedAveragePool(x)
//   Dequantize(x) + Dequantize(y) → Quantize, where that is left     becomes   QuantizedAdd(x, y)
//   Dequantize(x), Dequantize(y) → Concat → Quantize                 becomes   Concat(x, Requantize(y))
// Operators say themselves what they move and what their form on 8-bit numbers is (OpDef::moves, quantized).
// Quantised s8 activations become u8 first. What is left of dequantised constants is computed now; with the
// precision of a float that is all.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/passes/quantization.h"
#include "engine/rewrite.h"
#include "ops/arithmetic.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"
#include "ops/quantized.h"
#include "ops/window.h"

namespace godwit::engine::passes {
namespace {

using In = ops::QuantizedOperand;
constexpr std::size_t kOperandsEach = 3;  // in forms on 8-bit numbers: the number, its scale and zero point

// Twice a number lies halfway between two steps of the result often enough that the order of roundings shows.
constexpr std::string_view kReadsTwice = "it reads one tensor twice, whose ties round as real numbers do";

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
      if (rewriter_.alive(id)) fold_form(id);
      if (rewriter_.alive(id)) fold_joint(id);
    }
  }

  const Graph& graph() { return rewriter_.graph(); }
  const Node& node(NodeId id) { return rewriter_.node(id); }

  bool is_dequantizer(NodeId id) { return id != kNoNode && node(id).op == &ops::op_dequantize_linear(); }
  // The DequantizeLinear with one known scale that makes the value; kNoNode if none.
  NodeId dequantizer_of(ValueId id) {
    const NodeId producer = rewriter_.producer(id);
    return is_dequantizer(producer) && linear_of(graph(), node(producer)) ? producer : kNoNode;
  }
  // The QuantizeLinear to u8 that alone reads the value; kNoNode if none.
  NodeId quantizer_of(ValueId value) {
    const NodeId reader = value == kNoValue ? kNoNode : rewriter_.only_reader(value);
    if (reader == kNoNode || node(reader).op != &ops::op_quantize_linear()) return kNoNode;
    const auto linear = linear_of(graph(), node(reader));
    return linear && linear->dtype == DType::u8 ? reader : kNoNode;
  }
  // The one that reads the node's only result.
  NodeId quantizer_behind(NodeId id) {
    return node(id).outputs.size() == 1 ? quantizer_of(node(id).outputs[0]) : kNoNode;
  }
  void log_left(NodeId id, std::string_view reason) {
    log_skipped(context_, fmt::format("{}: {}", describe(node(id)), reason));
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
    if (node(id).op != &ops::op_quantize_linear() ||
        ops::QuantizationAttributes(node(id).attributes).sets_dtype)
      return;
    const auto linear = linear_of(graph(), node(id));
    const ValueId value = node(id).outputs[0];
    if (!linear || linear->dtype != DType::s8 || rewriter_.is_output(value)) return;
    for (const NodeId reader : rewriter_.readers(value)) {
      if (!is_dequantizer(reader) || linear_of(graph(), node(reader)) != linear) return;
    }
    const ValueId zero = zero_point(node(id).name + "/zero_point_u8", linear->zero_point + 128);
    rewriter_.set_dtype(value, DType::u8);
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
    const ops::OpDef& op = *node(id).op;
    if (op.kind != ops::OpKind::integer || op.quantized == nullptr || op.product == nullptr) return;
    const std::vector<ValueId> inputs = node(id).inputs;
    const auto left = [&](std::string_view reason) { log_left(id, reason); };
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i] != kNoValue && constant_of(inputs[i]) == nullptr)
        return left("an operand but the first is computed");
      if (inputs[i] != kNoValue && ops::is_16_bit_float(rewriter_.value(inputs[i]).desc.dtype))
        return left("its scales are not f32");
    }
    const Tensor& numbers = *constant_of(inputs[3]);
    const Tensor &src_zero = *constant_of(inputs[2]), &dst_zero = *constant_of(inputs[7]);
    if (src_zero.dtype() != DType::u8 || dst_zero.dtype() != DType::u8)
      return left("its input and result are not u8");
    const std::optional<ops::Product> form = product_of(graph(), node(id));
    if (!form) return left("its weights are no matrix");
    const std::int64_t channels = numbers.shape()[form->channel_axis];
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
    rewriter_.node(id).op = node(id).op->quantized;
    for (std::size_t i = 1; i < inputs.size(); ++i) rewriter_.set_input(id, i, kNoValue);
    set_linear(id, In::src_scale, src, "src");
    rewriter_.set_input(id, In::weights, rewriter_.add_constant(name + "/weights", weights));
    rewriter_.set_input(id, In::weight_scale, inputs[4]);
    if (inputs.size() > 8) rewriter_.set_input(id, In::bias, inputs[8]);
    set_linear(id, In::sum_scale, dst, "dst");
    log_rewrite(context_, fmt::format("{} on the kernels for 8-bit numbers", describe(node(id))));
  }

  // Ops that hand elements of one operand on: they do the same to quantised ones.
  void fold_movement(NodeId id) {
    if (!node(id).epilogue.empty()) return;
    const std::vector<std::size_t> moved = moved_operands(graph(), node(id));
    if (moved.size() != 1) return;
    const NodeId from = dequantizer_of(node(id).inputs[moved.front()]);
    if (from == kNoNode) return;
    std::vector<NodeId> behind;
    for (const ValueId result : node(id).outputs) behind.push_back(quantizer_of(result));
    if (std::ranges::count(behind, kNoNode) > 0) return;
    for (const NodeId to : behind) {
      if (linear_of(graph(), node(from)) != linear_of(graph(), node(to)))
        return log_left(id, "it is quantised otherwise in front than behind");
    }
    rewriter_.set_input(id, moved.front(), node(from).inputs[0]);
    for (std::size_t i = 0; i < behind.size(); ++i) rewriter_.take_over_result(id, i, behind[i]);
    log_rewrite(context_, fmt::format("{} on quantised numbers", describe(node(id))));
  }

  void fold_product(NodeId id) {
    const ops::OpDef& op = *node(id).op;
    if (op.kind != ops::OpKind::product || op.quantized == nullptr) return;
    const NodeId from = dequantizer_of(node(id).inputs[0]);
    const NodeId weights_from = rewriter_.producer(node(id).inputs[op.weights]);
    if (from == kNoNode || !is_dequantizer(weights_from)) return;
    const auto left = [&](std::string_view reason) { log_left(id, reason); };
    const Linear src = *linear_of(graph(), node(from));
    if (src.dtype != DType::u8) return left("its input is not u8");
    if (node(id).epilogue.residual) return left("it adds a residual of real numbers");
    std::string reason;
    const auto product =
        quantized_product(graph(), node(id), node(weights_from), bias_maker(id), src.scale, reason);
    if (!product) return left(reason);

    const NodeId to = quantizer_behind(id);
    const std::string name = node(id).name;
    become(id, *op.quantized);
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

  // Another operator with those of the node's attributes that it has too.
  void become(NodeId id, const ops::OpDef& op) {
    ops::Attributes kept;
    for (const ops::AttributeSpec& spec : op.attributes) {
      const auto found = node(id).attributes.all().find(spec.name);
      if (found != node(id).attributes.all().end()) kept.set(found->first, found->second);
    }
    rewriter_.node(id).op = &op;
    rewriter_.node(id).attributes = std::move(kept);
  }

  // The DequantizeLinear of the node's bias; null where it has none (it may have a constant bias).
  const Node* bias_maker(NodeId id) {
    if (!has_operand(node(id), node(id).op->bias)) return nullptr;
    const NodeId producer = rewriter_.producer(node(id).inputs[node(id).op->bias]);
    return producer == kNoNode ? nullptr : &node(producer);
  }

  // The reason why the product behind operand i of this Add cannot take the other operand; "" when it can.
  std::string reject_reason(NodeId add, std::size_t i) {
    const NodeId dequantizer = dequantizer_of(node(add).inputs[i]);
    if (dequantizer == kNoNode) return "it is not dequantised with one scale";
    const NodeId conv = rewriter_.producer(node(dequantizer).inputs[0]);
    const bool adds =
        conv != kNoNode && node(conv).op->kind == ops::OpKind::quantized && node(conv).op->fuses_residual;
    if (!adds) return "no convolution makes it";
    if (!node(conv).epilogue.empty()) return fmt::format("{} already clamps or adds", describe(node(conv)));
    if (rewriter_.only_reader(node(dequantizer).inputs[0]) != dequantizer ||
        rewriter_.only_reader(node(add).inputs[i]) != add) {
      return fmt::format("others read the result of {}", describe(node(conv)));
    }
    return "";
  }

  void fold_residual(NodeId id) {
    const Node add = node(id);
    if (add.op != &ops::op_add() || add.epilogue.residual || add.inputs.size() != 2) return;
    const NodeId to = quantizer_behind(id);
    const NodeId from[2] = {dequantizer_of(add.inputs[0]), dequantizer_of(add.inputs[1])};
    if (to == kNoNode || from[0] == kNoNode || from[1] == kNoNode) return;
    if (node(from[0]).inputs[0] == node(from[1]).inputs[0])
      return log_skipped(context_, fmt::format("{}: {}", describe(add), kReadsTwice));
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
    // A convolution in front of the residual that it takes moves to the end of the block.
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

  // The window of a global pooling, which its form on 8-bit numbers has as an attribute. Empty, and a reason
  // in words unless it is only a matter of sizes not known yet, where there is none.
  std::vector<std::int64_t> whole_window(const Shape& shape, std::string& reason) {
    const auto sizes = shape.ranked() ? shape.dims().subspan(2) : std::span<const std::int64_t>{};
    if (sizes.empty() || !std::ranges::all_of(sizes, is_known)) return {};
    if (sizes.size() > ops::kMaxSpatial) reason = "it averages over more than three axes";
    if (std::ranges::count(sizes, 0) > 0) reason = "it averages nothing";
    if (!reason.empty()) return {};
    return {sizes.begin(), sizes.end()};
  }

  // Ops of which each operand is a tensor, in their forms on 8-bit numbers: (number, scale, zero point) in
  // place of each, the result's scale and zero point behind them.
  void fold_form(NodeId id) {
    const ops::OpDef& op = *node(id).op;
    if (op.quantized == nullptr || op.kind == ops::OpKind::product || op.kind == ops::OpKind::integer) return;
    const ops::OpDef& form = *op.quantized;
    const std::size_t count = node(id).inputs.size();
    if (node(id).epilogue.residual || (node(id).epilogue.clamps() && !form.fuses_clamp)) return;
    std::vector<NodeId> from;
    for (const ValueId input : node(id).inputs) from.push_back(dequantizer_of(input));
    const NodeId to = quantizer_behind(id);
    if (from.empty() || std::ranges::count(from, kNoNode) > 0) return;
    if (to == kNoNode && form.min_inputs > kOperandsEach * count) return;
    std::vector<ValueId> numbers;
    std::vector<Linear> linears;
    for (const NodeId dequantizer : from) {
      const ValueId number = node(dequantizer).inputs[0];
      if (std::ranges::find(numbers, number) != numbers.end()) return log_left(id, kReadsTwice);
      numbers.push_back(number);
      linears.push_back(*linear_of(graph(), node(dequantizer)));
      if (linears.back().dtype != DType::u8) return log_left(id, "an input is not u8");
      if (numbers.size() > 1 && !provably_equal(rewriter_.value(numbers.front()).desc.shape,
                                                rewriter_.value(numbers.back()).desc.shape))
        return log_left(id, "its inputs broadcast");
    }
    std::vector<std::int64_t> window;
    if (&op == &ops::op_global_average_pool()) {
      std::string reason;
      window = whole_window(rewriter_.value(numbers.front()).desc.shape, reason);
      if (!reason.empty()) log_left(id, reason);
      if (window.empty()) return;
    }
    become(id, form);
    if (!window.empty()) rewriter_.node(id).attributes.set("kernel_shape", std::move(window));
    clear_inputs(id, 0, kOperandsEach * count + 2);
    for (std::size_t i = 0; i < count; ++i) {
      rewriter_.set_input(id, kOperandsEach * i, numbers[i]);
      set_linear(id, kOperandsEach * i + 1, linears[i], count == 1 ? "src" : fmt::format("src{}", i));
    }
    if (to != kNoNode) {
      set_linear(id, kOperandsEach * count, *linear_of(graph(), node(to)), "dst");
      rewriter_.take_over(id, to, false);
    }
    log_rewrite(context_, fmt::format("{} of 8-bit numbers{}", describe(node(id)),
                                      to == kNoNode ? ", real results" : ""));
  }

  // Ops that move elements of several operands: inputs of the result's scale go as they are, others in steps
  // of it.
  void fold_joint(NodeId id) {
    const std::vector<std::size_t> moved = moved_operands(graph(), node(id));
    if (moved.size() < 2 || !node(id).epilogue.empty()) return;
    const NodeId to = quantizer_behind(id);
    if (to == kNoNode) return;
    const Linear dst = *linear_of(graph(), node(to));
    std::vector<NodeId> from;
    for (const std::size_t i : moved) {
      const ValueId input = node(id).inputs[i];
      from.push_back(dequantizer_of(input));
      if (from.back() == kNoNode || linear_of(graph(), node(from.back()))->dtype != DType::u8) return;
      const bool same = linear_of(graph(), node(from.back())) == dst;
      if (!same && rewriter_.only_reader(input) != id)
        return log_left(id, fmt::format("others read the real numbers of {}", describe(node(from.back()))));
    }
    using Operand = ops::RequantizeOperand;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const Linear src = *linear_of(graph(), node(from[i]));
      if (src == dst) {
        rewriter_.set_input(id, moved[i], node(from[i]).inputs[0]);
        continue;
      }
      become(from[i], ops::op_requantize());
      clear_inputs(from[i], Operand::src_scale, Operand::count);
      set_linear(from[i], Operand::src_scale, src, "src");
      set_linear(from[i], Operand::dst_scale, dst, "dst");
      rewriter_.set_dtype(node(from[i]).outputs[0], DType::u8);
    }
    rewriter_.take_over(id, to, false);
    log_rewrite(context_, fmt::format("{} of 8-bit numbers", describe(node(id))));
  }

  // Dequantised weights and biases of what stays in real numbers.
  void fold_constants() {
    for (NodeId id = 0; id < rewriter_.size(); ++id) {
      if (!rewriter_.alive(id) || !is_dequantizer(id) || !is_foldable(graph(), node(id))) continue;
      if (rewriter_.readers(node(id).outputs[0]).empty() && !rewriter_.is_output(node(id).outputs[0]))
        continue;
      log_rewrite(context_, fmt::format("{}: computed", describe(node(id))));
      rewriter_.replace_by_constants(id, evaluate(graph(), node(id)));
    }
  }

  Rewriter rewriter_;
  PassContext& context_;
};

}  // namespace

void fold_quantization(Graph& graph, PassContext& context) { Folder(graph, context).run(); }

}  // namespace godwit::engine::passes
