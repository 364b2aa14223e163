// Inference of a body as that of a graph whose inputs are what the node hands in.
#include "engine/body.h"

#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::engine {

std::vector<TensorDesc> GraphBody::infer(std::span<const ops::Operand> inputs) const {
  Graph graph = graph_;
  for (const ValueId id : graph.inputs) {
    // Symbols of its own mean nothing around it; those of what is handed in do.
    Shape& shape = graph.value(id).desc.shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (is_symbol(shape[axis])) shape[axis] = kAnyDim;
    }
  }
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (i >= inputs.size() || !inputs[i].present()) continue;
    Value& value = graph.value(graph.inputs[i]);
    value.desc = *inputs[i].desc;
    value.desc.layout = Layout::nchw;
    if (inputs[i].constant != nullptr) value.constant = *inputs[i].constant;
  }
  infer_shapes(graph);
  std::vector<TensorDesc> results;
  for (const ValueId id : graph.outputs) results.push_back(graph.value(id).desc);
  return results;
}

const GraphBody& body_of(const Node& node, std::string_view attribute) {
  const auto* body = dynamic_cast<const GraphBody*>(node.attributes.body(attribute));
  if (body == nullptr)
    throw Error(fmt::format("internal error: attribute '{}' is no graph", attribute), ErrorKind::failed);
  return *body;
}

}  // namespace godwit::engine
