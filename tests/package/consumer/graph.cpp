// Another one: makes a model of three colours, writes it to the path it is given, reads it back, and runs it
// on a tensor.
#include <cmath>
#include <exception>
#include <godwit/engine/session.h>
#include <godwit/importers/importer.h>
#include <godwit/ops/op.h>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace godwit;

engine::ValueId add_node(engine::Graph& graph, const char* op, engine::ValueId input, const Shape& shape) {
  const engine::ValueId output = graph.add_value(op, {DType::f32, shape, Layout::nchw});
  engine::Node node;
  node.name = op;
  node.op = ops::find_op(op);
  node.inputs = {input};
  node.outputs = {output};
  node.origins = {op};
  graph.nodes.push_back(node);
  return output;
}

// Means of the colours, made probabilities.
void write_model(const std::string& path) {
  engine::Graph graph;
  graph.name = "colours";
  graph.metadata["godwit.preprocess"] = R"({"resize": 8, "crop": 8, "scale": 0.00392156862745098})";
  graph.metadata["godwit.labels"] = R"(["red", "green", "blue"])";
  graph.inputs = {graph.add_value("image", {DType::f32, Shape{1, 3, 8, 8}, Layout::nchw})};
  const auto mean = add_node(graph, "GlobalAveragePool", graph.inputs.front(), Shape{1, 3, 1, 1});
  const auto flat = add_node(graph, "Flatten", mean, Shape{1, 3});
  graph.outputs = {add_node(graph, "Softmax", flat, Shape{1, 3})};
  importers::save_onnx(graph, path);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return std::cerr << "usage: graph PATH.onnx\n", 2;
  write_model(argv[1]);
  engine::Session session(engine::compile(importers::load(argv[1])));
  const std::vector<float> zeros(3 * 8 * 8);
  const std::vector<Tensor> src = {Tensor::of<float>(Shape{1, 3, 8, 8}, std::span<const float>(zeros))};
  const auto probabilities = session.run(src).front().values<float>();
  if (probabilities.size() == 3 && std::abs(probabilities[0] - 1.0F / 3) < 1e-6F) return 0;
  return std::cerr << "graph: three equal colours have other probabilities than a third each\n", 1;
} catch (const std::exception& error) {
  return std::cerr << "graph: " << error.what() << '\n', 1;
}
