// An ONNX file taken apart: everything small by the schema, the initialisers' bytes left where they lie in
// the file.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "onnx/onnx.pb.h"
#include "runtime/memory.h"

namespace godwit::importers {

struct Initializer {
  onnx::Tensor proto;  // without its raw_data
  std::optional<std::span<const std::byte>> raw_data;
};

struct ModelFile {
  std::shared_ptr<const MappedFile> file;
  onnx::Model model;  // without the graph's initialisers
  std::vector<Initializer> initializers;
};

struct TensorFile {
  std::shared_ptr<const MappedFile> file;
  Initializer tensor;
};

// Both throw Error when the file is empty, cut short, larger than protobuf allows, or no protobuf message of
// this kind.
ModelFile read_model_file(const std::string& path);
TensorFile read_tensor_file(const std::string& path);

}  // namespace godwit::importers
