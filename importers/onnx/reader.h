// ONNX models become graphs.
#pragma once

#include <string>

#include "engine/graph.h"

namespace godwit::importers {

// Opsets 1 to 27. Weights stay mapped from the file where they are aligned for their type. Throws Error
// without naming the file, which the caller does.
engine::Graph load_onnx(const std::string& path);

}  // namespace godwit::importers
