// Placement of rounding in a graph: nodes in their order, then values against it.
#include "engine/quantization_scheme.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/pass.h"
#include "engine/rewrite.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

constexpr std::array<std::string_view, 6> kPasses{"fold_constants", "raise_precision", "eliminate_identity",
                                                  "fold_pad",       "fold_batch_norm", "eliminate_dead"};

// One number, or one for each of `channels` in a single row.
bool is_row(const Shape& shape, std::int64_t channels) {
  return shape.elements() == 1 ||
         (shape.rank() >= 1 && shape.elements() == channels && shape[shape.rank() - 1] == channels);
}

void require_finite(const Graph& graph, ValueId id, const char* what) {
  for (const float value : graph.value(id).constant->values<float>()) {
    if (std::isfinite(value)) continue;
    throw Error(
        fmt::format("{} '{}' has a value of {}, which cannot be quantised; expected finite numbers "
                    "(or keep this node in f32)",
                    what, graph.value(id).name, value));
  }
}

Tensor times(const Tensor& tensor, float factor, std::int64_t count) {
  Tensor result(TensorDesc{DType::f32, count > 0 ? Shape{count} : tensor.shape(), Layout::nchw});
  const auto src = tensor.values<float>();
  const auto dst = result.mutable_values<float>();
  for (std::size_t i = 0; i < dst.size(); ++i) dst[i] = src[src.size() == 1 ? 0 : i] * factor;
  return result;
}

// Gemm(a, b, c; alpha, beta) → Gemm(a, alpha·b, beta·c) with c of one dimension; other products are so.
void normalize_product(Graph& graph, std::size_t index, int axis) {
  const auto replace = [&](std::size_t operand, Tensor tensor, const char* suffix) {
    const std::string name = graph.value(graph.nodes[index].inputs[operand]).name + suffix;
    graph.nodes[index].inputs[operand] = graph.add_constant(name, std::move(tensor));
  };
  Node& node = graph.nodes[index];
  const ops::Product product = *product_of(graph, node);
  const Tensor weights = *f32_constant_of(graph, node, node.op->weights);
  const std::int64_t channels = weights.shape()[axis];
  if (product.alpha != 1.0F) replace(node.op->weights, times(weights, product.alpha, 0), "*alpha");
  if (has_operand(node, node.op->bias)) {
    const Tensor bias = *f32_constant_of(graph, node, node.op->bias);
    if (product.beta != 1.0F || bias.shape() != Shape{channels})
      replace(node.op->bias, times(bias, product.beta, channels), "*beta");
  }
  ops::erase_alpha(node.attributes);
  ops::erase_beta(node.attributes);
}

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<std::string>& keep)
      : graph_(graph), producers_(graph.producers()), consumers_(graph.consumers()) {
    scheme_.quantized.assign(graph.nodes.size(), false);
    scheme_.owner.assign(graph.nodes.size(), kNoNode);
    scheme_.rounded_as.assign(graph.values.size(), kNoValue);
    scheme_.from_quantized.assign(graph.values.size(), false);
    kept_.assign(graph.nodes.size(), false);
    for (const std::string& name : keep) mark_kept(name);
  }

  QuantizationScheme plan() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) choose(static_cast<NodeId>(n));
    find_wanted();
    assign_scales();
    check_weights();
    return std::move(scheme_);
  }

 private:
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<std::size_t>(id)]; }
  bool flag(const std::vector<bool>& flags, std::int32_t id) const {
    return flags[static_cast<std::size_t>(id)];
  }

  void mark_kept(const std::string& name) {
    bool found = false;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& candidate = graph_.nodes[n];
      if (candidate.name != name && std::ranges::find(candidate.origins, name) == candidate.origins.end())
        continue;
      kept_[n] = found = true;
    }
    if (!found) throw Error(fmt::format("the model has no node '{}' to keep in f32", name));
  }

  bool all_f32(const Node& n) const {
    return !n.outputs.empty() && std::ranges::all_of(n.outputs, [&](ValueId id) {
      return id != kNoValue && graph_.value(id).desc.dtype == DType::f32;
    });
  }

  // True where a quantised node computed this value, seen through nodes that move values and keep them u8.
  bool comes_quantized(ValueId id) const {
    while (producers_[static_cast<std::size_t>(id)] != kNoNode) {
      if (flag(scheme_.from_quantized, id)) return true;
      id = moved_value(graph_, node(producers_[static_cast<std::size_t>(id)]));
      if (id == kNoValue) return false;
    }
    return false;
  }

  bool is_computed_f32(ValueId id) const {
    return id != kNoValue && !graph_.value(id).constant && graph_.value(id).desc.dtype == DType::f32;
  }
  bool all_computed_f32(std::span<const ValueId> ids) const {
    return !ids.empty() && std::ranges::all_of(ids, [&](ValueId id) { return is_computed_f32(id); });
  }

  // Operands of a node that is quantised only where one of them comes quantised: those of ops with a form on
  // 8-bit numbers, and those whose elements an op like Concat joins. Empty for other nodes.
  std::vector<ValueId> joined(const Node& n) const {
    if (n.op->quantized != nullptr && n.op->kind != ops::OpKind::product) return n.inputs;
    std::vector<ValueId> ids;
    for (const std::size_t i : moved_operands(graph_, n)) ids.push_back(n.inputs[i]);
    return ids.size() > 1 ? ids : std::vector<ValueId>{};
  }

  void choose(NodeId id) {
    const Node& n = node(id);
    if (!all_f32(n) || flag(kept_, id)) return;
    const auto make_quantized = [&] {
      scheme_.quantized[static_cast<std::size_t>(id)] = true;
      scheme_.from_quantized[static_cast<std::size_t>(n.outputs[0])] = true;
    };
    if (n.op->kind == ops::OpKind::clamp) {
      const ValueId src = n.inputs[0];
      const NodeId producer = producers_[static_cast<std::size_t>(src)];
      const bool alone = consumers_[static_cast<std::size_t>(src)].size() == 1 && !graph_.is_output(src);
      const bool bounds_known = std::ranges::all_of(std::span(n.inputs).subspan(1), [&](ValueId bound) {
        return bound == kNoValue || graph_.value(bound).constant.has_value();
      });
      if (producer == kNoNode || !alone || !bounds_known || !flag(scheme_.quantized, producer)) return;
      scheme_.owner[static_cast<std::size_t>(id)] = producer;
      scheme_.from_quantized[static_cast<std::size_t>(n.outputs[0])] = true;
      scheme_.from_quantized[static_cast<std::size_t>(src)] = false;  // never rounded itself
    } else if (weight_axis(graph_, n)) {
      make_quantized();
    } else if (const std::vector<ValueId> operands = joined(n); all_computed_f32(operands)) {
      if (std::ranges::any_of(operands, [&](ValueId src) { return comes_quantized(src); })) make_quantized();
    }
  }

  // Nodes that move values of one operand, and MaxPool, are quantised where somebody wants their result so;
  // what they read is wanted then.
  void find_wanted() {
    wanted_.assign(graph_.values.size(), false);
    tail_.assign(graph_.values.size(), true);
    for (auto id = static_cast<NodeId>(graph_.nodes.size()) - 1; id >= 0; --id) {
      const Node& n = node(id);
      const ValueId moved = moved_value(graph_, n);
      if (moved != kNoValue && all_f32(n) && !flag(kept_, id)) {
        const auto is_wanted = [&](ValueId result) { return flag(wanted_, result); };
        const bool useful = std::ranges::any_of(n.outputs, is_wanted) ||
                            (n.op->kind != ops::OpKind::movement && comes_quantized(moved));
        if (useful && !graph_.value(moved).constant) scheme_.quantized[static_cast<std::size_t>(id)] = true;
      }
      if (flag(scheme_.quantized, id)) {
        if (moved != kNoValue) {
          wanted_[static_cast<std::size_t>(moved)] = true;
        } else if (weight_axis(graph_, n)) {
          wanted_[static_cast<std::size_t>(n.inputs[0])] = true;
        } else {
          for (const ValueId src : joined(n)) wanted_[static_cast<std::size_t>(src)] = true;
        }
      }
      if (!is_tail(n, flag(scheme_.quantized, id))) {
        for (const ValueId src : n.inputs) {
          if (src != kNoValue) tail_[static_cast<std::size_t>(src)] = false;
        }
      }
    }
  }

  // True where what this node reads goes nowhere but to the network's scores.
  bool is_tail(const Node& n, bool quantized) const {
    if (quantized || n.outputs.empty() || n.outputs[0] == kNoValue) return false;
    if (n.op->kind == ops::OpKind::softmax) return true;
    const bool adds_constant = n.op == &ops::op_add() && !all_computed_f32(n.inputs);
    const bool moves = n.op->kind == ops::OpKind::movement && moved_value(graph_, n) != kNoValue;
    return (moves || adds_constant) &&
           std::ranges::all_of(n.outputs, [&](ValueId id) { return id == kNoValue || flag(tail_, id); });
  }

  void assign_scales() {
    for (const ValueId id : graph_.inputs) assign(id, id);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& n = graph_.nodes[i];
      const ValueId moved = scheme_.quantized[i] ? moved_value(graph_, n) : kNoValue;
      for (const ValueId id : n.outputs) {
        if (id == kNoValue) continue;
        assign(id, moved != kNoValue ? scheme_.rounded_as[static_cast<std::size_t>(moved)] : id);
      }
    }
  }

  void assign(ValueId id, ValueId source) {
    const bool rounds = flag(wanted_, id) || (flag(scheme_.from_quantized, id) && !flag(tail_, id)) ||
                        (source != id && !flag(tail_, id));
    if (rounds) scheme_.rounded_as[static_cast<std::size_t>(id)] = source;
    if (source != id) scheme_.from_quantized[static_cast<std::size_t>(id)] = true;
  }

  void check_weights() const {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& n = graph_.nodes[i];
      if (!scheme_.quantized[i] || !weight_axis(graph_, n)) continue;
      with_context([&] { return describe(n); },
                   [&] {
                     require_finite(graph_, n.inputs[n.op->weights], "weight");
                     if (has_operand(n, n.op->bias)) require_finite(graph_, n.inputs[n.op->bias], "bias");
                   });
    }
  }

  const Graph& graph_;
  std::vector<NodeId> producers_;
  std::vector<std::vector<NodeId>> consumers_;
  std::vector<bool> kept_, wanted_, tail_;
  QuantizationScheme scheme_;
};

}  // namespace

bool is_quantized(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) {
    using enum ops::OpKind;
    switch (node.op->kind) {
      case quantize:
      case dequantize:
      case integer:
      case quantized:
        return true;
      default:
        return false;
    }
  });
}

std::optional<int> weight_axis(const Graph& graph, const Node& node) {
  if (node.op->kind != ops::OpKind::product || node.op->quantized == nullptr) return std::nullopt;
  const Tensor* weights = f32_constant_of(graph, node, node.op->weights);
  if (weights == nullptr || weights->shape().elements() == 0 || graph.value(node.inputs[0]).constant)
    return std::nullopt;
  const std::optional<ops::Product> product = product_of(graph, node);
  if (!product || product->transposes_src) return std::nullopt;
  const int axis = product->channel_axis;
  if (!has_operand(node, node.op->bias)) return axis;
  const Tensor* bias = f32_constant_of(graph, node, node.op->bias);
  if (bias == nullptr || !is_row(bias->shape(), weights->shape()[axis])) return std::nullopt;
  return axis;
}

Graph prepare_for_quantization(const Graph& graph, const ops::Target& target) {
  if (is_quantized(graph)) {
    throw Error(
        "the model is quantised already (it has QuantizeLinear or integer operators); expected the "
        "f32 model that it was made from");
  }
  Graph prepared = graph;
  infer_shapes(prepared);
  PipelineOptions options{.shapes_bound = false};
  for (const Pass& pass : pipeline()) {
    if (std::ranges::find(kPasses, pass.name) == kPasses.end()) options.disabled.emplace_back(pass.name);
  }
  (void)run_pipeline(prepared, target, options);
  prepared.storage = DType::f32;  // what a model in 16 bits stored is no wish for its 8-bit form
  prepared.declared_inputs.clear();
  for (std::size_t n = 0; n < prepared.nodes.size(); ++n) {
    const std::optional<int> axis = weight_axis(prepared, prepared.nodes[n]);
    if (axis) normalize_product(prepared, n, *axis);
  }
  prepared.compact();
  verify(prepared);
  return prepared;
}

std::vector<ValueId> QuantizationScheme::scales() const {
  std::vector<ValueId> ids;
  for (std::size_t v = 0; v < rounded_as.size(); ++v) {
    if (rounded_as[v] == static_cast<ValueId>(v)) ids.push_back(static_cast<ValueId>(v));
  }
  return ids;
}

QuantizationScheme plan_quantization(const Graph& prepared, const std::vector<std::string>& keep) {
  return Planner(prepared, keep).plan();
}

ValueId result_of(const Graph& prepared, const QuantizationScheme& scheme, NodeId node) {
  for (std::size_t n = 0; n < prepared.nodes.size(); ++n) {
    if (scheme.owner[n] == node) return prepared.nodes[n].outputs[0];
  }
  return prepared.nodes[static_cast<std::size_t>(node)].outputs[0];
}

}  // namespace godwit::engine
