// Brings nodes of older opsets into the one form per operator that ops/defs describe.
#pragma once

#include "importers/onnx/graph_builder.h"

namespace godwit::importers {

// Appends `node`, or nodes that compute the same in the form that ops take. What an older or newer form says
// and ours cannot is an error, never dropped.
void adapt_and_append(engine::Node node, GraphBuilder& builder);

// Operators that are others in disguise (CastLike) and have no definition of their own.
bool is_expanded(const onnx::Node& node);
// Appends what such a node, whose `op` is null, stands for.
void expand_and_append(const onnx::Node& source, engine::Node node, GraphBuilder& builder);

// True where there is an operator for the node, or something that it expands to. Domain "godwit" is for
// operators that only passes insert.
bool is_supported(const onnx::Node& node);
// The operator of a node, null for those that are expanded. "ai.onnx" is the domain "".
const ops::OpDef* op_of(const onnx::Node& node);

}  // namespace godwit::importers
