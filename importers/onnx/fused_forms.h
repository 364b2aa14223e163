// Operators of com.microsoft that fused models use (GELU, normalisations with a sum in front, attention), in
// ONNX's own terms.
#pragma once

#include <string_view>

#include "importers/onnx/microsoft.h"

namespace godwit::importers {

// Appends the nodes that stand for this operator; null where it is not one of them.
Expand fused_expansion(std::string_view op);

}  // namespace godwit::importers
