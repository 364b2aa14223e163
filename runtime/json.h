// JSON text that may come from anywhere.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace godwit {

// nullopt where the text is no JSON, or nests deeper than `max_depth` objects and lists, which nothing that
// reads it expects.
std::optional<nlohmann::ordered_json> parse_json(std::string_view text, int max_depth);

}  // namespace godwit
