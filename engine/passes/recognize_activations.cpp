// recognize_activations: what exporters write in several nodes → the operator that it is.
//   x · Sigmoid(alpha x)                                             → Swish(x)
//   x · Tanh(Softplus(x))                                            → Mish(x)
//   x · (1 + Erf(x / sqrt 2)) · 1/2                                  → Gelu(x)
//   x · (1 + Tanh(sqrt(2 / pi) (x + 0.044715 x³))) · 1/2             → Gelu(x, tanh)
// Factors may be multiplied in any order.
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <vector>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/arithmetic.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

// A product taken apart: constants of one number multiplied, all other factors, and the nodes passed on the
// way.
struct Factors {
  double constant = 1;
  std::vector<ValueId> values;
  std::vector<NodeId> nodes;
};

class Recognizer {
 public:
  explicit Recognizer(Rewriter& rewriter) : rewriter_(rewriter) {}

  // Op and attributes of what `id`, a multiplication, ends; the nodes that it then stands for.
  struct Found {
    const ops::OpDef* op = nullptr;
    ops::Attributes attributes;
    ValueId src = kNoValue;
    std::vector<NodeId> nodes;
  };
  std::optional<Found> find(NodeId id) const {
    const Factors factors = factors_of(id);
    if (factors.values.size() != 2) return std::nullopt;
    for (const std::size_t gate : {std::size_t{1}, std::size_t{0}}) {
      Found found;
      found.src = factors.values[1 - gate];
      found.nodes = factors.nodes;
      if (is_gate(factors.values[gate], factors.constant, found)) return found;
    }
    return std::nullopt;
  }

 private:
  const Graph& graph() const { return rewriter_.graph(); }

  // The node that computes `value` and whose result only one node reads, if it is of that operator.
  NodeId inner(ValueId value, const ops::OpDef& op) const {
    const NodeId id = rewriter_.producer(value);
    if (id == kNoNode || rewriter_.node(id).op != &op || rewriter_.only_reader(value) == kNoNode)
      return kNoNode;
    return id;
  }
  std::optional<double> number(const Node& node, std::size_t i) const {
    const Tensor* constant = constant_of(graph(), node, i);
    if (constant == nullptr || constant->shape().elements() != 1 || !is_float(constant->dtype()) ||
        is_narrow(constant->dtype()))
      return std::nullopt;
    return ops::real_at(constant->view(), 0);
  }
  // Operand i of two, where the other one is a number.
  std::optional<double> number_beside(const Node& node, std::size_t i) const {
    return node.inputs.size() == 2 ? number(node, 1 - i) : std::nullopt;
  }

  // Multiplications of which nothing but this product reads the result are taken apart as well.
  Factors factors_of(NodeId id) const {
    Factors factors;
    take_apart(id, factors);
    return factors;
  }
  void take_apart(NodeId id, Factors& factors) const {
    const Node& node = rewriter_.node(id);
    factors.nodes.push_back(id);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (const std::optional<double> constant = number(node, i)) {
        factors.constant *= *constant;
        continue;
      }
      const NodeId maker = inner(node.inputs[i], ops::op_mul());
      if (maker == kNoNode || !node_is_plain(rewriter_.node(maker)) || factors.nodes.size() > 4) {
        factors.values.push_back(node.inputs[i]);
      } else {
        take_apart(maker, factors);
      }
    }
  }
  static bool node_is_plain(const Node& node) { return node.epilogue.empty() && node.inputs.size() == 2; }

  // c such that value = c · x; the nodes in between go to `nodes`.
  std::optional<double> multiple_of(ValueId value, ValueId x, std::vector<NodeId>& nodes) const {
    if (value == x) return 1;
    if (const NodeId id = inner(value, ops::op_div()); id != kNoNode) {
      const Node& node = rewriter_.node(id);
      const std::optional<double> divisor = number_beside(node, 0);
      if (node.inputs[0] != x || !divisor || *divisor == 0) return std::nullopt;
      nodes.push_back(id);
      return 1 / *divisor;
    }
    const NodeId id = inner(value, ops::op_mul());
    if (id == kNoNode) return std::nullopt;
    const Node& node = rewriter_.node(id);
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      const std::optional<double> factor = number_beside(node, i);
      if (node.inputs[i] != x || !factor) continue;
      nodes.push_back(id);
      return factor;
    }
    return std::nullopt;
  }

  // Constants come rounded to the model's type, and products of two of them rounded once more.
  static bool close(double value, double expected) { return std::abs(value - expected) <= 1e-3 * expected; }
  static bool same(double value, double expected) { return std::abs(value - expected) <= 1e-6 * expected; }

  bool is_gate(ValueId gate, double constant, Found& found) const {
    return is_swish(gate, constant, found) || is_mish(gate, constant, found) ||
           is_gelu(gate, constant, found);
  }

  bool is_swish(ValueId gate, double constant, Found& found) const {
    const NodeId sigmoid = inner(gate, ops::op_sigmoid());
    if (sigmoid == kNoNode || constant != 1) return false;
    std::vector<NodeId> nodes{sigmoid};
    const std::optional<double> slope = multiple_of(rewriter_.node(sigmoid).inputs[0], found.src, nodes);
    if (!slope || !(*slope > 0)) return false;
    found.op = &ops::op_swish();
    if (*slope != 1) found.attributes.set("alpha", static_cast<float>(*slope));
    append(found.nodes, nodes);
    return true;
  }

  bool is_mish(ValueId gate, double constant, Found& found) const {
    const NodeId tanh = inner(gate, ops::op_tanh());
    if (tanh == kNoNode || constant != 1) return false;
    const NodeId softplus = inner(rewriter_.node(tanh).inputs[0], ops::op_softplus());
    if (softplus == kNoNode || rewriter_.node(softplus).inputs[0] != found.src) return false;
    found.op = &ops::op_mish();
    append(found.nodes, {tanh, softplus});
    return true;
  }

  // 1 + Erf or 1 + Tanh, with 1/2 among the factors.
  bool is_gelu(ValueId gate, double constant, Found& found) const {
    const NodeId sum = inner(gate, ops::op_add());
    if (sum == kNoNode || !same(constant, 0.5)) return false;
    const Node& node = rewriter_.node(sum);
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      const std::optional<double> one = number_beside(node, i);
      if (!one || *one != 1) continue;
      std::vector<NodeId> nodes{sum};
      if (is_erf_of(node.inputs[i], found.src, nodes)) {
        found.op = &ops::op_gelu();
        append(found.nodes, nodes);
        return true;
      }
      if (is_tanh_of(node.inputs[i], found.src, nodes)) {
        found.op = &ops::op_gelu();
        found.attributes.set("approximate", std::string("tanh"));
        append(found.nodes, nodes);
        return true;
      }
    }
    return false;
  }
  bool is_erf_of(ValueId value, ValueId x, std::vector<NodeId>& nodes) const {
    const NodeId erf = inner(value, ops::op_erf());
    if (erf == kNoNode) return false;
    nodes.push_back(erf);
    const std::optional<double> factor = multiple_of(rewriter_.node(erf).inputs[0], x, nodes);
    return factor && close(*factor, std::sqrt(0.5));
  }
  bool is_tanh_of(ValueId value, ValueId x, std::vector<NodeId>& nodes) const {
    const NodeId tanh = inner(value, ops::op_tanh());
    if (tanh == kNoNode) return false;
    const NodeId scaled = inner(rewriter_.node(tanh).inputs[0], ops::op_mul());
    if (scaled == kNoNode) return false;
    append(nodes, {tanh, scaled});
    const Node& node = rewriter_.node(scaled);
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      const std::optional<double> factor = number_beside(node, i);
      if (factor && close(*factor, std::sqrt(2 / M_PI)) && is_cubic_of(node.inputs[i], x, nodes)) return true;
    }
    return false;
  }
  // x + 0.044715 x³
  bool is_cubic_of(ValueId value, ValueId x, std::vector<NodeId>& nodes) const {
    const NodeId sum = inner(value, ops::op_add());
    if (sum == kNoNode) return false;
    nodes.push_back(sum);
    const Node& node = rewriter_.node(sum);
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      const NodeId cubic = inner(node.inputs[i], ops::op_mul());
      if (node.inputs[1 - i] != x || cubic == kNoNode) continue;
      const Factors factors = factors_of(cubic);
      if (!close(factors.constant, 0.044715)) continue;
      append(nodes, factors.nodes);
      if (factors.values == std::vector<ValueId>{x, x, x}) return true;
      return factors.values.size() == 1 && is_cube_of(factors.values[0], x, nodes);
    }
    return false;
  }
  bool is_cube_of(ValueId value, ValueId x, std::vector<NodeId>& nodes) const {
    const NodeId power = inner(value, ops::op_pow());
    if (power == kNoNode || rewriter_.node(power).inputs[0] != x) return false;
    const std::optional<double> exponent = number(rewriter_.node(power), 1);
    nodes.push_back(power);
    return exponent && *exponent == 3;
  }

  static void append(std::vector<NodeId>& to, const std::vector<NodeId>& nodes) {
    to.insert(to.end(), nodes.begin(), nodes.end());
  }

  Rewriter& rewriter_;
};

}  // namespace

void recognize_activations(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  const Recognizer recognizer(rewriter);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (!rewriter.alive(id) || rewriter.node(id).op != &ops::op_mul()) continue;
    if (!rewriter.node(id).epilogue.empty()) continue;
    const auto found = recognizer.find(id);
    if (!found || !provably_equal(rewriter.value(found->src).desc.shape,
                                  rewriter.value(rewriter.node(id).outputs[0]).desc.shape))
      continue;
    log_rewrite(context, fmt::format("{} ends a {} of {} nodes", describe(rewriter.node(id)), found->op->name,
                                     found->nodes.size()));
    rewriter.become(id, *found->op, {found->src}, found->attributes, found->nodes);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
