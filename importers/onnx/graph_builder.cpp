// Values by name, nodes through the adapters, and the model's own statements checked against what comes out.
#include "importers/onnx/graph_builder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/body.h"
#include "importers/onnx/attributes.h"
#include "importers/onnx/opset_adapters.h"
#include "importers/onnx/order.h"
#include "importers/onnx/read_graph.h"
#include "ops/bodies.h"
#include "ops/known_ops.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

// The size with unknown dimensions taken as 1 must fit in memory's range, or no shape of this kind can.
void check_size(TensorDesc desc) {
  for (int axis = 0; axis < desc.shape.rank(); ++axis) {
    if (!is_known(desc.shape[axis])) desc.shape[axis] = 1;
  }
  if (desc.shape.ranked()) (void)desc.bytes();
}

constexpr std::size_t kAll = ~std::size_t{0};

// The attribute of operators whose results depend on how many of them there are.
constexpr const char* kResults = "num_outputs";
bool counts_results(const ops::OpDef& op) {
  return std::ranges::find(op.attributes, std::string_view(kResults), &ops::AttributeSpec::name) !=
         op.attributes.end();
}

TensorDesc unknown_desc() { return {DType::f32, Shape::unranked(), Layout::nchw}; }

bool contradicts(const onnx::TensorShape& declared, const Shape& shape) {
  if (!shape.ranked()) return false;
  if (declared.dim_size() != shape.rank()) return true;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const onnx::Dimension& dim = declared.dim(axis);
    if (dim.has_dim_value() && dim.dim_value() >= 0 && is_known(shape[axis]) &&
        dim.dim_value() != shape[axis])
      return true;
  }
  return false;
}

// Words that exporters write where a dimension has no name of its own.
bool means_any_size(std::string_view name) {
  constexpr std::array<std::string_view, 8> kWords = {"?",  "none", "null",    "unknown",
                                                      "-1", "unk",  "dynamic", "any"};
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(kWords, lower) != kWords.end();
}

// True where the name says that this dimension equals others elsewhere. A name that stands twice in one shape
// is a word for "any size".
bool is_symbol_name(const onnx::TensorShape& shape, const std::string& name) {
  const auto same = [&](const onnx::Dimension& dim) {
    return !dim.has_dim_value() && dim.dim_param() == name;
  };
  return !name.empty() && !means_any_size(name) && std::ranges::count_if(shape.dim(), same) == 1;
}

std::string to_string(const onnx::TensorShape& shape) {
  std::string text;
  for (const onnx::Dimension& dim : shape.dim()) {
    if (!text.empty()) text += 'x';
    text += dim.has_dim_value()       ? fmt::format("{}", dim.dim_value())
            : dim.dim_param().empty() ? "?"
                                      : dim.dim_param();
  }
  return text.empty() ? "scalar" : text;
}

}  // namespace

TensorDesc GraphBuilder::desc_of(const onnx::Type& type) {
  if (outer_ != nullptr && (type.has_sequence_type() || type.has_optional_type()))
    return desc_of(type.has_sequence_type() ? type.sequence_type().elem_type()
                                            : type.optional_type().elem_type());
  if (!type.has_tensor_type()) throw Error("is no tensor; lists, maps and optional values are not supported");
  TensorDesc desc;
  desc.dtype = require_dtype(type.tensor_type().elem_type());
  if (!type.tensor_type().has_shape()) {
    desc.shape = Shape::unranked();
    return desc;
  }
  for (const onnx::Dimension& dim : type.tensor_type().shape().dim()) {
    if (!dim.has_dim_value()) {
      const std::string& name = dim.dim_param();
      check_name(name, "the name of a dimension");
      const bool symbol = is_symbol_name(type.tensor_type().shape(), name);
      desc.shape.append(symbol ? graph_.symbol(name) : kAnyDim);
    } else if (dim.dim_value() >= kAnyDim) {
      desc.shape.append(dim.dim_value());  // -1, as some exporters write any size, is kAnyDim
    } else {
      throw Error(
          fmt::format("dimension {} is negative; one that varies has a name instead", dim.dim_value()));
    }
  }
  check_size(desc);
  return desc;
}

// Inside of a node the operands may be all that says what an input is.
TensorDesc GraphBuilder::input_desc(const onnx::Type& type) {
  const bool is_said =
      type.has_sequence_type() || type.has_optional_type() || type.tensor_type().elem_type() != 0;
  if (outer_ == nullptr || is_said) return desc_of(type);
  const std::size_t i = graph_.inputs.size();
  return {i < operand_types_.size() ? operand_types_[i] : DType::f32, Shape::unranked(), Layout::nchw};
}

void GraphBuilder::add_input(const onnx::ValueInfo& info) {
  with_context([&] { return fmt::format("input '{}'", info.name()); },
               [&] {
                 check_name(info.name(), "its name");
                 if (info.name().empty()) throw Error("has no name");
                 if (ids_.contains(info.name())) throw Error("is declared twice");
                 const engine::ValueId id = graph_.add_value(info.name(), input_desc(info.type()));
                 ids_.emplace(info.name(), id);
                 graph_.inputs.push_back(id);
               });
}

void GraphBuilder::declare_input(const onnx::ValueInfo& info) {
  const engine::ValueId id = ids_.at(info.name());
  graph_.declared_inputs.push_back(id);
  if (!graph_.value(id).constant || !info.type().has_tensor_type()) return;
  with_context([&] { return fmt::format("input '{}'", info.name()); },
               [&] {
                 const DType dtype = require_dtype(info.type().tensor_type().elem_type());
                 const DType given = graph_.value(id).desc.dtype;
                 if (dtype != given) {
                   throw Error(fmt::format("is declared {}, but its initializer is {}", name_of(dtype),
                                           name_of(given)));
                 }
               });
}

void GraphBuilder::add_constant(const std::string& name, Tensor tensor) {
  if (name.empty()) throw Error("has no name");
  if (ids_.contains(name)) throw Error("is given twice");
  ids_.emplace(name, graph_.add_constant(name, std::move(tensor)));
}

void GraphBuilder::add_results(const onnx::Node& node, const std::unordered_set<std::string>& read) {
  const ops::OpDef* op = op_of(node);
  const std::size_t always = op == nullptr || op->kind == ops::OpKind::control ? kAll : op->min_outputs;
  for (int i = 0; i < node.output_size(); ++i) {
    const std::string& name = node.output(i);
    const bool wanted = static_cast<std::size_t>(i) < always || read.contains(name);
    if (!name.empty() && wanted) {
      ids_.emplace(name, graph_.add_value(name, unknown_desc()));
    }
  }
}

void GraphBuilder::add_output(const onnx::ValueInfo& info) {
  with_context([&] { return fmt::format("output '{}'", info.name()); },
               [&] {
                 const engine::ValueId id = value_of(info.name());
                 if (id == engine::kNoValue)
                   throw Error("is no node's output, no graph input and no initializer");
                 if (outer_ == nullptr && graph_.is_output(id)) throw Error("is declared twice");
                 graph_.outputs.push_back(id);
               });
}

engine::ValueId GraphBuilder::value_of(const std::string& name) {
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  if (outer_ == nullptr || name.empty()) return engine::kNoValue;
  const engine::ValueId outside = outer_->value_of(name);
  return outside == engine::kNoValue ? engine::kNoValue : capture(name, outside);
}

engine::ValueId GraphBuilder::capture(const std::string& name, engine::ValueId outside) {
  const engine::Value& value = outer_->graph_.value(outside);
  engine::ValueId id = engine::kNoValue;
  if (value.constant) {
    id = graph_.add_constant(name, *value.constant);
  } else {
    id = graph_.add_value(name, desc_around(outside));
    graph_.inputs.push_back(id);
    captured_.push_back(outside);
  }
  ids_.emplace(name, id);
  return id;
}

// Symbols are each graph's own.
TensorDesc GraphBuilder::desc_around(engine::ValueId outside) {
  TensorDesc desc = outer_->describe(outside);
  for (int axis = 0; axis < desc.shape.rank(); ++axis) {
    if (is_symbol(desc.shape[axis])) desc.shape[axis] = kAnyDim;
  }
  return desc;
}

void GraphBuilder::capture_all(const std::vector<engine::ValueId>& values) {
  std::vector<engine::ValueId> inputs;
  for (const engine::ValueId outside : values) {
    const auto found = std::ranges::find(captured_, outside);
    const std::size_t own = graph_.inputs.size() - captured_.size();
    if (found != captured_.end()) {
      inputs.push_back(graph_.inputs[own + static_cast<std::size_t>(found - captured_.begin())]);
    } else {
      inputs.push_back(graph_.add_value(outer_->graph_.value(outside).name, desc_around(outside)));
    }
  }
  graph_.inputs.resize(graph_.inputs.size() - captured_.size());
  graph_.inputs.insert(graph_.inputs.end(), inputs.begin(), inputs.end());
  captured_ = values;
}

// Graphs of a node become bodies; what they read around them become its last operands.
void GraphBuilder::read_bodies(const onnx::Node& source, engine::Node& node, TensorReader& tensors) {
  std::vector<std::pair<std::string, std::unique_ptr<GraphBuilder>>> bodies;
  std::vector<engine::ValueId> captured;
  std::vector<DType> types;
  if (std::ranges::none_of(source.attribute(), [](const onnx::Attribute& each) { return each.has_g(); }))
    return;
  for (const engine::ValueId id : node.inputs)
    types.push_back(id == engine::kNoValue ? DType::f32 : describe(id).dtype);
  // The count of runs of a loop, and its condition.
  if (node.op == &ops::op_loop() && types.size() >= 2) {
    types[0] = DType::s64;
    types[1] = DType::boolean;
  }
  for (const onnx::Attribute& attribute : source.attribute()) {
    if (!attribute.has_g()) continue;
    if (node.op == nullptr || node.op->kind != ops::OpKind::control)
      throw Error(fmt::format("attribute '{}' is of type graph, which is not supported", attribute.name()));
    auto body = std::make_unique<GraphBuilder>(*this);
    body->set_operand_types(types);
    with_context([&] { return fmt::format("graph '{}'", attribute.name()); },
                 [&] { read_graph(attribute.g(), {}, *body, tensors); });
    for (const engine::ValueId id : body->captured()) {
      if (std::ranges::find(captured, id) == captured.end()) captured.push_back(id);
    }
    bodies.emplace_back(attribute.name(), std::move(body));
  }
  if (bodies.empty()) return;
  for (auto& [name, body] : bodies) {
    body->capture_all(captured);
    body->graph().compact();
    node.attributes.set(name, std::make_shared<const engine::GraphBody>(std::move(body->graph())));
  }
  node.attributes.set(std::string(ops::kCaptures), static_cast<std::int64_t>(captured.size()));
  node.inputs.insert(node.inputs.end(), captured.begin(), captured.end());
}

void GraphBuilder::add_node(const onnx::Node& source, std::size_t index, TensorReader& tensors) {
  with_context([&] { return describe_node(source, index); },
               [&] {
                 engine::Node node;
                 node.name = node_name(source, index);
                 node.op = is_expanded(source) ? nullptr : op_of(source);
                 node.attributes = read_attributes(source, tensors);
                 for (const std::string& name : source.input()) node.inputs.push_back(value_of(name));
                 for (const std::string& name : source.output()) node.outputs.push_back(value_of(name));
                 // Results that nobody reads are dropped; where no operand says so, the operator must know of
                 // them.
                 if (node.op != nullptr && counts_results(*node.op) && node.inputs.size() == 1 &&
                     !node.attributes.has(kResults)) {
                   node.attributes.set(kResults, std::int64_t{source.output_size()});
                 }
                 const bool control = node.op != nullptr && node.op->kind == ops::OpKind::control;
                 while (!control && !node.inputs.empty() && node.inputs.back() == engine::kNoValue)
                   node.inputs.pop_back();
                 read_bodies(source, node, tensors);
                 while (!control && !node.outputs.empty() && node.outputs.back() == engine::kNoValue)
                   node.outputs.pop_back();
                 node.origins = {node.name};
                 if (node.op == nullptr)
                   expand_and_append(source, std::move(node), *this);
                 else
                   adapt_and_append(std::move(node), *this);
               });
}

void GraphBuilder::set_constant(engine::ValueId id, Tensor tensor) {
  engine::Value& value = graph_.value(id);
  value.desc = tensor.desc();
  value.constant = std::move(tensor);
}

void GraphBuilder::check_output(const onnx::ValueInfo& info) {
  const TensorDesc& desc = graph_.value(ids_.at(info.name())).desc;
  if (!info.has_type()) return;
  with_context([&] { return fmt::format("output '{}'", info.name()); },
               [&] {
                 if (!info.type().has_tensor_type())
                   throw Error("is declared as something else than a tensor");
                 const int declared = info.type().tensor_type().elem_type();
                 if (declared != 0 && require_dtype(declared) != desc.dtype) {
                   throw Error(fmt::format("is declared {}, but its node gives {}",
                                           name_of(require_dtype(declared)), name_of(desc.dtype)));
                 }
               });
  const onnx::TensorType& declared = info.type().tensor_type();
  if (declared.has_shape() && contradicts(declared.shape(), desc.shape)) {
    graph_.warnings.push_back(
        fmt::format("output '{}' is declared {}, but its node gives {}, which is what counts", info.name(),
                    to_string(declared.shape()), graph_.to_string(desc.shape)));
  }
}

std::string GraphBuilder::unique_name(const std::string& hint) const {
  std::string name = hint;
  for (int i = 2; ids_.contains(name); ++i) name = fmt::format("{}_{}", hint, i);
  return name;
}

engine::ValueId GraphBuilder::new_value(const std::string& hint) {
  const std::string name = unique_name(hint);
  const engine::ValueId id = graph_.add_value(name, unknown_desc());
  ids_.emplace(name, id);
  return id;
}

engine::ValueId GraphBuilder::new_constant(const std::string& hint, Tensor tensor) {
  const std::string name = unique_name(hint);
  const engine::ValueId id = graph_.add_constant(name, std::move(tensor));
  ids_.emplace(name, id);
  return id;
}

void GraphBuilder::append(engine::Node node) {
  node.attributes.check(node.op->attributes);
  graph_.nodes.push_back(std::move(node));
}

TensorDesc GraphBuilder::describe(engine::ValueId id) {
  for (; described_ < graph_.nodes.size(); ++described_) {
    const engine::Node& node = graph_.nodes[described_];
    const std::vector<TensorDesc> descs =
        with_context([&] { return fmt::format("what it reads, node '{}' ({})", node.name, node.op->name); },
                     [&] {
                       const engine::NodeContext context(graph_, node);
                       ops::NodeView view = context.view();
                       view.outputs = {};
                       return ops::infer(*node.op, view);
                     });
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != engine::kNoValue) graph_.value(node.outputs[i]).desc = descs[i];
    }
  }
  return graph_.value(id).desc;
}

}  // namespace godwit::importers
