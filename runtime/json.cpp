// Parsing that gives up at a depth, without an exception.
#include "runtime/json.h"

namespace godwit {

std::optional<nlohmann::ordered_json> parse_json(std::string_view text, int max_depth) {
  using Json = nlohmann::ordered_json;
  bool deep = false;
  Json json = Json::parse(
      text,
      [&](int depth, Json::parse_event_t, Json&) {
        deep = deep || depth > max_depth;
        return !deep;
      },
      false);
  if (deep || json.is_discarded()) return std::nullopt;
  return json;
}

}  // namespace godwit
