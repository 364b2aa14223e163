// Operators of domain com.microsoft that quantised and fused models use, in ONNX's own terms.
#pragma once

#include <string_view>

#include "importers/onnx/graph_builder.h"

namespace godwit::importers {

using Expand = void (*)(engine::Node node, GraphBuilder& builder);

// Appends the nodes that stand for this operator; null where it is not known.
Expand microsoft_expansion(std::string_view op);

}  // namespace godwit::importers
