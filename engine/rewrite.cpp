// Graph surgery with the checks that keep a wrong replacement from going unnoticed.
#include "engine/rewrite.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::engine {
namespace {

void require_same(const Graph& graph, ValueId from, std::string_view name, const TensorDesc& new_desc) {
  const TensorDesc& old_desc = graph.value(from).desc;
  if (old_desc == new_desc) return;
  throw Error(fmt::format("internal error: '{}' ({} {} {}) cannot replace '{}' ({} {} {})", name,
                          name_of(new_desc.dtype), graph.to_string(new_desc.shape), name_of(new_desc.layout),
                          graph.value(from).name, name_of(old_desc.dtype), graph.to_string(old_desc.shape),
                          name_of(old_desc.layout)),
              ErrorKind::failed);
}

void require_same(const Graph& graph, ValueId from, ValueId to) {
  require_same(graph, from, graph.value(to).name, graph.value(to).desc);
}

}  // namespace

std::string describe(const Node& node) {
  return fmt::format("node '{}' ({})", node.name, node.op == nullptr ? "no operator" : node.op->name);
}

bool provably_equal(const Shape& a, const Shape& b) {
  const auto says_its_size = [](std::int64_t dim) { return is_known(dim) || is_symbol(dim); };
  return a.ranked() && a == b && std::ranges::all_of(a.dims(), says_its_size);
}

bool is_foldable(const Graph& graph, const Node& node) {
  if (node.op->reference == nullptr) return false;
  // References see row-major tensors only.
  const auto is_row_major = [&](ValueId id) {
    return id == kNoValue || graph.value(id).desc.layout == Layout::nchw;
  };
  if (!std::ranges::all_of(node.inputs, is_row_major) || !std::ranges::all_of(node.outputs, is_row_major)) {
    return false;
  }
  for (const ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    const Shape& shape = graph.value(id).desc.shape;
    if (!shape.known() && (ops::extents_of(*node.op) == nullptr || !shape.at_bounds().known())) return false;
  }
  const auto is_constant = [&](ValueId id) { return id == kNoValue || graph.value(id).constant.has_value(); };
  if (std::ranges::all_of(node.inputs, is_constant)) return true;
  return node.op->folds_from_descs != nullptr && node.op->folds_from_descs(NodeContext(graph, node).view());
}

std::vector<Tensor> evaluate(const Graph& graph, const Node& node) {
  const NodeContext context(graph, node);
  std::vector<TensorView> src;
  for (const ops::Operand& operand : context.view().inputs) {
    if (operand.constant != nullptr) {
      src.push_back(operand.constant->view());
    } else {
      src.push_back(operand.present() ? TensorView{*operand.desc, nullptr} : TensorView{});
    }
  }
  std::vector<Tensor> results;
  std::vector<TensorView> dst;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    results.push_back(node.outputs[i] == kNoValue ? Tensor() : Tensor(context.view().outputs[i]));
    dst.push_back(node.outputs[i] == kNoValue ? TensorView{} : results.back().view());
  }
  if (ops::has_bounds(context.view())) ops::extents_of (*node.op)(context.view(), src, dst);
  for (std::size_t i = 0; i < results.size(); ++i) results[i].set_shape(dst[i].desc.shape);
  node.op->reference(context.view(), src, dst);
  return results;
}

Rewriter::Rewriter(Graph& graph)
    : graph_(graph),
      alive_(graph.nodes.size(), true),
      outputs_(graph.values.size(), false),
      producers_(graph.producers()),
      readers_(graph.consumers()) {
  for (const ValueId id : graph.outputs) outputs_[static_cast<std::size_t>(id)] = true;
}

NodeId Rewriter::producer(ValueId id) const {
  return id == kNoValue ? kNoNode : producers_[static_cast<std::size_t>(id)];
}

NodeId Rewriter::only_reader(ValueId id) const {
  return readers(id).size() == 1 && !is_output(id) ? readers(id).front() : kNoNode;
}

void Rewriter::track(ValueId id) {
  const std::size_t count = static_cast<std::size_t>(id) + 1;
  outputs_.resize(count, false);
  producers_.resize(count, kNoNode);
  readers_.resize(count);
}

ValueId Rewriter::add_constant(std::string name, Tensor tensor) {
  const ValueId id = graph_.add_constant(std::move(name), std::move(tensor));
  track(id);
  return id;
}

void Rewriter::set_dtype(ValueId id, DType dtype) {
  if (producer(id) == kNoNode || is_output(id)) {
    throw Error(fmt::format("internal error: '{}' is no value whose type a pass may change", value(id).name),
                ErrorKind::failed);
  }
  graph_.value(id).desc.dtype = dtype;
}

void Rewriter::replace_by_constants(NodeId id, std::vector<Tensor> results) {
  const std::vector<ValueId> outputs = node(id).outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] == kNoValue) continue;
    // A size that only the data decides is decided now.
    TensorDesc& desc = graph_.value(outputs[i]).desc;
    if (desc.shape.bounded()) desc.shape = results[i].shape();
    require_same(graph_, outputs[i], "a constant", results[i].desc());
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] != kNoValue) graph_.value(outputs[i]).constant = std::move(results[i]);
  }
  erase(id);
}

void Rewriter::forget_reader(ValueId id, NodeId reader) {
  std::vector<NodeId>& list = readers_[static_cast<std::size_t>(id)];
  const auto found = std::ranges::find(list, reader);
  if (found != list.end()) list.erase(found);
}

void Rewriter::set_input(NodeId node_id, std::size_t i, ValueId id) {
  std::vector<ValueId>& inputs = node(node_id).inputs;
  if (i >= inputs.size()) inputs.resize(i + 1, kNoValue);
  if (inputs[i] != kNoValue) forget_reader(inputs[i], node_id);
  inputs[i] = id;
  if (id != kNoValue) readers_[static_cast<std::size_t>(id)].push_back(node_id);
}

void Rewriter::replace_reads(ValueId from, ValueId to) {
  require_same(graph_, from, to);
  const std::vector<NodeId> affected = readers(from);
  for (const NodeId reader : affected) {
    std::vector<ValueId>& inputs = node(reader).inputs;
    const auto operand = std::ranges::find(inputs, from);
    set_input(reader, static_cast<std::size_t>(operand - inputs.begin()), to);
  }
}

bool Rewriter::bypass(NodeId id) {
  const ValueId src = node(id).inputs[0];
  const ValueId dst = node(id).outputs[0];
  if (!is_output(dst)) {
    replace_reads(dst, src);
    erase(id);
    return true;
  }
  // The value that keeps the output's name survives, computed by whoever computed the input.
  const NodeId producer = this->producer(src);
  if (producer == kNoNode || is_output(src)) return false;
  erase(id);
  replace_reads(src, dst);
  *std::ranges::find(node(producer).outputs, src) = dst;
  producers_[static_cast<std::size_t>(dst)] = producer;
  producers_[static_cast<std::size_t>(src)] = kNoNode;
  return true;
}

void Rewriter::absorb(NodeId survivor, NodeId absorbed) {
  const ValueId inner = node(survivor).outputs[0];
  const ValueId result = node(absorbed).outputs[0];
  require_same(graph_, result, inner);
  const std::vector<std::string> origins = node(absorbed).origins;
  erase(absorbed);
  node(survivor).outputs[0] = result;
  node(survivor).origins.insert(node(survivor).origins.end(), origins.begin(), origins.end());
  producers_[static_cast<std::size_t>(result)] = survivor;
  producers_[static_cast<std::size_t>(inner)] = kNoNode;
}

NodeId Rewriter::absorb_in_place(NodeId survivor, NodeId absorbed) {
  absorb(survivor, absorbed);
  return move(survivor, absorbed);
}

void Rewriter::take_over_result(NodeId survivor, std::size_t i, NodeId absorbed) {
  const ValueId inner = node(survivor).outputs[i];
  const ValueId result = node(absorbed).outputs[0];
  erase(absorbed);
  node(survivor).outputs[i] = result;
  producers_[static_cast<std::size_t>(result)] = survivor;
  producers_[static_cast<std::size_t>(inner)] = kNoNode;
}

NodeId Rewriter::take_over(NodeId survivor, NodeId absorbed, bool in_place) {
  take_over_result(survivor, 0, absorbed);
  return in_place ? move(survivor, absorbed) : survivor;
}

NodeId Rewriter::move(NodeId from, NodeId to) {
  Node moved = node(from);
  erase(from);
  for (const ValueId id : moved.inputs) {
    if (id != kNoValue) readers_[static_cast<std::size_t>(id)].push_back(to);
  }
  producers_[static_cast<std::size_t>(moved.outputs[0])] = to;
  node(to) = std::move(moved);
  alive_[static_cast<std::size_t>(to)] = true;
  return to;
}

void Rewriter::erase(NodeId id) {
  alive_[static_cast<std::size_t>(id)] = false;
  for (const ValueId input : node(id).inputs) {
    if (input != kNoValue) forget_reader(input, id);
  }
  for (const ValueId output : node(id).outputs) {
    if (output != kNoValue) producers_[static_cast<std::size_t>(output)] = kNoNode;
  }
}

void Rewriter::become(NodeId id, const ops::OpDef& op, std::vector<ValueId> inputs,
                      ops::Attributes attributes, std::vector<NodeId> parts) {
  parts.push_back(id);
  std::ranges::sort(parts);
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  std::vector<std::string> origins;
  for (const NodeId part : parts) {
    origins.insert(origins.end(), node(part).origins.begin(), node(part).origins.end());
    if (part != id) erase(part);
  }
  for (const ValueId input : node(id).inputs) {
    if (input != kNoValue) forget_reader(input, id);
  }
  Node& survivor = node(id);
  survivor.op = &op;
  survivor.inputs = std::move(inputs);
  survivor.attributes = std::move(attributes);
  survivor.origins = std::move(origins);
  for (const ValueId input : survivor.inputs) {
    if (input != kNoValue) readers_[static_cast<std::size_t>(input)].push_back(id);
  }
}

void Rewriter::finish() {
  std::vector<Node> kept;
  kept.reserve(graph_.nodes.size());
  for (NodeId id = 0; id < size(); ++id) {
    if (alive(id)) kept.push_back(std::move(node(id)));
  }
  graph_.nodes = std::move(kept);
  graph_.compact();
}

void log_rewrite(PassContext& context, std::string line) {
  ++context.log.rewrites;
  context.log.lines.push_back(std::move(line));
}

void log_skipped(PassContext& context, std::string line) {
  context.log.lines.push_back("left alone: " + std::move(line));
}

}  // namespace godwit::engine
