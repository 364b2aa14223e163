// Functions that a model defines itself, in ONNX nodes.
#pragma once

#include "onnx/onnx.pb.h"

namespace godwit::importers {

// Every call of a function of the model becomes the nodes of its body, also inside of graphs of nodes; the
// model has no functions then. Calls of what godwit has an operator for stay. Throws Error for a function
// that is defined twice, calls itself, or is of another opset than the model, and where too many nodes come
// out.
void inline_functions(onnx::Model& model);

}  // namespace godwit::importers
