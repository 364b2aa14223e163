// Shape inference of operators that run graphs of their own: If, Loop, Scan.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ops/op.h"

namespace godwit::ops {

// The attribute in which importers say how many of a node's last operands its graphs read of what is around
// them.
inline constexpr std::string_view kCaptures = "captures";
// The most operands, and results, that such a node may have.
inline constexpr std::size_t kMostBodyOperands = 65536;
// The count of captured values among the operands. Throws Error where the node has fewer operands.
std::size_t captured_count(const NodeView& node);

// The graph of this attribute. Throws Error where it is missing or does not take `inputs` operands and
// give `outputs` results.
const Body& body_of(const NodeView& node, std::string_view attribute, std::size_t inputs,
                    std::size_t outputs);

// A description that holds for both. Throws Error where their types differ.
TensorDesc common_desc(const TensorDesc& a, const TensorDesc& b, std::string_view what);

// Results of a body where its operands [first, first + count) are what results [result, result + count) were
// the time before: descriptions that hold however often it runs. `inputs` gets those of the operands.
std::vector<TensorDesc> infer_repeated(const Body& body, std::vector<TensorDesc>& inputs,
                                       std::span<const Operand> operands, std::size_t first,
                                       std::size_t result, std::size_t count);

}  // namespace godwit::ops
