// Shards are mapped, and weights copied out of them piece by piece: one may lie across two shards.
#include "importers/tfjs/weights.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "importers/inside_folder.h"
#include "runtime/error.h"

namespace godwit::importers {

Shape shape_from_json(const nlohmann::json& sizes) {
  if (!sizes.is_array()) throw Error("a shape is no list of sizes");
  Shape shape;
  for (const nlohmann::json& size : sizes) {
    if (size.is_null()) {
      shape.append(kAnyDim);
    } else if (size.is_number_integer() && size.get<std::int64_t>() >= 0) {
      shape.append(size.get<std::int64_t>());
    } else {
      throw Error(fmt::format("a shape has size {}, expected an integer of at least 0", size.dump()));
    }
  }
  return shape;
}

TfjsWeights::TfjsWeights(const nlohmann::json& manifest, const std::filesystem::path& folder) {
  if (!manifest.is_array()) throw Error("'weightsManifest' is no list of groups");
  for (const nlohmann::json& group : manifest) add_group(group, folder);
}

void TfjsWeights::add_group(const nlohmann::json& group, const std::filesystem::path& folder) {
  std::size_t weight_bytes = 0;
  for (const nlohmann::json& entry : group.at("weights")) weight_bytes = add_weight(entry, weight_bytes);

  std::size_t shard_bytes = 0;
  std::vector<Shard> shards;
  for (const nlohmann::json& name : group.at("paths")) {
    const std::string path = resolve_inside(folder, name.get<std::string>());
    auto file = std::make_shared<const MappedFile>(path);
    files_.insert(path);
    shards.push_back({shard_bytes, file});
    shard_bytes += file->size();
  }
  if (weight_bytes != shard_bytes) {
    throw Error(fmt::format("the weights take {} bytes, their {} shards have {}", weight_bytes, shards.size(),
                            shard_bytes));
  }
  groups_.push_back(std::move(shards));
}

// Returns where the weight ends.
std::size_t TfjsWeights::add_weight(const nlohmann::json& entry, std::size_t begin) {
  const auto name = entry.at("name").get<std::string>();
  return with_context([&] { return fmt::format("weight '{}'", name); },
                      [&] {
                        if (entry.contains("quantization"))
                          throw Error("is quantized, expected plain float32");
                        const auto dtype = entry.at("dtype").get<std::string>();
                        if (dtype != "float32")
                          throw Error(fmt::format("is of type {}, expected float32", dtype));
                        const TensorDesc desc{DType::f32, shape_from_json(entry.at("shape")), Layout::nchw};
                        if (!desc.shape.known()) throw Error("has an unknown size in its shape");
                        std::size_t end = 0;
                        if (__builtin_add_overflow(begin, desc.bytes(), &end))
                          throw Error("is larger than any file");
                        if (!weights_.emplace(name, Weight{desc.shape, groups_.size(), begin}).second)
                          throw Error("is listed twice");
                        return end;
                      });
}

Tensor TfjsWeights::read(const std::string& name, const Shape& shape) const {
  const auto found = weights_.find(name);
  if (found == weights_.end()) throw Error(fmt::format("weight '{}' is not in the manifest", name));
  const Weight& weight = found->second;
  if (weight.shape != shape) {
    throw Error(fmt::format("weight '{}' has shape {}, expected {}", name, weight.shape.to_string(),
                            shape.to_string()));
  }
  Tensor tensor({DType::f32, shape, Layout::nchw});
  auto* dst = static_cast<std::byte*>(tensor.mutable_data());
  const std::size_t end = weight.begin + tensor.bytes();
  for (const Shard& shard : groups_[weight.group]) {
    const std::size_t from = std::max(shard.begin, weight.begin);
    const std::size_t to = std::min(shard.begin + shard.file->size(), end);
    if (from < to)
      std::memcpy(dst + (from - weight.begin), shard.file->data() + (from - shard.begin), to - from);
  }
  return tensor;
}

}  // namespace godwit::importers
