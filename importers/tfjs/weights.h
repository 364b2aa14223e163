// The weights of a TensorFlow.js model: named slices of shards that are read as one run of bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "importers/tfjs/fields.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace godwit::importers {

class TfjsWeights {
 public:
  // Maps all shards that the manifest names. Throws Error unless every weight is float32, plain or quantised
  // to 8-bit or 16-bit numbers, and the shards' sizes add up to the weights'.
  TfjsWeights(const Json& manifest, const std::filesystem::path& folder);

  // True where read() finds it.
  bool has(const std::string& name) const { return find(name) != weights_.end(); }
  // As f32. The name may have the names of models in front of it that hold the layer. Throws Error when there
  // is no such weight or its shape is another.
  Tensor read(const std::string& name, const Shape& shape) const;
  // Paths of the shards.
  const std::set<std::string>& files() const { return files_; }

 private:
  struct Shard {
    std::size_t begin;  // position in the run of bytes
    std::shared_ptr<const MappedFile> file;
  };
  struct Weight {
    DType stored = DType::f32;  // or f16, or u8 and u16: number · scale + minimum
    double scale = 1, minimum = 0;
    Shape shape;
    std::size_t group;
    std::size_t begin;
  };
  using Weights = std::map<std::string, Weight>;

  void add_group(const Json& group, const std::filesystem::path& folder);
  std::size_t add_weight(const Json& entry, std::size_t begin);
  Weights::const_iterator find(const std::string& name) const;

  std::vector<std::vector<Shard>> groups_;
  Weights weights_;
  std::set<std::string> files_;
};

// A shape from a JSON array of sizes; `null` becomes kAnyDim. Throws Error for anything else.
Shape shape_from_json(const Json& sizes);

}  // namespace godwit::importers
