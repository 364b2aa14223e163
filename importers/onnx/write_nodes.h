// Nodes of a graph, and graphs inside of them, as ONNX has them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "onnx/onnx.pb.h"

namespace godwit::importers {

// Names of the graph's values for a file: their own, or made up where one has none or another's.
std::vector<std::string> value_names(const engine::Graph& graph);

// A value's name, type and shape.
void write_value_info(const engine::Graph& graph, const std::string& name, const TensorDesc& desc,
                      onnx::ValueInfo& dst);

// All nodes; `names` are those of the graph's values. Graphs inside of nodes carry their constants.
void write_nodes(const engine::Graph& graph, const std::vector<std::string>& names, onnx::Graph& dst);

// Calls visit for each node of the graph and of those inside of its nodes.
void for_each_node(const engine::Graph& graph,
                   const std::function<void(const engine::Graph& graph, const engine::Node& node)>& visit);

}  // namespace godwit::importers
