// Parts of adapters: one entry of their tables, and the moves from attributes to inputs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "importers/onnx/graph_builder.h"

namespace godwit::importers {

// Applies to an operator's nodes in opsets below `before`.
struct Adapter {
  std::string_view op;
  int before;
  void (*adapt)(engine::Node node, GraphBuilder& builder);
};
inline constexpr int kAlways = 1000;

// Those of operators that move data, decide shapes, resample or slide windows.
std::span<const Adapter> movement_adapters();

Tensor int64_list(std::span<const std::int64_t> values);
Tensor real_scalar(DType dtype, float value);
void set_input(engine::Node& node, std::size_t index, engine::ValueId value);
// Throws Error unless the node has that many inputs.
void require_inputs(const engine::Node& node, std::size_t least, std::size_t most);
// Throws Error unless the node has it.
void require_attribute(const engine::Node& node, std::string_view attribute);
// A list of integers that became an input; the attribute is left out where the input may be too.
void move_integers(engine::Node& node, GraphBuilder& builder, const char* attribute, std::size_t index);
// A number that became an input of the first operand's type.
void move_real(engine::Node& node, GraphBuilder& builder, const char* attribute, std::size_t index);
// A real attribute that became an integer. Throws Error where it is none.
void make_integer(engine::Node& node, const char* attribute);

}  // namespace godwit::importers
