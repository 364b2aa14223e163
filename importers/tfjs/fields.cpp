// Every access is checked before the JSON library can complain.
#include "importers/tfjs/fields.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace godwit::importers {

std::string shown(const Json& value) {
  constexpr std::size_t kMost = 60;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMost) text = text.substr(0, kMost) + "…";
  return text;
}

const Json* find_field(const Json& object, std::string_view key) {
  if (!object.is_object()) throw Error(fmt::format("{} stands where an object is expected", shown(object)));
  const auto found = object.find(std::string(key));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json& field(const Json& object, std::string_view key) {
  const Json* found = find_field(object, key);
  if (found == nullptr) throw Error(fmt::format("has no '{}'", key));
  return *found;
}

const Json& list_field(const Json& object, std::string_view key) {
  const Json& value = field(object, key);
  if (!value.is_array()) throw Error(fmt::format("'{}' is {}, expected a list", key, shown(value)));
  return value;
}

std::string text_of(const Json& value, std::string_view what) {
  if (!value.is_string()) throw Error(fmt::format("'{}' is {}, expected a text", what, shown(value)));
  return value.get<std::string>();
}

std::int64_t positive_of(const Json& value, std::string_view what) {
  if (!value.is_number_integer() || value < 1 || value > std::numeric_limits<std::int32_t>::max())
    throw Error(fmt::format("'{}' has value {}, expected a positive integer", what, shown(value)));
  return value.get<std::int64_t>();
}

std::string LayerConfig::text(std::string_view key, std::string_view otherwise) const {
  const Json* value = find(key);
  return value == nullptr ? std::string(otherwise) : text_of(*value, key);
}

bool LayerConfig::flag(std::string_view key, bool otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean())
    throw Error(fmt::format("'{}' is {}, expected true or false", key, shown(*value)));
  return value->get<bool>();
}

double LayerConfig::number(std::string_view key, double otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number() || !std::isfinite(value->get<double>()))
    throw Error(fmt::format("'{}' is {}, expected a number", key, shown(*value)));
  return value->get<double>();
}

std::int64_t LayerConfig::integer(std::string_view key, std::int64_t otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number_integer() || *value < std::numeric_limits<std::int32_t>::min() ||
      *value > std::numeric_limits<std::int32_t>::max())
    throw Error(fmt::format("'{}' is {}, expected an integer", key, shown(*value)));
  return value->get<std::int64_t>();
}

std::vector<std::int64_t> LayerConfig::pair(std::string_view key, std::int64_t otherwise) const {
  return find(key) == nullptr ? std::vector<std::int64_t>(2, otherwise) : pair(key);
}

std::vector<std::int64_t> LayerConfig::pair(std::string_view key) const {
  const Json& value = at(key);
  if (value.is_number()) return std::vector<std::int64_t>(2, positive_of(value, key));
  if (!value.is_array() || value.size() != 2)
    throw Error(fmt::format("'{}' is {}, expected two integers", key, shown(value)));
  return {positive_of(value[0], key), positive_of(value[1], key)};
}

void LayerConfig::require_channels_last() const {
  const std::string format = text("data_format", "channels_last");
  if (format != "channels_last")
    throw Error(fmt::format("'data_format' is '{}', expected 'channels_last'", format));
}

bool LayerConfig::pads_same() const {
  const std::string padding = text("padding", "valid");
  if (padding != "same" && padding != "valid")
    throw Error(fmt::format("'padding' is '{}', expected 'same' or 'valid'", padding));
  return padding == "same";
}

}  // namespace godwit::importers
