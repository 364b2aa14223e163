// Brings nodes of older opsets into the one form per operator that ops/defs describe.
#pragma once

#include "importers/onnx/graph_builder.h"

namespace godwit::importers {

// Appends `node`, or nodes that compute the same in the form that ops take. What an older or newer form says
// and ours cannot is an error, never dropped.
void adapt_and_append(engine::Node node, GraphBuilder& builder);

}  // namespace godwit::importers
