// Questions about a node that its operator answers, for passes.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/graph.h"

namespace godwit::engine {

// Operand i is there.
bool has_operand(const Node& node, std::size_t i);
// Its value; null where it is left out or computed.
const Tensor* constant_of(const Graph& graph, const Node& node, std::size_t i);
// The same; null also where it is not f32.
const Tensor* f32_constant_of(const Graph& graph, const Node& node, std::size_t i);

// Operands whose elements are those of the results (OpDef::moves), in order.
std::vector<std::size_t> moved_operands(const Graph& graph, const Node& node);
// The only one of them; kNoValue where there are none or several.
ValueId moved_value(const Graph& graph, const Node& node);
// Result 0 has the bytes of operand 0 (OpDef::is_view).
bool is_view(const Graph& graph, const Node& node);

// Bounds of a Relu or Clip (OpDef::clamp); nullopt for other operators and for unknown bounds.
std::optional<ops::Clamp> clamp_of(const Graph& graph, const Node& node);
// Form of a Conv, Gemm or MatMul (OpDef::product); nullopt for other operators.
std::optional<ops::Product> product_of(const Graph& graph, const Node& node);

}  // namespace godwit::engine
