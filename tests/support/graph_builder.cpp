#include "tests/support/graph_builder.h"

#include <gtest/gtest.h>

#include "ops/op.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

TensorDesc unknown() { return {DType::f32, Shape::unranked(), Layout::nchw}; }

}  // namespace

std::vector<std::int64_t> ints(std::initializer_list<std::int64_t> values) { return values; }

Tensor whole_numbers(const Shape& shape, std::uint64_t seed, std::int64_t low, std::int64_t high) {
  Random random(seed);
  Tensor tensor(TensorDesc{DType::f32, shape, Layout::nchw});
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(random.integer(low, high));
  return tensor;
}

GraphBuilder::GraphBuilder(std::string name) { graph_.name = std::move(name); }

engine::ValueId GraphBuilder::input(std::string name, const Shape& shape, DType dtype) {
  graph_.inputs.push_back(graph_.add_value(std::move(name), {dtype, shape, Layout::nchw}));
  return graph_.inputs.back();
}

engine::ValueId GraphBuilder::constant(std::string name, Tensor tensor) {
  return graph_.add_constant(std::move(name), std::move(tensor));
}

engine::ValueId GraphBuilder::integers(std::string name, std::initializer_list<std::int64_t> values) {
  return constant(std::move(name), Tensor::of({static_cast<std::int64_t>(values.size())}, values));
}

engine::ValueId GraphBuilder::number(std::string name, float value) {
  return constant(std::move(name), Tensor::of({}, {value}));
}

engine::ValueId GraphBuilder::node(std::string_view op, std::string name, std::vector<engine::ValueId> inputs,
                                   const Attributes& attributes, std::size_t outputs) {
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

engine::ValueId GraphBuilder::conv(const std::string& name, engine::ValueId src, const Shape& weights,
                                   const Attributes& attributes, bool bias) {
  std::vector<engine::ValueId> inputs{src, constant(name + ".weights", whole_numbers(weights, seed_++))};
  if (bias) inputs.push_back(constant(name + ".bias", whole_numbers({weights[0]}, seed_++)));
  return node("Conv", name, std::move(inputs), attributes);
}

GraphBuilder& GraphBuilder::output(engine::ValueId id) {
  graph_.outputs.push_back(id);
  return *this;
}

engine::Graph GraphBuilder::build() const {
  engine::Graph graph = graph_;
  engine::infer_shapes(graph);
  engine::verify(graph);
  return graph;
}

}  // namespace godwit::support
