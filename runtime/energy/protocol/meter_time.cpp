// Times as loggers write them.
#include <charconv>
#include <cmath>

#include "runtime/energy/protocol/meter_parts.h"

namespace godwit::energy {
namespace {

constexpr Nanoseconds kUnits[] = {1, 1'000, 1'000'000, kSecond};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Days since 1970-01-01 of a date of the Gregorian calendar (years from 1970).
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  // Years that begin in March put the leap day at the end.
  const std::int64_t y = month > 2 ? year : year - 1;
  const std::int64_t from_march = (month + 9) % 12;
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

// Seconds east of Greenwich of "Z", "UTC", "+01", "+0100", "+01:00"; nullopt for other texts.
std::optional<std::int64_t> parse_zone(std::string_view zone) {
  zone = trimmed(zone);
  if (zone == "Z" || zone == "z" || zone == "UTC" || zone == "GMT") return 0;
  if (zone.size() < 3 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  std::string digits;
  for (std::size_t i = 1; i < zone.size(); ++i) {
    if (i == 3 && zone[i] == ':' && zone.size() == 6) continue;
    if (!is_digit(zone[i])) return std::nullopt;
    digits += zone[i];
  }
  if (digits.size() != 2 && digits.size() != 4) return std::nullopt;
  const std::int64_t hours = parse_integer(digits.substr(0, 2)).value_or(0),
                     minutes = digits.size() == 4 ? parse_integer(digits.substr(2)).value_or(0) : 0;
  if (hours > 14 || minutes > 59) return std::nullopt;
  return (zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

// 2025-11-21T03:30:00[.25][Z|+01:00|+0100]; also 2025/11/21, and a blank in place of T.
std::optional<Nanoseconds> parse_iso(std::string_view text, bool& zoneless) {
  const auto part = [text](std::size_t at, std::size_t count) -> std::optional<std::int64_t> {
    for (std::size_t i = at; i < at + count; ++i) {
      if (!is_digit(text[i])) return std::nullopt;
    }
    return parse_integer(text.substr(at, count));
  };
  if (text.size() < 19 || (text[4] != '-' && text[4] != '/') || text[7] != text[4] ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2), hour = part(11, 2),
             minute = part(14, 2), second = part(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (*year < 1970 || *month < 1 || *month > 12 || *day < 1 || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const std::int64_t next_month = *month == 12 ? days_of(*year + 1, 1, 1) : days_of(*year, *month + 1, 1);
  const std::int64_t days = days_of(*year, *month, *day);
  if (days >= next_month) return std::nullopt;
  std::int64_t seconds = days * 86400 + *hour * 3600 + *minute * 60 + *second;
  std::size_t at = 19;
  double fraction = 0;
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
    double digit = 0.1;
    for (++at; at < text.size() && is_digit(text[at]); ++at, digit /= 10)
      fraction += digit * (text[at] - '0');
  }
  if (const std::string_view zone = text.substr(at); trimmed(zone).empty()) {
    zoneless = true;
  } else if (const auto east = parse_zone(zone)) {
    seconds -= *east;
  } else {
    return std::nullopt;
  }
  return seconds * kSecond + std::llround(fraction * 1e9);
}

// The unit of unix times of this century by their number of digits: 10, 13, 16 or 19.
Nanoseconds unit_of(std::int64_t whole) {
  if (whole < 100'000'000'000) return kUnits[3];
  if (whole < 100'000'000'000'000) return kUnits[2];
  return whole < 100'000'000'000'000'000 ? kUnits[1] : kUnits[0];
}

}  // namespace

std::optional<double> meter_real(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<Nanoseconds> meter_time(std::string_view text, double unit_ns, bool& zoneless) {
  text = trimmed(text);
  if (const auto iso = parse_iso(text, zoneless)) return iso;
  const std::optional<double> real = meter_real(text);
  if (!real || *real < 0) return std::nullopt;
  // Whole part and fraction apart: a double does not hold nanoseconds of a unix time.
  const bool plain = text.find_first_of("eE") == std::string_view::npos;
  const std::size_t dot = std::min(text.find('.'), text.size());
  const auto whole = plain          ? parse_integer(text.substr(0, dot))
                     : *real < 9e18 ? std::optional(static_cast<std::int64_t>(*real))
                                    : std::nullopt;
  if (!whole) return std::nullopt;
  const double fraction = !plain ? *real - static_cast<double>(*whole)
                          : dot < text.size()
                              ? meter_real(std::string("0").append(text.substr(dot))).value_or(0)
                              : 0;
  const Nanoseconds unit = unit_ns > 0 ? static_cast<Nanoseconds>(unit_ns) : unit_of(*whole);
  // The year 2262 ends what 64 bits of nanoseconds hold.
  if (*whole > 9'000'000'000'000'000'000 / unit) return std::nullopt;
  return *whole * unit + std::llround(fraction * static_cast<double>(unit));
}

std::optional<Nanoseconds> parse_meter_time(std::string_view text) {
  bool zoneless = false;
  return meter_time(text, 0, zoneless);
}

}  // namespace godwit::energy
