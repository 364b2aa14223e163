// resolve_lists: SequenceAt(SequenceConstruct(a, b), 1)  →  b, and likewise what else is done to lists of
// tensors whose elements are known by name.
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "engine/rewrite.h"
#include "ops/axes.h"
#include "ops/known_ops.h"
#include "ops/movement.h"

namespace godwit::engine::passes {
namespace {

class Resolver {
 public:
  Resolver(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  void run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) place(std::move(node));
    if (context_.log.rewrites > 0) infer_shapes(graph_);
  }

 private:
  using Elements = std::vector<ValueId>;

  const Elements* elements_of(ValueId id) const {
    const auto found = lists_.find(id);
    return found == lists_.end() ? nullptr : &found->second;
  }
  std::optional<std::int64_t> known_integer(ValueId id) const {
    if (id == kNoValue || !graph_.value(id).constant) return std::nullopt;
    const Tensor& tensor = *graph_.value(id).constant;
    if (tensor.shape().elements() != 1 || (tensor.dtype() != DType::s64 && tensor.dtype() != DType::s32))
      return std::nullopt;
    return ops::integer_at(tensor.view(), 0);
  }
  // A place in a list of `count`, where it is known and there.
  std::optional<std::size_t> place_in(ValueId id, std::size_t count) const {
    const std::optional<std::int64_t> given = known_integer(id);
    const auto all = static_cast<std::int64_t>(count);
    if (!given || *given < -all || *given >= all) return std::nullopt;
    return static_cast<std::size_t>(*given < 0 ? *given + all : *given);
  }

  void append(const Node& node, const ops::OpDef& op, Elements inputs, ops::Attributes attributes,
              ValueId result) {
    Node made;
    made.name = made_ == 0 ? node.name : fmt::format("{}/{}", node.name, made_);
    ++made_;
    made.op = &op;
    made.attributes = std::move(attributes);
    made.inputs = std::move(inputs);
    made.outputs = {result};
    made.origins = node.origins;
    graph_.nodes.push_back(std::move(made));
  }
  void done(const Node& node) { log_rewrite(context_, describe(node)); }

  // Notes what a list holds where that is known; true where the node is no longer needed. Nodes that make
  // lists stay, as long as something reads them.
  void note(const Node& node) {
    const ValueId result = node.outputs.empty() ? kNoValue : node.outputs[0];
    if (result == kNoValue) return;
    const auto input = [&](std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : kNoValue; };
    const Elements* before = elements_of(input(0));
    if (node.op == &ops::op_sequence_construct()) {
      lists_[result] = node.inputs;
    } else if (node.op == &ops::op_sequence_empty()) {
      lists_[result] = {};
    } else if (before != nullptr && (node.op == &ops::op_identity() || node.op == &ops::op_optional() ||
                                     node.op == &ops::op_optional_get_element())) {
      lists_[result] = Elements(*before);
    } else if (before != nullptr && node.op == &ops::op_sequence_insert()) {
      Elements list = *before;
      const std::optional<std::int64_t> given = known_integer(input(2));
      std::optional<std::size_t> at = place_in(input(2), list.size());
      if (input(2) == kNoValue || given == static_cast<std::int64_t>(list.size())) at = list.size();
      if (!at) return;
      list.insert(list.begin() + static_cast<std::ptrdiff_t>(*at), input(1));
      lists_[result] = std::move(list);
    } else if (before != nullptr && node.op == &ops::op_sequence_erase() && !before->empty()) {
      Elements list = *before;
      const std::optional<std::size_t> at =
          input(1) == kNoValue ? list.size() - 1 : place_in(input(1), list.size());
      if (!at) return;
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(*at));
      lists_[result] = std::move(list);
    }
  }

  void place(Node node) {
    made_ = 0;
    note(node);
    const Elements* list = node.inputs.empty() ? nullptr : elements_of(node.inputs[0]);
    if (list != nullptr && node.op == &ops::op_sequence_at()) {
      if (const auto at = place_in(node.inputs[1], list->size())) {
        append(node, ops::op_identity(), {(*list)[*at]}, {}, node.outputs[0]);
        return done(node);
      }
    }
    if (list != nullptr && node.op == &ops::op_sequence_length()) {
      const ValueId count = graph_.add_constant(
          node.name + "/length", Tensor::of<std::int64_t>({}, {static_cast<std::int64_t>(list->size())}));
      append(node, ops::op_identity(), {count}, {}, node.outputs[0]);
      return done(node);
    }
    if (list != nullptr && node.op == &ops::op_concat_from_sequence() && !list->empty()) {
      join(node, Elements(*list));
      return done(node);
    }
    if (node.op == &ops::op_split_to_sequence() && split(node)) return;
    graph_.nodes.push_back(std::move(node));
  }

  void join(const Node& node, Elements parts) {
    const std::int64_t axis = node.attributes.integer("axis", 0);
    if (node.attributes.flag("new_axis", false)) {
      for (ValueId& part : parts) {
        const ValueId at = graph_.add_constant(node.name + "/axis", Tensor::of<std::int64_t>({1}, {axis}));
        const ValueId wide = graph_.add_value(node.name + "/part", unknown(graph_.value(part).desc.dtype));
        append(node, ops::op_unsqueeze(), {part, at}, {}, wide);
        part = wide;
      }
    }
    ops::Attributes attributes;
    attributes.set("axis", axis);
    append(node, ops::op_concat(), std::move(parts), std::move(attributes), node.outputs[0]);
  }

  static TensorDesc unknown(DType dtype) { return {dtype, Shape::unranked(), Layout::nchw}; }

  // Parts of known sizes are slices by name.
  bool split(const Node& node) {
    const TensorDesc src = graph_.value(node.inputs[0]).desc;
    if (!src.shape.ranked() || src.shape.rank() == 0) return false;
    const int axis = ops::normalize_axis(node.attributes.integer("axis", 0), src.shape.rank());
    const std::int64_t length = src.shape[axis];
    if (!is_known(length) || length > kMostParts) return false;
    const bool has_sizes = node.inputs.size() > 1 && node.inputs[1] != kNoValue;
    std::vector<std::int64_t> sizes;
    if (!has_sizes) {
      sizes.assign(static_cast<std::size_t>(length), 1);
    } else {
      const Value& given = graph_.value(node.inputs[1]);
      if (!given.constant || (given.desc.dtype != DType::s64 && given.desc.dtype != DType::s32)) return false;
      const TensorView list = given.constant->view();
      if (given.desc.shape.rank() == 0) {
        const std::int64_t each = ops::integer_at(list, 0);
        if (each < 1) return false;
        for (std::int64_t left = length; left > 0; left -= each) sizes.push_back(std::min(each, left));
      } else {
        for (std::int64_t i = 0; i < list.desc.shape.elements(); ++i)
          sizes.push_back(ops::integer_at(list, i));
      }
    }
    std::int64_t sum = 0;
    for (const std::int64_t size : sizes) {
      if (size < 0 || size > length - sum) return false;  // an error, told when it runs
      sum += size;
    }
    if (sum != length) return false;
    const bool drops_axis = !has_sizes && !node.attributes.flag("keepdims", true);
    Elements parts;
    std::int64_t begin = 0;
    for (const std::int64_t size : sizes) {
      const auto list = [&](std::int64_t number) {
        return graph_.add_constant(node.name + "/bound", Tensor::of<std::int64_t>({1}, {number}));
      };
      ValueId part = graph_.add_value(node.name + "/part", unknown(src.dtype));
      append(node, ops::op_slice(), {node.inputs[0], list(begin), list(begin + size), list(axis)}, {}, part);
      if (drops_axis) {
        const ValueId narrow = graph_.add_value(node.name + "/part", unknown(src.dtype));
        append(node, ops::op_squeeze(), {part, list(axis)}, {}, narrow);
        part = narrow;
      }
      parts.push_back(part);
      begin += size;
    }
    lists_[node.outputs[0]] = parts;
    if (parts.empty()) return false;
    append(node, ops::op_sequence_construct(), std::move(parts), {}, node.outputs[0]);
    done(node);
    return true;
  }

  static constexpr std::int64_t kMostParts = 1024;

  Graph& graph_;
  PassContext& context_;
  std::map<ValueId, Elements> lists_;
  int made_ = 0;
};

}  // namespace

void resolve_lists(Graph& graph, PassContext& context) {
  if (std::ranges::any_of(graph.nodes,
                          [](const Node& node) { return node.op->kind == ops::OpKind::sequence; }))
    Resolver(graph, context).run();
}

}  // namespace godwit::engine::passes
