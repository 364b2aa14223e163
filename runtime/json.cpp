// Parsing that gives up at a depth, without an exception.
#include "runtime/json.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit {
namespace {

using Json = nlohmann::ordered_json;

// Nothing is kept but the place of the first fault.
struct FaultFinder : nlohmann::json_sax<Json> {
  std::size_t position = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    position = at;
    return false;
  }
};

}  // namespace

std::optional<Json> parse_json(std::string_view text, int max_depth) {
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

Json require_json(std::string_view text, int max_depth, std::string_view text_is) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw Error(fmt::format("{}not valid JSON: there is nothing in it", text_is));
  std::optional<Json> json = parse_json(text, max_depth);
  if (json) return std::move(*json);
  FaultFinder finder;
  if (Json::sax_parse(text, &finder))
    throw Error(fmt::format("{}not valid JSON for this: it nests deeper than {} lists and objects", text_is,
                            max_depth));
  // The position counts the bytes read, the faulty one included.
  const std::string_view before =
      text.substr(0, std::min(text.size(), std::max<std::size_t>(finder.position, 1) - 1));
  const std::size_t newline = before.rfind('\n');
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  if (before.size() + 1 > text.size())
    throw Error(fmt::format("{}not valid JSON: it ends too early, in line {}", text_is, line));
  throw Error(fmt::format("{}not valid JSON: line {}, column {} cannot be read", text_is, line, column));
}

}  // namespace godwit
