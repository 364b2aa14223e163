// Graphs become ONNX models.
#pragma once

#include <cstddef>
#include <string>

#include "engine/graph.h"

namespace godwit::importers {

struct WriteOptions {
  // Weights of more bytes than this altogether go to PATH.data: a protobuf message ends at 2 GB.
  std::size_t external_above = (std::size_t{1} << 31) - (std::size_t{64} << 20);
};

// save_onnx with its limit, for tests. Both files are written under temporary names and renamed when
// complete.
void write_onnx(const engine::Graph& graph, const std::string& path, const WriteOptions& options);

}  // namespace godwit::importers
