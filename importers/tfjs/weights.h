// The weights of a TensorFlow.js model: named slices of shards that are read as one run of bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace godwit::importers {

class TfjsWeights {
 public:
  // Maps all shards that the manifest names. Throws Error unless every weight is float32 and the shards'
  // sizes add up to the weights'.
  TfjsWeights(const nlohmann::json& manifest, const std::filesystem::path& folder);

  // Throws Error when there is no such weight or its shape is another.
  Tensor read(const std::string& name, const Shape& shape) const;
  // Paths of the shards.
  const std::set<std::string>& files() const { return files_; }

 private:
  struct Shard {
    std::size_t begin;  // position in the run of bytes
    std::shared_ptr<const MappedFile> file;
  };
  struct Weight {
    Shape shape;
    std::size_t group;
    std::size_t begin;
  };
  void add_group(const nlohmann::json& group, const std::filesystem::path& folder);
  std::size_t add_weight(const nlohmann::json& entry, std::size_t begin);

  std::vector<std::vector<Shard>> groups_;
  std::map<std::string, Weight> weights_;
  std::set<std::string> files_;
};

// A shape from a JSON array of sizes; `null` becomes kAnyDim. Throws Error for anything else.
Shape shape_from_json(const nlohmann::json& sizes);

}  // namespace godwit::importers
