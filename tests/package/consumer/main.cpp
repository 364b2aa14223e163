// A program of somebody else's: writes a model of one Relu to the path it is given, reads it back, compiles
// and runs it.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "engine/session.h"
#include "importers/importer.h"
#include "ops/op.h"
#include "runtime/error.h"

namespace {

void write_relu(const std::string& path) {
  using namespace godwit;
  engine::Graph graph;
  graph.name = "relu";
  const TensorDesc desc{DType::f32, Shape{1, 4}, Layout::nchw};
  graph.inputs = {graph.add_value("src", desc)};
  graph.outputs = {graph.add_value("dst", desc)};
  engine::Node node;
  node.name = "relu";
  node.op = ops::find_op("Relu");
  node.inputs = graph.inputs;
  node.outputs = graph.outputs;
  node.origins = {"relu"};
  graph.nodes.push_back(node);
  importers::save_onnx(graph, path);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace godwit;
  if (argc != 2) {
    std::cerr << "usage: consumer PATH.onnx\n";
    return 2;
  }
  try {
    write_relu(argv[1]);
    const auto plan = engine::compile(importers::load(argv[1]));
    engine::Session session(plan);
    const std::vector<Tensor> src = {Tensor::of<float>(Shape{1, 4}, {-2.0F, -0.0F, 0.5F, 3.0F})};
    const auto dst = session.run(src);
    const auto values = dst[0].values<float>();
    const std::vector<float> expected = {0.0F, 0.0F, 0.5F, 3.0F};
    if (!std::equal(values.begin(), values.end(), expected.begin(), expected.end())) {
      std::cerr << "consumer: Relu gave a wrong answer\n";
      return 1;
    }
  } catch (const Error& error) {
    std::cerr << "consumer: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
