// recognize_layer_normalization: d = x - ReduceMean(x), d / Sqrt(ReduceMean(d²) + epsilon) · scale + shift,
// all over the last axis → LayerNormalization(x, scale, shift).
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/arithmetic.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

class Recognizer {
 public:
  explicit Recognizer(Rewriter& rewriter) : rewriter_(rewriter) {}

  struct Found {
    ValueId src = kNoValue, scale = kNoValue, shift = kNoValue;
    float epsilon = 0;
    NodeId last = kNoNode;
    std::vector<NodeId> nodes;
  };
  // The normalisation that begins behind `id`, a division.
  std::optional<Found> find(NodeId id) const {
    const Node& division = rewriter_.node(id);
    const NodeId difference = producer_of(division.inputs[0], ops::op_sub());
    const NodeId root = producer_of(division.inputs[1], ops::op_sqrt());
    if (difference == kNoNode || root == kNoNode) return std::nullopt;
    Found found;
    found.src = rewriter_.node(difference).inputs[0];
    const NodeId sum = producer_of(rewriter_.node(root).inputs[0], ops::op_add());
    const NodeId mean = mean_behind(rewriter_.node(difference).inputs[1]);
    if (sum == kNoNode || mean == kNoNode || rewriter_.node(mean).inputs[0] != found.src) return std::nullopt;
    const std::optional<std::pair<NodeId, float>> variance = variance_of(rewriter_.node(sum));
    if (!variance) return std::nullopt;
    found.epsilon = variance->second;
    const NodeId square = square_of(rewriter_.node(variance->first).inputs[0], division.inputs[0]);
    if (square == kNoNode) return std::nullopt;
    found.nodes = {mean, difference, square, variance->first, sum, root, id};
    if (!take_parameters(id, found)) return std::nullopt;
    for (const NodeId node : found.nodes) {
      if (node != found.last && !is_private(node, found)) return std::nullopt;
    }
    return found;
  }

 private:
  NodeId producer_of(ValueId value, const ops::OpDef& op) const {
    const NodeId id = value == kNoValue ? kNoNode : rewriter_.producer(value);
    if (id == kNoNode || rewriter_.node(id).op != &op || !rewriter_.node(id).epilogue.empty()) return kNoNode;
    return id;
  }

  // A mean over the last axis that stays.
  NodeId mean_behind(ValueId value) const {
    const NodeId id = producer_of(value, ops::op_reduce_mean());
    if (id == kNoNode || !ops::keeps_dims(rewriter_.node(id).attributes)) return kNoNode;
    const Tensor* axes = constant_of(rewriter_.graph(), rewriter_.node(id), 1);
    if (axes == nullptr || axes->dtype() != DType::s64 || axes->shape().elements() != 1) return kNoNode;
    const std::int64_t axis = axes->values<std::int64_t>()[0];
    const int rank = rewriter_.value(rewriter_.node(id).inputs[0]).desc.shape.rank();
    return axis == -1 || axis == rank - 1 ? id : kNoNode;
  }

  // The mean of squares and the number that are added.
  std::optional<std::pair<NodeId, float>> variance_of(const Node& sum) const {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      const Tensor* epsilon = constant_of(rewriter_.graph(), sum, 1 - i);
      const NodeId mean = mean_behind(sum.inputs[i]);
      if (mean == kNoNode || epsilon == nullptr || epsilon->shape().elements() != 1 ||
          epsilon->dtype() != DType::f32)
        continue;
      return std::pair(mean, epsilon->values<float>()[0]);
    }
    return std::nullopt;
  }

  // The node that squares `src` and gives `value`.
  NodeId square_of(ValueId value, ValueId src) const {
    if (const NodeId id = producer_of(value, ops::op_mul()); id != kNoNode) {
      const Node& node = rewriter_.node(id);
      return node.inputs[0] == src && node.inputs[1] == src ? id : kNoNode;
    }
    const NodeId id = producer_of(value, ops::op_pow());
    if (id == kNoNode || rewriter_.node(id).inputs[0] != src) return kNoNode;
    const Tensor* exponent = constant_of(rewriter_.graph(), rewriter_.node(id), 1);
    if (exponent == nullptr || exponent->shape().elements() != 1 || !ops::is_kernel_float(exponent->dtype()))
      return kNoNode;
    return ops::real_at(exponent->view(), 0) == 2 ? id : kNoNode;
  }

  // A constant of one dimension beside `value`, in the only node that reads it.
  NodeId constant_beside(ValueId value, const ops::OpDef& op, ValueId& constant) const {
    const NodeId id = rewriter_.only_reader(value);
    if (id == kNoNode || rewriter_.node(id).op != &op || !rewriter_.node(id).epilogue.empty()) return kNoNode;
    const Node& node = rewriter_.node(id);
    constant = node.inputs[0] == value ? node.inputs[1] : node.inputs[0];
    const TensorDesc& desc = rewriter_.value(constant).desc;
    const Shape& src = rewriter_.value(value).desc.shape;
    const bool fits = rewriter_.is_constant(constant) && desc.dtype == DType::f32 && desc.shape.rank() == 1 &&
                      src.rank() > 0 && desc.shape[0] == src[src.rank() - 1];
    return fits ? id : kNoNode;
  }

  bool take_parameters(NodeId division, Found& found) const {
    const NodeId scaled = constant_beside(rewriter_.node(division).outputs[0], ops::op_mul(), found.scale);
    if (scaled == kNoNode) return false;
    found.nodes.push_back(scaled);
    const NodeId shifted = constant_beside(rewriter_.node(scaled).outputs[0], ops::op_add(), found.shift);
    found.last = shifted == kNoNode ? scaled : shifted;
    if (shifted == kNoNode) found.shift = kNoValue;
    if (shifted != kNoNode) found.nodes.push_back(shifted);
    return true;
  }

  // Nothing but the nodes found reads its result.
  bool is_private(NodeId id, const Found& found) const {
    const ValueId result = rewriter_.node(id).outputs[0];
    return !rewriter_.is_output(result) && std::ranges::all_of(rewriter_.readers(result), [&](NodeId reader) {
      return std::ranges::find(found.nodes, reader) != found.nodes.end();
    });
  }

  Rewriter& rewriter_;
};

}  // namespace

void recognize_layer_normalization(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  const Recognizer recognizer(rewriter);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (!rewriter.alive(id) || rewriter.node(id).op != &ops::op_div() || !rewriter.node(id).epilogue.empty())
      continue;
    const auto found = recognizer.find(id);
    if (!found || rewriter.value(found->src).desc.dtype != DType::f32) continue;
    log_rewrite(context, fmt::format("{} is in the middle of a LayerNormalization of {} nodes",
                                     describe(rewriter.node(id)), found->nodes.size()));
    std::vector<ValueId> inputs{found->src, found->scale};
    if (found->shift != kNoValue) inputs.push_back(found->shift);
    ops::Attributes attributes;
    attributes.set("axis", std::int64_t{-1});
    attributes.set("epsilon", found->epsilon);
    rewriter.become(found->last, ops::op_layer_normalization(), inputs, attributes, found->nodes);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
