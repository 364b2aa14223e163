// raise_precision: x (f16) → Conv → y (f16)  becomes  x (f16) → Cast → Conv in f32 → Cast → y (f16).
// All values between the inputs and the outputs of a model in 16-bit floats are f32, so that every other pass
// and operator sees f32 alone. lower_precision stores them in 16 bits again. A model that only casts to 16
// bits and back is left alone, roundings and all.
#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "engine/convert.h"
#include "engine/rewrite.h"
#include "ops/arithmetic.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

class Raiser {
 public:
  Raiser(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  void run() {
    const auto computes = [&](const Node& node) {
      return node.op->kind != ops::OpKind::cast &&
             std::ranges::any_of(node.inputs, [&](ValueId id) { return narrow(id); });
    };
    if (std::ranges::none_of(graph_.nodes, computes)) return;
    const auto runs_graphs = [](const Node& node) { return node.op->kind == ops::OpKind::control; };
    if (std::ranges::any_of(graph_.nodes, runs_graphs)) {
      log_skipped(context_, "nodes with graphs of their own read 16-bit floats as they are");
      return;
    }
    graph_.storage = most_common();
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (const ValueId id : graph_.inputs) {
      if (narrow(id)) cast(id, raised(id));
    }
    std::vector<ValueId> outputs;
    for (const ValueId id : graph_.outputs) {
      const bool is_input = std::ranges::find(graph_.inputs, id) != graph_.inputs.end();
      if (!narrow(id) || is_input || std::ranges::find(outputs, id) != outputs.end()) continue;
      outputs.push_back(id);
      (void)raised(id);
    }
    for (Node& node : nodes) place(std::move(node));
    for (const ValueId id : outputs) cast(raised(id), id);
    infer_shapes(graph_);
  }

 private:
  bool narrow(ValueId id) const {
    return id != kNoValue && ops::is_16_bit_float(graph_.value(id).desc.dtype);
  }

  // The type of most of the constants' elements.
  DType most_common() const {
    std::int64_t f16 = 0, bf16 = 0;
    for (const Value& value : graph_.values) {
      const std::int64_t count = value.constant ? value.constant->shape().elements() : 1;
      if (value.desc.dtype == DType::f16) f16 += count;
      if (value.desc.dtype == DType::bf16) bf16 += count;
    }
    return bf16 > f16 ? DType::bf16 : DType::f16;
  }

  // The f32 value that stands for a 16-bit one: another where the 16-bit one is an edge of the graph, whose
  // name and type are the caller's, otherwise the value itself.
  ValueId raised(ValueId id) {
    if (const auto found = raised_.find(id); found != raised_.end()) return found->second;
    const bool is_edge = graph_.is_output(id) || std::ranges::find(graph_.inputs, id) != graph_.inputs.end();
    TensorDesc desc = graph_.value(id).desc;
    desc.dtype = DType::f32;
    ValueId real = id;
    if (is_edge) real = graph_.add_value(fmt::format("{}/f32", graph_.value(id).name), desc);
    if (graph_.value(id).constant)
      graph_.value(real).constant = converted(*graph_.value(id).constant, DType::f32);
    graph_.value(real).desc = desc;
    raised_[id] = real;
    return real;
  }

  void cast(ValueId from, ValueId to) {
    Node node;
    node.name = fmt::format("cast {}", graph_.value(from).name);
    node.op = &ops::op_cast();
    ops::set_cast_dtype(node.attributes, graph_.value(to).desc.dtype);
    node.inputs = {from};
    node.outputs = {to};
    graph_.nodes.push_back(std::move(node));
  }

  void place(Node node) {
    const bool reads =
        std::ranges::any_of(node.inputs, [&](ValueId id) { return narrow(id) || is_raised(id); });
    const bool makes =
        std::ranges::any_of(node.outputs, [&](ValueId id) { return narrow(id) || is_raised(id); });
    if (!reads && !makes) {
      graph_.nodes.push_back(std::move(node));
      return;
    }
    if (reads) log_rewrite(context_, describe(node));
    for (ValueId& id : node.inputs) {
      if (id != kNoValue && (narrow(id) || is_raised(id))) id = raised(id);
    }
    std::vector<std::pair<ValueId, ValueId>> behind;
    const bool keeps_type =
        node.op->kind != ops::OpKind::cast && !reads;  // an attribute says it, as in ConstantOfShape
    for (ValueId& id : node.outputs) {
      if (id == kNoValue || (!narrow(id) && !is_raised(id))) continue;
      const TensorDesc own = graph_.value(id).desc;
      const DType dtype = narrow(id) ? own.dtype : graph_.storage;
      const ValueId real = raised(id);
      if (keeps_type) {
        TensorDesc desc = graph_.value(real).desc;
        desc.dtype = dtype;
        id = graph_.add_value(fmt::format("{}/{}", graph_.value(real).name, name_of(dtype)), desc);
        behind.emplace_back(id, real);
      } else {
        if (node.op->kind == ops::OpKind::cast) ops::set_cast_dtype(node.attributes, DType::f32);
        if (node.op->kind == ops::OpKind::dequantize) ops::erase_result_dtype(node.attributes);
        id = real;
      }
    }
    graph_.nodes.push_back(std::move(node));
    for (const auto& [from, to] : behind) cast(from, to);
  }
  // A value whose f32 form is already there.
  bool is_raised(ValueId id) const { return id != kNoValue && raised_.contains(id); }

  Graph& graph_;
  PassContext& context_;
  std::map<ValueId, ValueId> raised_;
};

}  // namespace

void raise_precision(Graph& graph, PassContext& context) { Raiser(graph, context).run(); }

}  // namespace godwit::engine::passes
