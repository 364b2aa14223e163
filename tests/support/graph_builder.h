// Writing graphs in tests as one would draw them: inputs, constants, nodes in order, outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph.h"
#include "ops/attributes.h"
#include "runtime/tensor.h"

namespace godwit::support {

std::vector<std::int64_t> ints(std::initializer_list<std::int64_t> values);

// Whole numbers in [low, high] as f32: sums and products of them are exact, in whatever order.
Tensor whole_numbers(const Shape& shape, std::uint64_t seed, std::int64_t low = -4, std::int64_t high = 4);

// A node's result 0 is named like the node, further ones "name.1", "name.2".
class GraphBuilder {
 public:
  using Attributes = std::vector<std::pair<std::string, ops::AttributeValue>>;

  explicit GraphBuilder(std::string name = "test");

  engine::ValueId input(std::string name, const Shape& shape, DType dtype = DType::f32);
  engine::ValueId constant(std::string name, Tensor tensor);
  engine::ValueId integers(std::string name, std::initializer_list<std::int64_t> values);
  engine::ValueId number(std::string name, float value);

  engine::ValueId node(std::string_view op, std::string name, std::vector<engine::ValueId> inputs,
                       const Attributes& attributes = {}, std::size_t outputs = 1);

  // A convolution with whole-numbered weights of its own, "name.weights" and "name.bias".
  engine::ValueId conv(const std::string& name, engine::ValueId src, const Shape& weights,
                       const Attributes& attributes = {}, bool bias = true);

  GraphBuilder& output(engine::ValueId id);

  engine::Graph& graph() { return graph_; }
  // With shapes inferred, and verified.
  engine::Graph build() const;

 private:
  engine::Graph graph_;
  std::uint64_t seed_ = 100;
};

}  // namespace godwit::support
