// Values by name, nodes through the adapters, and the model's own statements checked against what comes out.
#include "importers/onnx/graph_builder.h"

#include <fmt/format.h>

#include "importers/onnx/attributes.h"
#include "importers/onnx/opset_adapters.h"
#include "importers/onnx/order.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

std::string_view domain_of(const onnx::Node& node) {
  return node.domain() == "ai.onnx" ? std::string_view() : std::string_view(node.domain());
}

// The size with unknown dimensions taken as 1 must fit in memory's range, or no shape of this kind can.
void check_size(TensorDesc desc) {
  for (int axis = 0; axis < desc.shape.rank(); ++axis) {
    if (!is_known(desc.shape[axis])) desc.shape[axis] = 1;
  }
  if (desc.shape.ranked()) (void)desc.bytes();
}

TensorDesc unknown_desc() { return {DType::f32, Shape::unranked(), Layout::nchw}; }

bool contradicts(const onnx::TensorShape& declared, const Shape& shape) {
  if (!shape.ranked()) return false;
  if (declared.dim_size() != shape.rank()) return true;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const onnx::Dimension& dim = declared.dim(axis);
    if (dim.has_dim_value() && is_known(shape[axis]) && dim.dim_value() != shape[axis]) return true;
  }
  return false;
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
  if (!type.has_tensor_type())
    throw Error("is no tensor; sequences, maps and optional values are not supported");
  TensorDesc desc;
  desc.dtype = require_dtype(type.tensor_type().elem_type());
  if (!type.tensor_type().has_shape()) {
    desc.shape = Shape::unranked();
    return desc;
  }
  for (const onnx::Dimension& dim : type.tensor_type().shape().dim()) {
    if (!dim.has_dim_value()) {
      check_name(dim.dim_param(), "the name of a dimension");
      desc.shape.append(dim.dim_param().empty() ? kAnyDim : graph_.symbol(dim.dim_param()));
    } else if (dim.dim_value() >= 0) {
      desc.shape.append(dim.dim_value());
    } else {
      throw Error(
          fmt::format("dimension {} is negative; one that varies has a name instead", dim.dim_value()));
    }
  }
  check_size(desc);
  return desc;
}

void GraphBuilder::add_input(const onnx::ValueInfo& info) {
  with_context([&] { return fmt::format("input '{}'", info.name()); },
               [&] {
                 check_name(info.name(), "its name");
                 if (info.name().empty()) throw Error("has no name");
                 if (ids_.contains(info.name())) throw Error("is declared twice");
                 const engine::ValueId id = graph_.add_value(info.name(), desc_of(info.type()));
                 ids_.emplace(info.name(), id);
                 graph_.inputs.push_back(id);
               });
}

void GraphBuilder::add_constant(const std::string& name, Tensor tensor) {
  if (name.empty()) throw Error("has no name");
  if (ids_.contains(name)) throw Error("is given twice");
  ids_.emplace(name, graph_.add_constant(name, std::move(tensor)));
}

void GraphBuilder::add_results(const onnx::Node& node, const std::unordered_set<std::string>& read) {
  const ops::OpDef* op = ops::find_op(node.op_type(), domain_of(node));
  for (int i = 0; i < node.output_size(); ++i) {
    const std::string& name = node.output(i);
    const bool wanted = static_cast<std::size_t>(i) < op->min_outputs || read.contains(name);
    if (!name.empty() && wanted) ids_.emplace(name, graph_.add_value(name, unknown_desc()));
  }
}

void GraphBuilder::add_output(const onnx::ValueInfo& info) {
  with_context([&] { return fmt::format("output '{}'", info.name()); },
               [&] {
                 const auto found = ids_.find(info.name());
                 if (found == ids_.end())
                   throw Error("is no node's output, no graph input and no initializer");
                 if (graph_.is_output(found->second)) throw Error("is declared twice");
                 graph_.outputs.push_back(found->second);
               });
}

engine::ValueId GraphBuilder::value_of(const std::string& name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? engine::kNoValue : found->second;
}

void GraphBuilder::add_node(const onnx::Node& source, std::size_t index, TensorReader& tensors) {
  with_context([&] { return describe_node(source, index); },
               [&] {
                 engine::Node node;
                 node.name = node_name(source, index);
                 node.op = ops::find_op(source.op_type(), domain_of(source));
                 node.attributes = read_attributes(source, tensors);
                 for (const std::string& name : source.input()) node.inputs.push_back(value_of(name));
                 for (const std::string& name : source.output()) node.outputs.push_back(value_of(name));
                 while (!node.inputs.empty() && node.inputs.back() == engine::kNoValue)
                   node.inputs.pop_back();
                 while (!node.outputs.empty() && node.outputs.back() == engine::kNoValue)
                   node.outputs.pop_back();
                 node.origins = {node.name};
                 adapt_and_append(std::move(node), *this);
               });
}

void GraphBuilder::set_constant(engine::ValueId id, Tensor tensor) {
  engine::Value& value = graph_.value(id);
  value.desc = tensor.desc();
  value.constant = std::move(tensor);
}

void GraphBuilder::check_output(const onnx::ValueInfo& info) const {
  const TensorDesc& desc = graph_.value(ids_.at(info.name())).desc;
  with_context(
      [&] { return fmt::format("output '{}'", info.name()); },
      [&] {
        if (!info.has_type()) return;
        if (!info.type().has_tensor_type()) throw Error("is declared as something else than a tensor");
        const onnx::TensorType& declared = info.type().tensor_type();
        if (declared.elem_type() != 0 && require_dtype(declared.elem_type()) != desc.dtype) {
          throw Error(fmt::format("is declared {}, but its node gives {}",
                                  name_of(require_dtype(declared.elem_type())), name_of(desc.dtype)));
        }
        if (declared.has_shape() && contradicts(declared.shape(), desc.shape)) {
          throw Error(fmt::format("is declared {}, but its node gives {}", to_string(declared.shape()),
                                  graph_.to_string(desc.shape)));
        }
      });
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
