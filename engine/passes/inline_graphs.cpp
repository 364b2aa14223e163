// inline_graphs: If (a known condition)  →  the nodes of one branch;
//                Loop and Scan (a known small number of times)  →  the nodes of the body so many times.
#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "engine/body.h"
#include "engine/rewrite.h"
#include "ops/axes.h"
#include "ops/bodies.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

constexpr std::int64_t kMostTimes = 32;
constexpr std::size_t kMostNodes = 4096;  // that one loop becomes

class Inliner {
 public:
  Inliner(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  void run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) place(std::move(node));
    if (context_.log.rewrites > 0) infer_shapes(graph_);
  }

 private:
  using Values = std::vector<ValueId>;

  const Value& value(ValueId id) const { return graph_.value(id); }
  const Tensor* constant(ValueId id) const {
    return id != kNoValue && value(id).constant ? &*value(id).constant : nullptr;
  }
  // A single boolean, where it is known.
  std::optional<bool> known_truth(ValueId id) const {
    const Tensor* tensor = constant(id);
    if (tensor == nullptr || tensor->dtype() != DType::boolean || tensor->shape().elements() != 1)
      return std::nullopt;
    return tensor->values<bool>()[0];
  }

  void place(Node node) {
    const bool inlined = node.op == &ops::op_if()     ? inline_if(node)
                         : node.op == &ops::op_loop() ? inline_loop(node)
                         : node.op == &ops::op_scan() ? inline_scan(node)
                                                      : false;
    if (!inlined) graph_.nodes.push_back(std::move(node));
  }

  // The nodes of a body, reading these in place of its inputs; what stands for its outputs.
  Values splice(const Node& node, const Graph& body, const Values& inputs) {
    const std::string prefix = fmt::format("{}/{}/", node.name, copies_++);
    Values renamed(body.values.size(), kNoValue);
    std::vector<bool> given(body.values.size(), false);
    for (std::size_t i = 0; i < body.inputs.size(); ++i) {
      renamed[static_cast<std::size_t>(body.inputs[i])] = inputs[i];
      given[static_cast<std::size_t>(body.inputs[i])] = true;
    }
    const auto outside = [&](ValueId id) {
      if (id == kNoValue) return kNoValue;
      const auto v = static_cast<std::size_t>(id);
      if (given[v]) return renamed[v];
      given[v] = true;
      const Value& inner = body.values[v];
      renamed[v] = inner.constant ? graph_.add_constant(prefix + inner.name, *inner.constant)
                                  : graph_.add_value(prefix + inner.name, unknown(inner.desc.dtype));
      return renamed[v];
    };
    for (const Node& inner : body.nodes) {
      Node copy = inner;
      copy.name = prefix + inner.name;
      for (std::string& origin : copy.origins) origin = prefix + origin;
      for (ValueId& id : copy.inputs) id = outside(id);
      for (ValueId& id : copy.outputs) id = outside(id);
      place(std::move(copy));
    }
    Values outputs;
    for (const ValueId id : body.outputs) outputs.push_back(outside(id));
    return outputs;
  }

  static TensorDesc unknown(DType dtype) { return {dtype, Shape::unranked(), Layout::nchw}; }

  ValueId add(const Node& node, const ops::OpDef& op, Values inputs, ops::Attributes attributes,
              DType dtype) {
    const ValueId result =
        graph_.add_value(fmt::format("{}/{}_{}", node.name, op.name, copies_), unknown(dtype));
    append(node, op, std::move(inputs), std::move(attributes), result);
    return result;
  }
  void append(const Node& node, const ops::OpDef& op, Values inputs, ops::Attributes attributes,
              ValueId result) {
    Node made;
    made.name = fmt::format("{}/{}_{}", node.name, op.name, copies_++);
    made.op = &op;
    made.attributes = std::move(attributes);
    made.inputs = std::move(inputs);
    made.outputs = {result};
    made.origins = node.origins;
    graph_.nodes.push_back(std::move(made));
  }
  ValueId integers(const Node& node, const Shape& shape, std::int64_t number) {
    return graph_.add_constant(fmt::format("{}/number_{}", node.name, copies_++),
                               Tensor::of<std::int64_t>(shape, {number}));
  }

  // Result i of the node is this value.
  void finish(const Node& node, std::size_t i, ValueId from) {
    if (i < node.outputs.size() && node.outputs[i] != kNoValue)
      append(node, ops::op_identity(), {from}, {}, node.outputs[i]);
  }
  // Result i of the node is these slices along a new axis.
  void finish_stacked(const Node& node, std::size_t i, const Values& slices, std::int64_t axis) {
    if (i >= node.outputs.size() || node.outputs[i] == kNoValue) return;
    Values parts;
    for (const ValueId slice : slices) {
      const ValueId at = integers(node, {1}, axis);
      parts.push_back(add(node, ops::op_unsqueeze(), {slice, at}, {}, value(slice).desc.dtype));
    }
    ops::Attributes attributes;
    attributes.set("axis", axis);
    append(node, ops::op_concat(), std::move(parts), std::move(attributes), node.outputs[i]);
  }

  void log(const Node& node, std::string_view what) {
    log_rewrite(context_, fmt::format("{}: {}", describe(node), what));
  }
  bool leave(const Node& node, std::string_view why) {
    log_skipped(context_, fmt::format("{}: left, {}", describe(node), why));
    return false;
  }

  // A result that is an operand left out, which no node can hand on.
  static bool hands_on_nothing(const Graph& body, const Values& inputs) {
    return std::ranges::any_of(body.outputs, [&](ValueId id) {
      const auto found = std::ranges::find(body.inputs, id);
      return found != body.inputs.end() &&
             inputs[static_cast<std::size_t>(found - body.inputs.begin())] == kNoValue;
    });
  }

  bool inline_if(const Node& node) {
    const std::optional<bool> condition = known_truth(node.inputs[0]);
    if (!condition) return leave(node, "its condition is computed");
    const Graph& body = body_of(node, *condition ? "then_branch" : "else_branch").graph();
    const Values outputs = splice(node, body, {node.inputs.begin() + 1, node.inputs.end()});
    for (std::size_t i = 0; i < outputs.size(); ++i) finish(node, i, outputs[i]);
    log(node, *condition ? "the first branch" : "the second branch");
    return true;
  }

  // Output 0 of a loop's body is true whenever its condition is.
  static bool goes_on(const Graph& body) {
    ValueId id = body.outputs[0];
    const std::vector<NodeId> producers = body.producers();
    while (true) {
      const Value& condition = body.value(id);
      if (condition.constant)
        return condition.constant->dtype() == DType::boolean && condition.constant->shape().elements() == 1 &&
               condition.constant->values<bool>()[0];
      if (id == body.inputs[1]) return true;
      const NodeId producer = producers[static_cast<std::size_t>(id)];
      if (producer == kNoNode) return false;
      const Node& node = body.nodes[static_cast<std::size_t>(producer)];
      if (node.op != &ops::op_identity()) return false;
      id = node.inputs[0];
    }
  }

  static std::size_t captured(const Node& node) {
    return static_cast<std::size_t>(node.attributes.integer(ops::kCaptures, 0));
  }

  bool inline_loop(const Node& node) {
    const Graph& body = body_of(node, "body").graph();
    const std::size_t states = body.inputs.size() - 2 - captured(node);
    const Tensor* times = constant(node.inputs[0]);
    if (times == nullptr || times->dtype() != DType::s64 || times->shape().elements() != 1)
      return leave(node, "how often it runs is computed");
    if ((node.inputs[1] != kNoValue && known_truth(node.inputs[1]) != true) || !goes_on(body))
      return leave(node, "its condition is computed");
    const std::int64_t count = std::max<std::int64_t>(times->values<std::int64_t>()[0], 0);
    if (count > kMostTimes || static_cast<std::size_t>(count) * body.nodes.size() > kMostNodes)
      return leave(node, "it runs too often");
    const std::size_t slices = body.outputs.size() - 1 - states;
    if (count == 0 && slices > 0) return leave(node, "it never runs");
    Values inputs(node.inputs.begin(), node.inputs.end());
    if (hands_on_nothing(body, inputs) || (count == 0 && std::ranges::count(inputs, kNoValue) > 2))
      return leave(node, "an operand is left out");
    inputs[1] = graph_.add_constant(node.name + "/condition", Tensor::of<bool>({}, {true}));
    std::vector<Values> parts(slices);
    for (std::int64_t i = 0; i < count; ++i) {
      inputs[0] = integers(node, {}, i);
      const Values outputs = splice(node, body, inputs);
      for (std::size_t s = 0; s < states; ++s) inputs[2 + s] = outputs[1 + s];
      for (std::size_t k = 0; k < slices; ++k) parts[k].push_back(outputs[1 + states + k]);
    }
    for (std::size_t s = 0; s < states; ++s) finish(node, s, inputs[2 + s]);
    for (std::size_t k = 0; k < slices; ++k) finish_stacked(node, states + k, parts[k], 0);
    log(node, fmt::format("its body {} times", count));
    return true;
  }

  static std::int64_t entry(const Node& node, std::string_view attribute, std::size_t i) {
    const auto values = node.attributes.integers(attribute);
    return i < values.size() ? values[i] : 0;
  }

  bool inline_scan(const Node& node) {
    const Graph& body = body_of(node, "body").graph();
    const auto scans = static_cast<std::size_t>(node.attributes.integer("num_scan_inputs", 0));
    const std::size_t states = body.inputs.size() - scans - captured(node);
    const std::size_t slices = body.outputs.size() - states;
    const TensorDesc& first = value(node.inputs[states]).desc;
    if (!first.shape.ranked()) return leave(node, "how often it runs is computed");
    const int axis = ops::normalize_axis(entry(node, "scan_input_axes", 0), first.shape.rank());
    const std::int64_t count = first.shape[axis];
    if (!is_known(count)) return leave(node, "how often it runs is computed");
    if (count == 0 || count > kMostTimes || static_cast<std::size_t>(count) * body.nodes.size() > kMostNodes)
      return leave(node, "it runs too often, or never");
    Values inputs(node.inputs.begin(), node.inputs.end());
    std::vector<Values> parts(slices);
    for (std::int64_t t = 0; t < count; ++t) {
      for (std::size_t i = 0; i < scans; ++i) {
        const bool backwards = entry(node, "scan_input_directions", i) != 0;
        ops::Attributes attributes;
        attributes.set("axis", entry(node, "scan_input_axes", i));
        inputs[states + i] = add(node, ops::op_gather(),
                                 {node.inputs[states + i], integers(node, {}, backwards ? count - 1 - t : t)},
                                 std::move(attributes), value(node.inputs[states + i]).desc.dtype);
      }
      const Values outputs = splice(node, body, inputs);
      for (std::size_t s = 0; s < states; ++s) inputs[s] = outputs[s];
      for (std::size_t k = 0; k < slices; ++k) parts[k].push_back(outputs[states + k]);
    }
    for (std::size_t s = 0; s < states; ++s) finish(node, s, inputs[s]);
    for (std::size_t k = 0; k < slices; ++k) {
      if (entry(node, "scan_output_directions", k) != 0) std::ranges::reverse(parts[k]);
      finish_stacked(node, states + k, parts[k], entry(node, "scan_output_axes", k));
    }
    log(node, fmt::format("its body {} times", count));
    return true;
  }

  Graph& graph_;
  PassContext& context_;
  int copies_ = 0;
};

}  // namespace

void inline_graphs(Graph& graph, PassContext& context) {
  if (std::ranges::any_of(graph.nodes,
                          [](const Node& node) { return node.op->kind == ops::OpKind::control; }))
    Inliner(graph, context).run();
}

}  // namespace godwit::engine::passes
