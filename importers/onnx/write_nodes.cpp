// Names that hide nothing around them, and a node behind each result of a graph.
#include "importers/onnx/write_nodes.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_set>

#include "engine/body.h"
#include "importers/onnx/attributes.h"
#include "ops/bodies.h"

namespace godwit::importers {
namespace {

using engine::Graph;
using engine::GraphBody;
using engine::Node;
using engine::Value;
using engine::ValueId;

using BodyPointer = std::shared_ptr<const ops::Body>;

const GraphBody* body_in(const ops::AttributeValue& value) {
  const auto* body = std::get_if<BodyPointer>(&value);
  return body == nullptr ? nullptr : dynamic_cast<const GraphBody*>(body->get());
}

class NodeWriter {
 public:
  // `taken`: names of the graph around, which none inside may hide.
  explicit NodeWriter(const std::vector<std::string>& taken) : taken_(taken.begin(), taken.end()) {}

  void write(const Graph& graph, const std::vector<std::string>& names, onnx::Graph& dst) {
    const auto name_of_value = [&](ValueId id) {
      return id == engine::kNoValue ? std::string() : names[static_cast<std::size_t>(id)];
    };
    for (const Node& node : graph.nodes) {
      onnx::Node& out = *dst.add_node();
      out.set_name(node.name);
      out.set_op_type(std::string(node.op->name));
      if (!node.op->domain.empty()) out.set_domain(std::string(node.op->domain));
      std::vector<std::string> operands;
      for (const ValueId id : node.inputs) operands.push_back(name_of_value(id));
      const auto captured = static_cast<std::size_t>(node.attributes.integer(ops::kCaptures, 0));
      const std::vector<std::string> around(operands.end() - static_cast<std::ptrdiff_t>(captured),
                                            operands.end());
      operands.resize(operands.size() - captured);
      for (const std::string& operand : operands) out.add_input(operand);
      for (const ValueId id : node.outputs) out.add_output(name_of_value(id));
      for (const auto& [name, value] : node.attributes.all()) {
        if (const GraphBody* body = body_in(value)) {
          onnx::Attribute& attribute = *out.add_attribute();
          attribute.set_name(name);
          attribute.set_type(kGraph);
          write_body(body->graph(), around, *attribute.mutable_g());
        } else if (name != ops::kCaptures) {
          write_attribute(name, value, *out.add_attribute());
        }
      }
    }
  }

 private:
  static constexpr int kGraph = 5;  // AttributeProto.AttributeType

  void write_body(const Graph& body, const std::vector<std::string>& around, onnx::Graph& dst) {
    std::vector<std::string> names = value_names(body);
    for (std::string& name : names) {
      std::string fresh = name;
      for (int i = 2; taken_.contains(fresh); ++i) fresh = fmt::format("{}_{}", name, i);
      taken_.insert(fresh);
      name = fresh;
    }
    const std::size_t own = body.inputs.size() - around.size();
    for (std::size_t i = 0; i < around.size(); ++i)
      names[static_cast<std::size_t>(body.inputs[own + i])] = around[i];
    dst.set_name("body");
    for (std::size_t i = 0; i < own; ++i) {
      const Value& value = body.value(body.inputs[i]);
      write_value_info(body, names[static_cast<std::size_t>(body.inputs[i])], value.desc, *dst.add_input());
    }
    for (std::size_t v = 0; v < body.values.size(); ++v) {
      if (!body.values[v].constant) continue;
      onnx::Tensor& tensor = *dst.add_initializer();
      write_tensor(*body.values[v].constant, tensor);
      tensor.set_name(names[v]);
    }
    write(body, names, dst);
    const std::vector<engine::NodeId> producers = body.producers();
    for (const ValueId id : body.outputs) {
      std::string name = names[static_cast<std::size_t>(id)];
      if (producers[static_cast<std::size_t>(id)] == engine::kNoNode) {
        const std::string from = name;
        for (int i = 2; taken_.contains(name); ++i) name = fmt::format("{}_{}", from, i);
        taken_.insert(name);
        onnx::Node& identity = *dst.add_node();
        identity.set_op_type("Identity");
        identity.add_input(from);
        identity.add_output(name);
      }
      dst.add_output()->set_name(name);
    }
  }

  std::unordered_set<std::string> taken_;
};

}  // namespace

std::vector<std::string> value_names(const Graph& graph) {
  std::unordered_set<std::string> taken;
  for (const Value& value : graph.values) taken.insert(value.name);
  std::unordered_set<std::string> used;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    std::string name = graph.values[i].name;
    if (name.empty() || used.contains(name)) {
      name = fmt::format("value_{}", i);
      while (taken.contains(name)) name += '_';
      taken.insert(name);
    }
    used.insert(name);
    names.push_back(std::move(name));
  }
  return names;
}

void write_value_info(const Graph& graph, const std::string& name, const TensorDesc& desc,
                      onnx::ValueInfo& dst) {
  dst.set_name(name);
  onnx::TensorType& type = *dst.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx_code_of(desc.dtype));
  if (!desc.shape.ranked()) return;
  onnx::TensorShape& shape = *type.mutable_shape();
  for (const std::int64_t size : desc.shape.dims()) {
    onnx::Dimension& dim = *shape.add_dim();
    if (is_known(size)) dim.set_dim_value(size);
    if (is_symbol(size)) dim.set_dim_param(graph.symbols.at(static_cast<std::size_t>(kAnyDim - 1 - size)));
  }
}

void write_nodes(const Graph& graph, const std::vector<std::string>& names, onnx::Graph& dst) {
  NodeWriter(names).write(graph, names, dst);
}

void for_each_node(const Graph& graph,
                   const std::function<void(const Graph& graph, const Node& node)>& visit) {
  for (const Node& node : graph.nodes) {
    visit(graph, node);
    for (const auto& [name, value] : node.attributes.all()) {
      if (const GraphBody* body = body_in(value)) for_each_node(body->graph(), visit);
    }
  }
}

}  // namespace godwit::importers
