// The order in which a model's nodes can run.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "onnx/onnx.pb.h"

namespace godwit::importers {

// "node 'conv1' (Conv)"; nodes without a name are called "<operator>_<index>".
std::string node_name(const onnx::Node& node, std::size_t index);
std::string describe_node(const onnx::Node& node, std::size_t index);

// Every name that some node reads exists, no name is made twice, and `known` (inputs and initialisers) are
// not made by nodes. Returns the nodes' indices in an order in which each runs behind those it reads from;
// the file's own order where that is one. Throws Error naming the node, also for one that lies on a cycle.
std::vector<std::size_t> order_nodes(const onnx::Graph& graph,
                                     const std::unordered_map<std::string, int>& known);

}  // namespace godwit::importers
