// Files of other tools become graphs; the importer is chosen by the file's name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"

namespace godwit::importers {

struct Importer {
  std::string_view name;  // "onnx"
  std::string_view sentence;
  std::string_view extension;  // ".onnx"
  engine::Graph (*load)(const std::string& path);
};

// All importers of this build.
std::span<const Importer> importers();

// Reads a model with the importer of its extension; shapes are inferred as far as they are known. Weights may
// stay mapped from the file. Throws Error ("importing resnet50.onnx: node 'conv1' (Conv): …").
engine::Graph load(const std::string& path);

// Writes a graph as an ONNX model: opset 13 or the least that its operators need, weights in raw_data (as
// external data in PATH.data beside it when they exceed 2 GB). The file appears only when complete. Throws
// Error when a node has no ONNX form (a fused epilogue, an internal op) or the file cannot be written.
void save_onnx(const engine::Graph& graph, const std::string& path);

// Reads one tensor from an ONNX TensorProto file (input_0.pb of a test folder). Throws Error naming the path:
// absent, not a tensor (a sequence, say), an element type that is not in dtype.inc, bytes that do not fill
// the shape.
Tensor load_tensor(const std::string& path);

}  // namespace godwit::importers
