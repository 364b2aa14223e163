// The parts of an ONNX graph in the order in which a builder takes them.
#pragma once

#include <span>

#include "importers/onnx/graph_builder.h"
#include "importers/onnx/wire.h"

namespace godwit::importers {

// Throws Error for names that would spoil a terminal, in graphs inside of nodes too.
void check_names(const onnx::Graph& graph);

// Inputs, constants, nodes and outputs of `source` into the builder; `initializers` are those that were taken
// out of it. Its operators are supported (is_supported).
void read_graph(const onnx::Graph& source, std::span<const Initializer> initializers, GraphBuilder& builder,
                TensorReader& tensors);

}  // namespace godwit::importers
