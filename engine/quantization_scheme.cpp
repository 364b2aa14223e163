// Placement of rounding in a graph: nodes in their order, then values against it.
#include "engine/quantization_scheme.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "engine/pass.h"
#include "engine/rewrite.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

constexpr std::array<std::string_view, 5> kPasses{"fold_constants", "eliminate_identity", "fold_pad",
                                                  "fold_batch_norm", "eliminate_dead"};
constexpr std::array<std::string_view, 8> kQuantizedOps{
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv",
    "QLinearMatMul",  "ConvInteger",      "MatMulInteger",         "QLinearAdd"};
constexpr std::array<std::string_view, 5> kMovers{"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"};
constexpr std::array<std::string_view, 4> kJoiners{"Add", "Concat", "GlobalAveragePool", "AveragePool"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

const Tensor* f32_constant(const Graph& graph, const Node& node, std::size_t i) {
  if (i >= node.inputs.size() || node.inputs[i] == kNoValue) return nullptr;
  const std::optional<Tensor>& constant = graph.value(node.inputs[i]).constant;
  return constant && constant->dtype() == DType::f32 ? &*constant : nullptr;
}

bool has_operand(const Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] != kNoValue;
}

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

// Gemm(a, b, c; alpha, beta) → Gemm(a, alpha·b, beta·c) with c of one dimension.
void normalize_gemm(Graph& graph, std::size_t index, int axis) {
  const auto replace = [&](std::size_t operand, Tensor tensor, const char* suffix) {
    const std::string name = graph.value(graph.nodes[index].inputs[operand]).name + suffix;
    graph.nodes[index].inputs[operand] = graph.add_constant(name, std::move(tensor));
  };
  const Node& node = graph.nodes[index];
  const float alpha = node.attributes.real("alpha", 1.0F), beta = node.attributes.real("beta", 1.0F);
  const Tensor& weights = *f32_constant(graph, node, 1);
  const std::int64_t channels = weights.shape()[axis];
  if (alpha != 1.0F) replace(1, times(weights, alpha, 0), "*alpha");
  if (has_operand(graph.nodes[index], 2)) {
    const Tensor bias = *f32_constant(graph, graph.nodes[index], 2);
    if (beta != 1.0F || bias.shape() != Shape{channels}) replace(2, times(bias, beta, channels), "*beta");
  }
  graph.nodes[index].attributes.erase("alpha");
  graph.nodes[index].attributes.erase("beta");
}

bool reads_known_or(const Graph& graph, const Node& node, const auto& predicate) {
  return std::ranges::any_of(
      node.inputs, [&](ValueId id) { return id != kNoValue && !graph.value(id).constant && predicate(id); });
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
    const auto is_f32 = [&](ValueId id) {
      return id == kNoValue || graph_.value(id).desc.dtype == DType::f32;
    };
    return n.outputs.size() == 1 && n.outputs[0] != kNoValue && is_f32(n.outputs[0]);
  }

  // Whether a quantised node computed this value, seen through nodes that move values and keep them u8.
  bool comes_quantized(ValueId id) const {
    while (producers_[static_cast<std::size_t>(id)] != kNoNode) {
      if (flag(scheme_.from_quantized, id)) return true;
      const Node& producer = node(producers_[static_cast<std::size_t>(id)]);
      if (!contains(kMovers, producer.op->name) && producer.op->name != "MaxPool") return false;
      id = producer.inputs[0];
    }
    return false;
  }

  bool all_computed_f32(const Node& n) const {
    return std::ranges::all_of(n.inputs, [&](ValueId id) {
      return id != kNoValue && !graph_.value(id).constant && graph_.value(id).desc.dtype == DType::f32;
    });
  }

  void choose(NodeId id) {
    const Node& n = node(id);
    if (!all_f32(n) || flag(kept_, id)) return;
    const auto make_quantized = [&] {
      scheme_.quantized[static_cast<std::size_t>(id)] = true;
      scheme_.from_quantized[static_cast<std::size_t>(n.outputs[0])] = true;
    };
    if (n.op->name == "Relu" || n.op->name == "Clip") {
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
    } else if (contains(kJoiners, n.op->name) && all_computed_f32(n)) {
      if (reads_known_or(graph_, n, [&](ValueId src) { return comes_quantized(src); })) make_quantized();
    }
  }

  // Nodes that move values, and MaxPool, are quantised where somebody wants their result so; what they read
  // is wanted then.
  void find_wanted() {
    wanted_.assign(graph_.values.size(), false);
    tail_.assign(graph_.values.size(), true);
    for (auto id = static_cast<NodeId>(graph_.nodes.size()) - 1; id >= 0; --id) {
      const Node& n = node(id);
      const bool moves = contains(kMovers, n.op->name), is_max_pool = n.op->name == "MaxPool";
      if ((moves || is_max_pool) && all_f32(n) && !flag(kept_, id)) {
        const bool useful = flag(wanted_, n.outputs[0]) || (is_max_pool && comes_quantized(n.inputs[0]));
        if (useful && !graph_.value(n.inputs[0]).constant)
          scheme_.quantized[static_cast<std::size_t>(id)] = true;
      }
      if (flag(scheme_.quantized, id)) {
        const std::size_t operands = weight_axis(graph_, n) || moves ? 1 : n.inputs.size();
        for (std::size_t i = 0; i < operands; ++i) wanted_[static_cast<std::size_t>(n.inputs[i])] = true;
      }
      if (!is_tail(n, flag(scheme_.quantized, id))) {
        for (const ValueId src : n.inputs) {
          if (src != kNoValue) tail_[static_cast<std::size_t>(src)] = false;
        }
      }
    }
  }

  // Whether what this node reads goes nowhere but to the network's scores.
  bool is_tail(const Node& n, bool quantized) const {
    if (quantized || n.outputs.empty() || n.outputs[0] == kNoValue) return false;
    if (n.op->name == "Softmax") return true;
    const bool adds_constant = n.op->name == "Add" && !all_computed_f32(n);
    const bool hands_on = contains(kMovers, n.op->name) || n.op->name == "Identity" || adds_constant;
    return hands_on && flag(tail_, n.outputs[0]);
  }

  void assign_scales() {
    for (const ValueId id : graph_.inputs) assign(id, id);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& n = graph_.nodes[i];
      const bool keeps_scale =
          scheme_.quantized[i] && (contains(kMovers, n.op->name) || n.op->name == "MaxPool");
      for (const ValueId id : n.outputs) {
        if (id == kNoValue) continue;
        assign(id, keeps_scale ? scheme_.rounded_as[static_cast<std::size_t>(n.inputs[0])] : id);
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
                     require_finite(graph_, n.inputs[1], "weight");
                     if (n.op->name != "MatMul" && has_operand(n, 2))
                       require_finite(graph_, n.inputs[2], "bias");
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
  return std::ranges::any_of(graph.nodes,
                             [](const Node& node) { return contains(kQuantizedOps, node.op->name); });
}

std::optional<int> weight_axis(const Graph& graph, const Node& node) {
  const bool is_conv = node.op->name == "Conv", is_gemm = node.op->name == "Gemm";
  if (!is_conv && !is_gemm && node.op->name != "MatMul") return std::nullopt;
  const Tensor* weights = f32_constant(graph, node, 1);
  if (weights == nullptr || graph.value(node.inputs[0]).constant) return std::nullopt;
  const int rank = weights->shape().rank();
  if (is_conv ? rank < 3 : rank != 2) return std::nullopt;
  if (is_gemm && node.attributes.flag("transA", false)) return std::nullopt;
  const int axis = is_conv || (is_gemm && node.attributes.flag("transB", false)) ? 0 : 1;
  if (weights->shape().elements() == 0) return std::nullopt;
  if (node.op->name == "MatMul" || !has_operand(node, 2)) return axis;
  const Tensor* bias = f32_constant(graph, node, 2);
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
    if (!contains(kPasses, pass.name)) options.disabled.emplace_back(pass.name);
  }
  (void)run_pipeline(prepared, target, options);
  for (std::size_t n = 0; n < prepared.nodes.size(); ++n) {
    const std::optional<int> axis = weight_axis(prepared, prepared.nodes[n]);
    if (axis && prepared.nodes[n].op->name == "Gemm") normalize_gemm(prepared, n, *axis);
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
