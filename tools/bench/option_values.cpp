// Shapes, times and pairs from texts, each with an error that names the option.
#include "tools/bench/option_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <system_error>

#include "runtime/error.h"

namespace godwit::tools {

std::optional<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Shape parse_shape(std::string_view text, std::string_view option) {
  Shape shape;
  for (std::string_view rest = text;;) {
    const std::size_t end = std::min(rest.find('x'), rest.size());
    const auto dim = parse_whole(rest.substr(0, end));
    if (!dim || *dim < 0) {
      throw Error(fmt::format(
          "{} '{}' is not a shape, expected whole numbers joined by x such as 1x3x224x224", option, text));
    }
    shape.append(*dim);
    if (end == rest.size()) return shape;
    rest.remove_prefix(end + 1);
  }
}

double parse_duration(std::string_view text, std::string_view option) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double seconds = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (error != std::errc() || !(value * seconds > 0) || !std::isfinite(value))
    throw Error(fmt::format("{} '{}' is not a time such as 90s, 30m or 2h", option, text));
  return value * seconds;
}

NamedText split_named(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace godwit::tools
