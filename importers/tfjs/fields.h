// Members of JSON objects by name and type; what is missing or of another type is an Error in our own words.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::importers {

using Json = nlohmann::ordered_json;

// A value for an error message, cut short when it is long.
std::string shown(const Json& value);

// The member of this name, or null where there is none or it is JSON's null. Throws Error where `object` is
// no object.
const Json* find_field(const Json& object, std::string_view key);
// Throws Error where find_field() gives null.
const Json& field(const Json& object, std::string_view key);
// Throws Error unless it is a list.
const Json& list_field(const Json& object, std::string_view key);

// `what` names the value in errors.
std::string text_of(const Json& value, std::string_view what);
std::int64_t positive_of(const Json& value, std::string_view what);

// The settings of a layer. Members that are left out have Keras's own defaults, which callers give.
class LayerConfig {
 public:
  explicit LayerConfig(const Json& object) : object_(object) {}

  const Json* find(std::string_view key) const { return find_field(object_, key); }
  const Json& at(std::string_view key) const { return field(object_, key); }
  std::string text(std::string_view key, std::string_view otherwise) const;
  bool flag(std::string_view key, bool otherwise) const;
  double number(std::string_view key, double otherwise) const;
  std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  std::int64_t positive(std::string_view key) const { return positive_of(at(key), key); }
  // Height and width, given as a list of two or as one number for both.
  std::vector<std::int64_t> pair(std::string_view key, std::int64_t otherwise) const;
  std::vector<std::int64_t> pair(std::string_view key) const;
  // Throws Error where the layer's images are channels first.
  void require_channels_last() const;
  // True where the borders are padded ("same"); Error for anything but "same" and "valid".
  bool pads_same() const;

 private:
  const Json& object_;
};

}  // namespace godwit::importers
