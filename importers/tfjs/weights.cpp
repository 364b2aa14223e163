// Shards are mapped, and weights copied out of them piece by piece: one may lie across two shards.
#include "importers/tfjs/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "importers/inside_folder.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

// The converter's names of what it can store a float32 as.
struct StoredType {
  std::string_view name;
  DType dtype;
};
constexpr std::array kStoredTypes = {StoredType{"uint8", DType::u8}, StoredType{"uint16", DType::u16},
                                     StoredType{"float16", DType::f16}};

double finite(const Json& quantization, std::string_view key) {
  const Json& value = field(quantization, key);
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    throw Error(fmt::format("'{}' is {}, expected a number", key, shown(value)));
  return value.get<double>();
}

}  // namespace

Shape shape_from_json(const Json& sizes) {
  if (!sizes.is_array()) throw Error("a shape is no list of sizes");
  Shape shape;
  for (const Json& size : sizes) {
    if (size.is_null()) {
      shape.append(kAnyDim);
    } else if (size.is_number_integer() && size >= 0 && size <= INT64_MAX) {
      shape.append(size.get<std::int64_t>());
    } else {
      throw Error(fmt::format("a shape has size {}, expected an integer of at least 0", shown(size)));
    }
  }
  return shape;
}

TfjsWeights::TfjsWeights(const Json& manifest, const std::filesystem::path& folder) {
  if (!manifest.is_array()) throw Error("'weightsManifest' is no list of groups");
  for (const Json& group : manifest) {
    with_context([] { return std::string("weightsManifest"); }, [&] { add_group(group, folder); });
  }
}

void TfjsWeights::add_group(const Json& group, const std::filesystem::path& folder) {
  std::size_t weight_bytes = 0;
  for (const Json& entry : list_field(group, "weights")) weight_bytes = add_weight(entry, weight_bytes);

  std::size_t shard_bytes = 0;
  std::vector<Shard> shards;
  for (const Json& name : list_field(group, "paths")) {
    const std::string path = resolve_inside(folder, text_of(name, "paths"));
    auto file = std::make_shared<const MappedFile>(path);
    files_.insert(path);
    shards.push_back({shard_bytes, file});
    shard_bytes += file->size();
  }
  if (weight_bytes != shard_bytes) {
    throw Error(fmt::format("the weights take {}, their {} shards have {}", counted(weight_bytes, "byte"),
                            shards.size(), shard_bytes));
  }
  groups_.push_back(std::move(shards));
}

// Returns where the weight ends.
std::size_t TfjsWeights::add_weight(const Json& entry, std::size_t begin) {
  const std::string name = text_of(field(entry, "name"), "name");
  return with_context(
      [&] { return fmt::format("weight '{}'", name); },
      [&] {
        const std::string dtype = text_of(field(entry, "dtype"), "dtype");
        if (dtype != "float32") throw Error(fmt::format("is of type {}, expected float32", dtype));
        Weight weight{
            .shape = shape_from_json(field(entry, "shape")), .group = groups_.size(), .begin = begin};
        if (!weight.shape.known()) throw Error("has an unknown size in its shape");
        if (const Json* quantization = find_field(entry, "quantization")) {
          const std::string stored = text_of(field(*quantization, "dtype"), "quantization: dtype");
          const auto* type = std::ranges::find(kStoredTypes, stored, &StoredType::name);
          if (type == kStoredTypes.end()) {
            throw Error(fmt::format("is quantized to {}, expected uint8, uint16 or float16", stored));
          }
          weight.stored = type->dtype;
          if (type->dtype != DType::f16) {
            weight.scale = finite(*quantization, "scale");
            weight.minimum = finite(*quantization, "min");
          }
        }
        const TensorDesc desc{weight.stored, weight.shape, Layout::nchw};
        std::size_t end = 0;
        if (__builtin_add_overflow(begin, desc.bytes(), &end)) throw Error("is larger than any file");
        if (!weights_.emplace(name, weight).second) throw Error("is listed twice");
        return end;
      });
}

TfjsWeights::Weights::const_iterator TfjsWeights::find(const std::string& name) const {
  if (const auto found = weights_.find(name); found != weights_.end()) return found;
  const auto inside = [&](const auto& entry) { return entry.first.ends_with("/" + name); };
  const auto found = std::find_if(weights_.begin(), weights_.end(), inside);
  if (found == weights_.end()) return found;
  return std::find_if(std::next(found), weights_.end(), inside) == weights_.end() ? found : weights_.end();
}

Tensor TfjsWeights::read(const std::string& name, const Shape& shape) const {
  const auto found = find(name);
  if (found == weights_.end()) throw Error(fmt::format("weight '{}' is not in the manifest", name));
  const Weight& weight = found->second;
  if (weight.shape != shape) {
    throw Error(fmt::format("weight '{}' has shape {}, expected {}", name, weight.shape.to_string(),
                            shape.to_string()));
  }
  Tensor stored({weight.stored, shape, Layout::nchw});
  auto* dst = static_cast<std::byte*>(stored.mutable_data());
  const std::size_t end = weight.begin + stored.bytes();
  for (const Shard& shard : groups_[weight.group]) {
    const std::size_t from = std::max(shard.begin, weight.begin);
    const std::size_t to = std::min(shard.begin + shard.file->size(), end);
    if (from < to)
      std::memcpy(dst + (from - weight.begin), shard.file->data() + (from - shard.begin), to - from);
  }
  if (weight.stored == DType::f32) return stored;
  Tensor real({DType::f32, shape, Layout::nchw});
  const auto values = real.mutable_values<float>();
  visit_dtype(weight.stored, [&]<class T>() {
    const auto numbers = stored.values<T>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, Float16>) {
        values[i] = static_cast<float>(numbers[i]);
      } else if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::uint16_t>) {
        values[i] = static_cast<float>(static_cast<double>(numbers[i]) * weight.scale + weight.minimum);
      }
    }
  });
  return real;
}

}  // namespace godwit::importers
