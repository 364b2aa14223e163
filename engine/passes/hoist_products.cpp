// hoist_products:
//   Conv(Concat(Resize(a), Resize(b), c))   becomes   Resize(Conv(a)) + Resize(Conv(b)) + Conv(c)
// where Conv is 1×1 with constant weights, of which each branch takes its own channels, and Resize is linear
// or nearest: both are sums over other axes, and weights of a resized element add up to 1, so that the bias
// may stay in one branch. A Linear in front of a branch takes the convolution's weights into its own. Done
// only where fewer products are left; sums are made in another order, so that results differ in last bits.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/known_ops.h"
#include "ops/window.h"

namespace godwit::engine::passes {
namespace {

// Products that one more element read and written by a sum has to save: what a vector does meanwhile.
constexpr std::int64_t kProductsPerElement = 32;
// Multiplications that joining two matrices may take when a model is compiled.
constexpr std::int64_t kMostJoinedProducts = std::int64_t{1} << 30;

struct Branch {
  ValueId src = kNoValue;                // what the convolution of this branch reads
  NodeId resize = kNoNode;               // behind it; kNoNode: none, or one that changes no size
  NodeId linear = kNoNode;               // that takes the weights; kNoNode: a convolution is made
  std::int64_t first = 0, channels = 0;  // of the concatenation
};

class Hoister {
 public:
  Hoister(Graph& graph, PassContext& context)
      : graph_(graph), context_(context), producers_(graph.producers()), readers_(graph.consumers()) {}

  void run() {
    std::vector<std::vector<Node>> instead(graph_.nodes.size());
    std::vector<bool> gone(graph_.nodes.size(), false);
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      const NodeId concat = concat_of(id);
      if (concat == kNoNode) continue;
      std::string reason;
      const std::vector<Branch> branches = branches_of(id, concat, reason);
      if (branches.empty()) {
        log_skipped(context_, fmt::format("{}: {}", describe(node(id)), reason));
        continue;
      }
      log_rewrite(context_, fmt::format("{} in front of {}, of {} branches", describe(node(id)),
                                        describe(node(concat)), branches.size()));
      gone[static_cast<std::size_t>(concat)] = true;
      instead[static_cast<std::size_t>(id)] = split(id, concat, branches);
      for (const Branch& branch : branches) {
        if (branch.resize != kNoNode) gone[static_cast<std::size_t>(branch.resize)] = true;
      }
    }
    std::vector<Node> nodes;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!instead[n].empty()) {
        std::ranges::move(instead[n], std::back_inserter(nodes));
      } else if (!gone[n]) {
        nodes.push_back(std::move(graph_.nodes[n]));
      }
    }
    graph_.nodes = std::move(nodes);
    graph_.compact();
  }

 private:
  Node& node(NodeId id) { return graph_.nodes[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<std::size_t>(id)]; }
  const Shape& shape(ValueId id) const { return graph_.value(id).desc.shape; }
  NodeId producer(ValueId id) const {
    return id == kNoValue ? kNoNode : producers_[static_cast<std::size_t>(id)];
  }
  bool is_read_once(ValueId id) const {
    return readers_[static_cast<std::size_t>(id)].size() == 1 && !graph_.is_output(id);
  }

  // The concatenation of channels that node `id`, a 1×1 convolution, alone reads.
  NodeId concat_of(NodeId id) const {
    const Node& conv = node(id);
    if (conv.op != &ops::op_conv() || conv.epilogue.residual || conv.epilogue.dst_f32) return kNoNode;
    const Tensor* weights = f32_constant_of(graph_, conv, 1);
    const NodeId concat = producer(conv.inputs[0]);
    if (weights == nullptr || concat == kNoNode || node(concat).op != &ops::op_concat()) return kNoNode;
    if (has_operand(conv, 2) && f32_constant_of(graph_, conv, 2) == nullptr) return kNoNode;
    const Shape& src = shape(conv.inputs[0]);
    if (!src.known() || src.rank() != 4 || weights->shape().product(2, 4) != 1) return kNoNode;
    const ops::WindowAttributes window = ops::window_attributes(conv.attributes, 2);
    for (std::size_t i = 0; i < 2; ++i) {
      if (window.strides[i] != 1 || window.pads_begin[i] != 0 || window.pads_end[i] != 0) return kNoNode;
    }
    if (window.group != 1) return kNoNode;
    const std::int64_t axis = node(concat).attributes.integer("axis", 0);
    return is_read_once(conv.inputs[0]) && (axis == 1 || axis == -3) ? concat : kNoNode;
  }

  // A Resize along height and width alone whose result nothing else reads.
  bool is_resize(NodeId id) const {
    const Node& resize = node(id);
    if (resize.op != &ops::op_resize() || !resize.epilogue.empty() || !is_read_once(resize.outputs[0]))
      return false;
    const std::string mode = resize.attributes.string("mode", "nearest");
    if (mode != "linear" && mode != "nearest") return false;
    if (resize.attributes.string("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
      return false;
    const Shape &src = shape(resize.inputs[0]), &dst = shape(resize.outputs[0]);
    return src.rank() == 4 && dst.rank() == 4 && src[0] == dst[0] && src[1] == dst[1];
  }

  std::vector<Branch> branches_of(NodeId conv_id, NodeId concat, std::string& reason) const {
    const Node& conv = node(conv_id);
    const std::int64_t columns = shape(conv.inputs[1])[0];
    const std::int64_t pixels = shape(conv.outputs[0]).product(2, 4) * shape(conv.outputs[0])[0];
    std::vector<Branch> branches;
    std::int64_t first = 0, saved = 0;
    for (const ValueId id : node(concat).inputs) {
      Branch branch{.src = id, .first = first, .channels = shape(id)[1]};
      first += branch.channels;
      const NodeId maker = producer(id);
      if (maker != kNoNode && is_resize(maker)) {
        branch.src = node(maker).inputs[0];
        if (shape(branch.src) != shape(id)) branch.resize = maker;
      }
      if (branch.resize != kNoNode && branch.channels != columns) {
        reason =
            fmt::format("{} has {} channels, the result {}", describe(node(maker)), branch.channels, columns);
        return {};
      }
      const Shape& src = shape(branch.src);
      const std::int64_t small = src[0] * src.product(2, 4);
      saved += branch.channels * columns * (pixels - small);
      branch.linear = linear_of(branch.src, branch.channels, columns);
      if (branch.linear != kNoNode) saved += branch.channels * columns * small;
      branches.push_back(branch);
    }
    const std::int64_t added = static_cast<std::int64_t>(branches.size() - 1) * columns * pixels;
    if (branches.size() < 2 || saved < added * kProductsPerElement) {
      reason = "no branch is resized or it saves too little";
      return {};
    }
    return branches;
  }

  // The Linear whose result columns are the channels of this image, if no other node reads it or what makes
  // the image of it.
  NodeId linear_of(ValueId id, std::int64_t channels, std::int64_t columns) const {
    if (channels != columns) return kNoNode;
    for (int axis = 1;;) {
      const NodeId maker = producer(id);
      if (maker == kNoNode || !is_read_once(id) || !node(maker).epilogue.empty()) return kNoNode;
      const Node& made = node(maker);
      const Shape& dst = shape(id);
      if (made.op == &ops::op_linear()) {
        const Tensor* weights = f32_constant_of(graph_, made, 1);
        const bool fits = axis == dst.rank() - 1 && weights != nullptr &&
                          (!has_operand(made, 2) || f32_constant_of(graph_, made, 2) != nullptr) &&
                          weights->shape()[0] * channels * columns <= kMostJoinedProducts;
        return fits ? maker : kNoNode;
      }
      const Shape& src = shape(made.inputs[0]);
      if (made.op == &ops::op_transpose()) {
        const auto perm = made.attributes.integers("perm");
        axis = made.attributes.has("perm") ? static_cast<int>(perm[static_cast<std::size_t>(axis)])
                                           : dst.rank() - 1 - axis;
      } else if (made.op == &ops::op_reshape() && src.known()) {
        // Channels stay an axis of their own where as many elements lie in front and behind.
        const std::int64_t before = dst.product(0, axis);
        int same = 0;
        while (same < src.rank() && (src.product(0, same) != before || src[same] != channels)) ++same;
        if (same == src.rank()) return kNoNode;
        axis = same;
      } else {
        return kNoNode;
      }
      id = made.inputs[0];
    }
  }

  std::vector<Node> split(NodeId conv_id, NodeId concat, const std::vector<Branch>& branches) {
    const Node conv = node(conv_id);
    std::vector<Node> nodes;
    Node sum;
    sum.name = conv.name;
    sum.op = branches.size() == 2 ? &ops::op_add() : &ops::op_sum();
    sum.outputs = conv.outputs;
    sum.epilogue = conv.epilogue;
    sum.origins = node(concat).origins;
    sum.origins.insert(sum.origins.end(), conv.origins.begin(), conv.origins.end());
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const Branch& branch = branches[i];
      ValueId part = branch.src;
      if (branch.linear != kNoNode) {
        join(branch, conv, i == 0);
      } else {
        nodes.push_back(convolution(branch, conv, i));
        part = nodes.back().outputs[0];
      }
      if (branch.resize != kNoNode) {
        nodes.push_back(node(branch.resize));
        nodes.back().inputs[0] = part;
        part = nodes.back().outputs[0];
      }
      sum.inputs.push_back(part);
    }
    nodes.push_back(std::move(sum));
    return nodes;
  }

  // Weights (columns, all channels) of one branch at column o and its channel c.
  static double weight(const Tensor& weights, const Branch& branch, std::int64_t o, std::int64_t c) {
    const auto at = static_cast<std::size_t>(o * weights.shape()[1] + branch.first + c);
    return static_cast<double>(weights.values<float>()[at]);
  }

  Node convolution(const Branch& branch, const Node& conv, std::size_t i) {
    const Tensor weights = f32_constant_of(graph_, conv, 1)->resident();
    const std::int64_t columns = weights.shape()[0];
    Tensor own(TensorDesc{DType::f32, {columns, branch.channels, 1, 1}, Layout::nchw});
    const auto values = own.mutable_values<float>();
    for (std::int64_t o = 0; o < columns; ++o) {
      for (std::int64_t c = 0; c < branch.channels; ++c)
        values[static_cast<std::size_t>(o * branch.channels + c)] =
            static_cast<float>(weight(weights, branch, o, c));
    }
    Node part;
    part.name = fmt::format("{}/branch {}", conv.name, i);
    part.op = conv.op;
    part.origins = conv.origins;
    part.inputs = {branch.src, graph_.add_constant(part.name + " weights", std::move(own))};
    if (i == 0 && has_operand(conv, 2)) part.inputs.push_back(conv.inputs[2]);
    TensorDesc desc = graph_.value(branch.src).desc;
    desc.shape[1] = columns;
    part.outputs = {graph_.add_value(part.name, desc)};
    return part;
  }

  // The Linear's weights and bias times the convolution's.
  void join(const Branch& branch, const Node& conv, bool with_bias) {
    Node& linear = node(branch.linear);
    const Tensor inner = f32_constant_of(graph_, linear, 1)->resident();
    const Tensor outer = f32_constant_of(graph_, conv, 1)->resident();
    const std::int64_t rows = inner.shape()[0], columns = outer.shape()[0];
    const auto joined = [&](std::int64_t count, std::span<const float> from, std::span<float> to) {
      std::vector<double> sums(static_cast<std::size_t>(columns));
      for (std::int64_t r = 0; r < count; ++r) {
        std::ranges::fill(sums, 0.0);
        for (std::int64_t c = 0; c < branch.channels; ++c) {
          const auto value = static_cast<double>(from[static_cast<std::size_t>(r * branch.channels + c)]);
          for (std::int64_t o = 0; o < columns; ++o)
            sums[static_cast<std::size_t>(o)] += value * weight(outer, branch, o, c);
        }
        std::ranges::transform(sums, to.begin() + r * columns,
                               [](double sum) { return static_cast<float>(sum); });
      }
    };
    Tensor weights(TensorDesc{DType::f32, {rows, columns}, Layout::nchw});
    joined(rows, inner.values<float>(), weights.mutable_values<float>());
    Tensor bias(TensorDesc{DType::f32, {columns}, Layout::nchw});
    const auto values = bias.mutable_values<float>();
    std::ranges::fill(values, 0.0F);
    if (const Tensor* own = f32_constant_of(graph_, linear, 2)) joined(1, own->values<float>(), values);
    if (const Tensor* added = f32_constant_of(graph_, conv, 2); with_bias && added != nullptr) {
      for (std::size_t o = 0; o < values.size(); ++o) values[o] += added->values<float>()[o];
    }
    linear.inputs = {linear.inputs[0], graph_.add_constant(linear.name + "*" + conv.name, std::move(weights)),
                     graph_.add_constant(linear.name + " bias*" + conv.name, std::move(bias))};
    linear.origins.insert(linear.origins.end(), conv.origins.begin(), conv.origins.end());
  }

  Graph& graph_;
  PassContext& context_;
  std::vector<NodeId> producers_;
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

void hoist_products(Graph& graph, PassContext& context) { Hoister(graph, context).run(); }

}  // namespace godwit::engine::passes
