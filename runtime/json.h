// JSON text that may come from anywhere.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace godwit {

// nullopt where the text is no JSON, or nests deeper than `max_depth` objects and lists, which nothing that
// reads it expects.
std::optional<nlohmann::ordered_json> parse_json(std::string_view text, int max_depth);

// The same; throws Error saying in which line and column the text stops being JSON: "not valid JSON: …"
// behind `text_is` ("'model.json' is ").
nlohmann::ordered_json require_json(std::string_view text, int max_depth, std::string_view text_is = "");

}  // namespace godwit
