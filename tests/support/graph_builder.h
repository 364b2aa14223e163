// Writing graphs in tests as one would draw them: inputs, constants, nodes in order, outputs.
#pragma once

#include <cstdint>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph.h"
#include "ops/op.h"
#include "tests/support/random.h"

namespace godwit::support {

inline std::vector<std::int64_t> ints(std::initializer_list<std::int64_t> values) { return values; }

// Whole numbers in [low, high] as f32: sums and products of them are exact, in whatever order.
inline Tensor whole_numbers(const Shape& shape, std::uint64_t seed, std::int64_t low = -4,
                            std::int64_t high = 4) {
  Random random(seed);
  Tensor tensor(TensorDesc{DType::f32, shape, Layout::nchw});
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(random.integer(low, high));
  return tensor;
}

// A node's result 0 is named like the node, further ones "name.1", "name.2".
class GraphBuilder {
 public:
  using Attributes = std::vector<std::pair<std::string, ops::AttributeValue>>;

  explicit GraphBuilder(std::string name = "test") { graph_.name = std::move(name); }

  engine::ValueId input(std::string name, const Shape& shape, DType dtype = DType::f32) {
    graph_.inputs.push_back(graph_.add_value(std::move(name), {dtype, shape, Layout::nchw}));
    return graph_.inputs.back();
  }
  engine::ValueId constant(std::string name, Tensor tensor) {
    return graph_.add_constant(std::move(name), std::move(tensor));
  }
  engine::ValueId integers(std::string name, std::initializer_list<std::int64_t> values) {
    return constant(std::move(name), Tensor::of({static_cast<std::int64_t>(values.size())}, values));
  }
  engine::ValueId number(std::string name, float value) {
    return constant(std::move(name), Tensor::of({}, {value}));
  }

  engine::ValueId node(std::string_view op, std::string name, std::vector<engine::ValueId> inputs,
                       const Attributes& attributes = {}, std::size_t outputs = 1) {
    engine::Node node;
    node.op = ops::find_op(op);
    if (node.op == nullptr) node.op = ops::find_op(op, "godwit");
    EXPECT_NE(node.op, nullptr) << "there is no operator " << op;
    node.inputs = std::move(inputs);
    for (const auto& [key, value] : attributes) node.attributes.set(key, value);
    for (std::size_t i = 0; i < outputs; ++i) {
      node.outputs.push_back(graph_.add_value(i == 0 ? name : name + "." + std::to_string(i), unknown()));
    }
    node.origins = {name};
    node.name = std::move(name);
    graph_.nodes.push_back(std::move(node));
    return graph_.nodes.back().outputs[0];
  }

  // A convolution with whole-numbered weights of its own, "name.weights" and "name.bias".
  engine::ValueId conv(const std::string& name, engine::ValueId src, const Shape& weights,
                       const Attributes& attributes = {}, bool bias = true) {
    std::vector<engine::ValueId> inputs{src, constant(name + ".weights", whole_numbers(weights, seed_++))};
    if (bias) inputs.push_back(constant(name + ".bias", whole_numbers({weights[0]}, seed_++)));
    return node("Conv", name, std::move(inputs), attributes);
  }

  GraphBuilder& output(engine::ValueId id) {
    graph_.outputs.push_back(id);
    return *this;
  }

  engine::Graph& graph() { return graph_; }
  // With shapes inferred, and verified.
  engine::Graph build() const {
    engine::Graph graph = graph_;
    engine::infer_shapes(graph);
    engine::verify(graph);
    return graph;
  }

 private:
  static TensorDesc unknown() { return {DType::f32, Shape::unranked(), Layout::nchw}; }

  engine::Graph graph_;
  std::uint64_t seed_ = 100;
};

}  // namespace godwit::support
