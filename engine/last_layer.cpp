// A walk from the output towards the inputs.
#include "engine/last_layer.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <vector>

#include "engine/node_properties.h"

namespace godwit::engine {
namespace {

using ops::OpKind;

// An operator that is known by what it means; never equal to anything in builds without it.
bool is_op(const Node& node, std::string_view name) { return node.op == ops::find_op(name); }

class Walk {
 public:
  explicit Walk(const Graph& graph)
      : graph_(graph), producers_(graph.producers()), seen_(graph.values.size()) {}

  LastLayer from(ValueId id) {
    const NodeId producer = producers_[static_cast<std::size_t>(id)];
    if (producer == kNoNode) {
      const bool constant = graph_.value(id).constant.has_value();
      return {.text = fmt::format("{} '{}'", constant ? "constant" : "input", graph_.value(id).name)};
    }
    std::optional<LastLayer>& known = seen_[static_cast<std::size_t>(id)];
    if (!known) known = of(producer);
    return *known;
  }

 private:
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<std::size_t>(id)]; }
  bool is_constant(ValueId id) const { return graph_.value(id).constant.has_value(); }
  NodeId producer(ValueId id) const {
    return id == kNoValue ? kNoNode : producers_[static_cast<std::size_t>(id)];
  }

  LastLayer itself(NodeId id, ScoreKind kind) const { return {kind, id, describe(node(id))}; }
  static std::string describe(const Node& node) { return fmt::format("{} '{}'", node.op->name, node.name); }

  LastLayer of(NodeId id) {
    const Node& node = this->node(id);
    switch (node.op->kind) {
      case OpKind::softmax:
        return itself(id, is_op(node, "LogSoftmax") ? ScoreKind::log_softmax : ScoreKind::softmax);
      case OpKind::movement:
        return moved(id);
      case OpKind::cast:
      case OpKind::quantize:
      case OpKind::dequantize:
        return from(node.inputs[0]);
      case OpKind::clamp:
        return clamped(id);
      case OpKind::elementwise:
        return computed(id);
      default:
        return itself(id, ScoreKind::real);
    }
  }

  // The kind that all moved operands have; probabilities of several layers are bounded.
  LastLayer moved(NodeId id) {
    std::optional<LastLayer> all;
    for (const std::size_t i : moved_operands(graph_, node(id))) {
      const ValueId operand = node(id).inputs[i];
      if (is_constant(operand)) continue;
      const LastLayer one = from(operand);
      if (!all) {
        all = one;
      } else if (all->kind != one.kind) {
        return itself(
            id, is_probability(all->kind) && is_probability(one.kind) ? ScoreKind::bounded : ScoreKind::real);
      }
    }
    if (all) return *all;
    const std::vector<std::size_t> moved = moved_operands(graph_, node(id));
    return moved.empty() ? itself(id, ScoreKind::real) : from(node(id).inputs[moved.front()]);
  }

  LastLayer clamped(NodeId id) {
    LastLayer before = from(node(id).inputs[0]);
    const std::optional<ops::Clamp> bounds = clamp_of(graph_, node(id));
    const bool inside = bounds && bounds->minimum >= 0 && bounds->maximum <= 1;
    return before.kind == ScoreKind::real && inside ? itself(id, ScoreKind::bounded) : before;
  }

  LastLayer computed(NodeId id) {
    const Node& node = this->node(id);
    if (is_op(node, "Sigmoid") || is_op(node, "HardSigmoid")) return itself(id, ScoreKind::bounded);
    if (is_op(node, "Log") && from(node.inputs[0]).kind == ScoreKind::softmax)
      return itself(id, ScoreKind::log_softmax);
    if (is_op(node, "Exp") && from(node.inputs[0]).kind == ScoreKind::log_softmax)
      return itself(id, ScoreKind::softmax);
    if (divides_by_sum(node)) {
      LastLayer result = itself(id, ScoreKind::softmax);
      result.text += ", which divides by the sum";
      return result;
    }
    // Means of several networks' probabilities, their complements, the same with weights.
    const bool arithmetic =
        is_op(node, "Add") || is_op(node, "Mul") || is_op(node, "Div") || is_op(node, "Sub");
    bool any = false, all = arithmetic;
    for (const ValueId operand : node.inputs) {
      if (operand == kNoValue || is_constant(operand)) continue;
      any = true;
      all = all && is_probability(from(operand).kind);
    }
    return itself(id, any && all ? ScoreKind::bounded : ScoreKind::real);
  }

  static bool is_probability(ScoreKind kind) {
    return kind == ScoreKind::softmax || kind == ScoreKind::bounded;
  }

  // x / ReduceSum(x), the sum perhaps moved.
  bool divides_by_sum(const Node& node) const {
    if (!is_op(node, "Div") || node.inputs.size() != 2) return false;
    for (NodeId id = producer(node.inputs[1]); id != kNoNode;) {
      const Node& divisor = this->node(id);
      if (is_op(divisor, "ReduceSum")) return divisor.inputs[0] == node.inputs[0];
      if (divisor.op->kind != OpKind::movement) return false;
      const ValueId from = moved_value(graph_, divisor);
      id = producer(from);
    }
    return false;
  }

  const Graph& graph_;
  const std::vector<NodeId> producers_;
  std::vector<std::optional<LastLayer>> seen_;  // by value
};

}  // namespace

LastLayer last_layer(const Graph& graph, ValueId output) { return Walk(graph).from(output); }

}  // namespace godwit::engine
