// lower_precision:
//   Conv → x (f32) → Conv → Gemm → Softmax   becomes   Conv → Cast → x (f16) → Conv → (f16) Gemm, widening →
//   Softmax
// Weights and the tensors between layers are stored as bf16 or f16, sums and biases stay f32. The first layer
// that multiplies and all before it stay f32, as does every operator that has no 16-bit form. A product whose
// result nobody wants in 16 bits gives its f32 sums.
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <utility>

#include "engine/convert.h"
#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

class Lowering {
 public:
  Lowering(Graph& graph, PassContext& context, DType stored)
      : graph_(graph), context_(context), stored_(stored), readers_(graph.consumers()) {}

  void run() {
    nodes_ = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (const ValueId id : graph_.inputs) raw_.insert(id);
    for (Node& node : nodes_) place(node);
    graph_.compact();
  }

 private:
  static bool is_product(const Node& node) { return node.op->kind == ops::OpKind::product; }
  bool is_constant(ValueId id) const { return graph_.value(id).constant.has_value(); }
  DType dtype(ValueId id) const { return graph_.value(id).desc.dtype; }
  bool is_raw(const Node& node) const {
    return std::ranges::any_of(node.inputs, [&](ValueId id) { return id != kNoValue && raw_.contains(id); });
  }

  static bool is_residual(const Node& node, std::size_t i) {
    return node.epilogue.residual && i + 1 == node.inputs.size();
  }

  // True where the implementations for 16 bits take such a product.
  bool has_fitting_constants(const Node& node) const {
    const auto constant_or_absent = [&](std::size_t i) {
      return !has_operand(node, i) || is_constant(node.inputs[i]) || is_residual(node, i);
    };
    if (is_constant(node.inputs[0]) || !constant_or_absent(node.op->weights) ||
        !constant_or_absent(node.op->bias))
      return false;
    const std::optional<ops::Product> product = product_of(graph_, node);
    return product && !product->transposes_src && product->alpha == 1.0F;
  }

  // Computes, and can read and give 16-bit floats. Answers the same before and after its operands were
  // lowered.
  bool can_compute(const Node& node) const {
    if (!node.op->takes_16_bits || node.outputs.size() != 1 || node.outputs[0] == kNoValue) return false;
    if (dtype(node.outputs[0]) != DType::f32 || is_raw(node)) return false;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != kNoValue && dtype(node.inputs[i]) != DType::f32 &&
          dtype(node.inputs[i]) != stored_)
        return false;
    }
    return !is_product(node) || has_fitting_constants(node);
  }

  // True where some reader of the value would take it in 16 bits.
  bool is_wanted(ValueId id) const {
    return std::ranges::any_of(readers_[static_cast<std::size_t>(id)], [&](NodeId reader) {
      const Node& node = nodes_[static_cast<std::size_t>(reader)];
      if (!is_movement(node)) return can_compute(node);
      return moves(node, id) && std::ranges::any_of(node.outputs, [&](ValueId output) {
               return output != kNoValue && is_wanted(output);
             });
    });
  }

  void place(Node& node) {
    if (can_compute(node)) {
      lower(node);
    } else if (is_movement(node) && moves_stored(node)) {
      for (const std::size_t i : moved_operands(graph_, node)) node.inputs[i] = stored(node.inputs[i]);
      give_stored(std::move(node));
    } else {
      const bool raw = is_raw(node) && !is_product(node);
      for (ValueId& id : node.inputs) {
        if (id != kNoValue) id = real(id);
      }
      for (const ValueId id : node.outputs) {
        if (raw && id != kNoValue) raw_.insert(id);
      }
      graph_.nodes.push_back(std::move(node));
    }
  }

  static bool is_movement(const Node& node) { return node.op->kind == ops::OpKind::movement; }
  bool moves(const Node& node, ValueId id) const {
    return std::ranges::any_of(moved_operands(graph_, node),
                               [&](std::size_t i) { return node.inputs[i] == id; });
  }
  // Some operand that it moves is computed in 16 bits.
  bool moves_stored(const Node& node) const {
    return std::ranges::any_of(moved_operands(graph_, node), [&](std::size_t i) {
      return stored_form_.contains(node.inputs[i]) && !is_constant(node.inputs[i]);
    });
  }

  void lower(Node& node) {
    log_rewrite(context_, fmt::format("{} in {}", describe(node), name_of(stored_)));
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const bool is_bias = is_product(node) && i == node.op->bias && !is_residual(node, i);
      if (node.inputs[i] != kNoValue && !is_bias) node.inputs[i] = stored(node.inputs[i]);
    }
    if (node.op->fuses_dst_f32 && !node.epilogue.residual && !is_wanted(node.outputs[0])) {
      node.epilogue.dst_f32 = true;
      graph_.nodes.push_back(std::move(node));
      return;
    }
    give_stored(std::move(node));
  }

  // The node's results become 16-bit ones. A value keeps its name, unless it is the caller's.
  void give_stored(Node node) {
    std::vector<std::pair<ValueId, ValueId>> behind;
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      TensorDesc desc = graph_.value(id).desc;
      desc.dtype = stored_;
      if (!graph_.is_output(id)) {
        graph_.value(id).desc = desc;
        stored_form_[id] = id;
        continue;
      }
      const ValueId inner =
          graph_.add_value(fmt::format("{}/{}", graph_.value(id).name, name_of(stored_)), desc);
      stored_form_[id] = inner;
      behind.emplace_back(inner, id);
      id = inner;
    }
    graph_.nodes.push_back(std::move(node));
    for (const auto& [from, to] : behind) cast(from, to);
  }

  // The value in 16 bits, made here if it is not there yet.
  ValueId stored(ValueId id) {
    if (const auto found = stored_form_.find(id); found != stored_form_.end()) return found->second;
    if (dtype(id) != DType::f32) return id;
    TensorDesc desc = graph_.value(id).desc;
    desc.dtype = stored_;
    const ValueId made =
        graph_.add_value(fmt::format("{}/{}", graph_.value(id).name, name_of(stored_)), desc);
    stored_form_[id] = made;
    if (is_constant(id)) {
      graph_.value(made).constant = converted(*graph_.value(id).constant, stored_);
    } else {
      cast(id, made);
    }
    return made;
  }
  // The value in f32.
  ValueId real(ValueId id) {
    const auto found = stored_form_.find(id);
    if (found == stored_form_.end() || found->second != id) return id;
    ValueId& form = real_form_.try_emplace(id, kNoValue).first->second;
    if (form == kNoValue) {
      TensorDesc desc = graph_.value(id).desc;
      desc.dtype = DType::f32;
      form = graph_.add_value(fmt::format("{}/f32", graph_.value(id).name), desc);
      cast(id, form);
    }
    return form;
  }

  void cast(ValueId from, ValueId to) {
    Node node;
    node.name = fmt::format("cast {}", graph_.value(from).name);
    node.op = &ops::op_cast();
    ops::set_cast_dtype(node.attributes, dtype(to));
    node.inputs = {from};
    node.outputs = {to};
    graph_.nodes.push_back(std::move(node));
  }

  Graph& graph_;
  PassContext& context_;
  DType stored_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<Node> nodes_;
  std::map<ValueId, ValueId> stored_form_, real_form_;
  std::set<ValueId> raw_;  // computed from the inputs without a product
};

}  // namespace

void lower_precision(Graph& graph, PassContext& context) {
  std::optional<DType> stored = stored_dtype(context.precision);
  if (context.precision == Precision::automatic && graph.storage != DType::f32) stored = graph.storage;
  if (stored) Lowering(graph, context, *stored).run();
}

}  // namespace godwit::engine::passes
