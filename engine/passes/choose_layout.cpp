// choose_layout: x → Conv → Relu → y  becomes  x → Reorder(nhwc) → Conv → Relu → Reorder(nchw) → y: image
// tensors are channels-last from the first operator that wants it to the first that cannot have it.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"
#include "ops/layout.h"
#include "runtime/memory.h"

namespace godwit::engine::passes {
namespace {

bool has_layout(const TensorDesc& desc) { return ops::can_be_nhwc(desc.shape); }

// Both layouts are the same bytes.
bool is_order_free(const Shape& shape) { return shape[1] == 1 || shape.product(2, shape.rank()) == 1; }

Node reorder_node(std::string name, Layout to) {
  Node node;
  node.name = std::move(name);
  node.op = &ops::op_reorder();
  ops::set_reorder_layout(node.attributes, to);
  return node;
}

// Rebuilds the node list front to back. Every value may exist in both layouts; the second one is made by a
// Reorder when somebody first wants it, and shared from then on.
class Chooser {
 public:
  Chooser(Graph& graph, PassContext& context)
      : graph_(graph), context_(context), old_nodes_(std::move(graph.nodes)) {
    graph_.nodes.clear();
  }

  void run() {
    for (ValueId id = 0; id < static_cast<ValueId>(graph_.values.size()); ++id) {
      form(id, graph_.value(id).desc.layout) = id;
    }
    for (Node& node : old_nodes_) {
      if (node.op == &ops::op_reorder()) {
        dissolve(std::move(node));
      } else {
        place(std::move(node));
      }
    }
    graph_.compact();
  }

 private:
  using Forms = std::array<ValueId, 2>;  // by Layout

  ValueId& form(ValueId id, Layout layout) {
    const auto index = static_cast<std::size_t>(id);
    if (index >= forms_.size()) forms_.resize(index + 1, {kNoValue, kNoValue});
    return forms_[index][static_cast<std::size_t>(layout)];
  }

  const TensorDesc& desc(ValueId id) const { return graph_.value(id).desc; }

  // A Reorder from before: its result is just another form of its input, unless the caller asked for it by
  // name.
  void dissolve(Node node) {
    const Forms known = forms_[static_cast<std::size_t>(node.inputs[0])];
    const ValueId dst = node.outputs[0];
    if (!graph_.is_output(dst)) {
      forms_[static_cast<std::size_t>(dst)] = known;
      return;
    }
    node.inputs[0] = known[0] != kNoValue ? known[0] : known[1];
    graph_.nodes.push_back(std::move(node));
  }

  ops::LayoutRule rule_of(const Node& node) const {
    const NodeContext context(graph_, node);
    // Only references take bounded sizes, and they take them in ONNX's order.
    if (node.op->layout == nullptr || ops::has_bounds(context.view())) return ops::LayoutRule::nchw_only;
    return node.op->layout(context.view());
  }

  // Layout that the node's results get.
  Layout choose(const Node& node, ops::LayoutRule rule) {
    if (rule == ops::LayoutRule::nchw_only) return Layout::nchw;
    if (rule == ops::LayoutRule::nhwc) return Layout::nhwc;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue || graph_.value(id).constant || !has_layout(desc(id))) continue;
      if (form(id, Layout::nhwc) != kNoValue) return Layout::nhwc;
    }
    return Layout::nchw;
  }

  // Layout that operand i must have where the node works in `layout`.
  Layout wanted(const Node& node, std::size_t i, ops::LayoutRule rule, Layout layout) const {
    const ValueId id = node.inputs[i];
    if (!has_layout(desc(id))) return Layout::nchw;
    const bool is_residual = node.epilogue.residual && i + 1 == node.inputs.size();
    if (rule == ops::LayoutRule::nhwc) return i == 0 || is_residual ? Layout::nhwc : Layout::nchw;
    // A constant of lower rank is broadcast against the last axes in ONNX's order.
    const bool same_rank = node.outputs.empty() || node.outputs[0] == kNoValue ||
                           desc(id).shape.rank() == desc(node.outputs[0]).shape.rank();
    return graph_.value(id).constant && !same_rank ? Layout::nchw : layout;
  }

  void place(Node node) {
    if (node.op == &ops::op_transpose() && !ops::has_bounds(NodeContext(graph_, node).view()))
      return place_transpose(std::move(node));
    const ops::LayoutRule rule = rule_of(node);
    const Layout layout = choose(node, rule);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != kNoValue)
        node.inputs[i] = in_layout(node.inputs[i], wanted(node, i, rule, layout));
    }
    std::vector<Node> behind;
    for (ValueId& id : node.outputs) {
      if (id == kNoValue || layout == Layout::nchw || !has_layout(desc(id))) continue;
      if (graph_.is_output(id)) {
        // The caller's tensor keeps ONNX's order; the name stays with it.
        const ValueId inner = add_form(id, Layout::nhwc);
        behind.push_back(reorder(inner, id));
        id = inner;
      } else {
        graph_.value(id).desc.layout = Layout::nhwc;
        forms_[static_cast<std::size_t>(id)] = {kNoValue, id};
      }
    }
    graph_.nodes.push_back(std::move(node));
    for (Node& reorder_behind : behind) graph_.nodes.push_back(std::move(reorder_behind));
  }

  // Transpose reads and writes either layout: the pair that leaves every byte where it is or, where there is
  // none, the operand as it lies, whose layout the result keeps while its channels stay the channels.
  void place_transpose(Node node) {
    const ValueId src = node.inputs[0], dst = node.outputs[0];
    const Forms forms = forms_[static_cast<std::size_t>(src)];
    const bool free = dst != kNoValue && !graph_.is_output(dst) && has_layout(desc(dst));
    const auto perm = node.attributes.integers("perm");
    const bool keeps_channels = perm.size() > 1 && perm[0] == 0 && perm[1] == 1;
    Layout read = forms[0] != kNoValue ? Layout::nchw : Layout::nhwc;
    Layout written = free && keeps_channels ? read : Layout::nchw;
    for (const Layout to : {Layout::nhwc, Layout::nchw}) {
      if (to == Layout::nhwc && !free) continue;
      for (const Layout from : {Layout::nhwc, Layout::nchw}) {
        const ValueId operand = forms[static_cast<std::size_t>(from)];
        if (operand == kNoValue) continue;
        node.inputs[0] = operand;
        if (dst != kNoValue) graph_.value(dst).desc.layout = to;
        if (is_view(graph_, node)) {
          read = from;
          written = to;
        }
      }
    }
    node.inputs[0] = forms[static_cast<std::size_t>(read)];
    if (dst != kNoValue) {
      graph_.value(dst).desc.layout = written;
      forms_[static_cast<std::size_t>(dst)] = {kNoValue, kNoValue};
      form(dst, written) = dst;
    }
    graph_.nodes.push_back(std::move(node));
  }

  // The value in this layout, reordered here if it does not exist yet.
  ValueId in_layout(ValueId id, Layout layout) {
    if (const ValueId known = form(id, layout); known != kNoValue) return known;
    const ValueId src = form(id, layout == Layout::nchw ? Layout::nhwc : Layout::nchw);
    if (graph_.value(src).constant) return reordered_constant(id, src, layout);
    const ValueId dst = add_form(id, layout);
    graph_.nodes.push_back(reorder(src, dst));
    return dst;
  }

  ValueId add_form(ValueId id, Layout layout) {
    TensorDesc new_desc = desc(id);
    new_desc.layout = layout;
    const ValueId added =
        graph_.add_value(fmt::format("{}/{}", graph_.value(id).name, name_of(layout)), new_desc);
    form(added, layout) = added;
    forms_[static_cast<std::size_t>(id)][static_cast<std::size_t>(layout)] = added;
    return added;
  }

  Node reorder(ValueId src, ValueId dst) {
    Node node = reorder_node(fmt::format("reorder {}", graph_.value(src).name), desc(dst).layout);
    node.inputs = {src};
    node.outputs = {dst};
    log_rewrite(context_,
                fmt::format("'{}' reordered to {}", graph_.value(src).name, name_of(desc(dst).layout)));
    return node;
  }

  // The bytes are brought into the other order now.
  ValueId reordered_constant(ValueId id, ValueId src, Layout layout) {
    const ValueId dst = add_form(id, layout);
    if (is_order_free(desc(dst).shape)) {
      const auto original = std::make_shared<const Tensor>(*graph_.value(src).constant);
      graph_.value(dst).constant = Tensor(desc(dst), original->data(), original);
      return dst;
    }
    Node node = reorder_node(graph_.value(id).name, layout);
    node.inputs = {src};
    node.outputs = {dst};
    const NodeContext node_context(graph_, node);
    const auto executable = ops::prepare_reference(*node.op, node_context.view());
    Tensor result(desc(dst));
    const Arena scratch(executable->scratch().shared);
    const Arena own(executable->scratch().per_worker);
    const void* from = graph_.value(src).constant->data();
    void* to = result.mutable_data();
    executable->run({&from, &to, scratch.at(0), own.at(0)}, Worker{});
    graph_.value(dst).constant = std::move(result);
    return dst;
  }

  Graph& graph_;
  PassContext& context_;
  std::vector<Node> old_nodes_;
  std::vector<Forms> forms_;
};

}  // namespace

void choose_layout(Graph& graph, PassContext& context) { Chooser(graph, context).run(); }

}  // namespace godwit::engine::passes
