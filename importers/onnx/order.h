// The order in which a model's nodes can run.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/onnx.pb.h"

namespace godwit::importers {

// "node 'conv1' (Conv)"; nodes without a name are called "<operator>_<index>".
std::string node_name(const onnx::Node& node, std::size_t index);
std::string describe_node(const onnx::Node& node, std::size_t index);

// Names that a node reads: its inputs, and what graphs inside of it read from around them.
std::unordered_set<std::string> names_read_by(const onnx::Node& node);

// Every name that some node reads exists, no name is made twice, and `known` (inputs and initialisers) are
// not made by nodes; is_around() is true for names around the graph. Returns the nodes' indices in an order
// in which each runs behind those it reads from; the file's own order where that is one. Throws Error naming
// the node, also for one that lies on a cycle.
std::vector<std::size_t> order_nodes(const onnx::Graph& graph,
                                     const std::unordered_map<std::string, int>& known,
                                     const std::function<bool(const std::string&)>& is_around);

}  // namespace godwit::importers
