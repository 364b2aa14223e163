// Logs of meters: what their lines say, and energy curves from them.
#include "runtime/energy/protocol/meter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

constexpr double kMostValue = 1e12;  // joules or watts of no machine

std::optional<double> parse_real(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = std::min(line.find(','), line.size());
    std::string_view field = trimmed(line.substr(0, comma));
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"')
      field = field.substr(1, field.size() - 2);
    fields.push_back(field);
    if (comma == line.size()) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

std::optional<std::size_t> find_column(const std::vector<std::string_view>& header,
                                       std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (lower(header[i]) == lower(name)) return i;
    }
  }
  return std::nullopt;
}

struct Places {
  std::size_t time = 0, value = 1;
  bool joules = false;
};

std::size_t chosen_column(const std::vector<std::string_view>& first, const std::string& asked,
                          const std::string& source) {
  if (const auto number = parse_integer(asked); number && *number >= 1 && *number <= 1000) {
    return static_cast<std::size_t>(*number) - 1;
  }
  if (const auto place = find_column(first, {asked})) return *place;
  throw Error(fmt::format("{} has no column '{}' in its first line", source, asked));
}

Places places_of(const std::vector<std::string_view>& first, const MeterColumns& columns,
                 const std::string& source) {
  Places places;
  if (!columns.value.empty()) {
    places.time = chosen_column(first, columns.time, source);
    places.value = chosen_column(first, columns.value, source);
    places.joules = columns.joules;
    return places;
  }
  if (const auto time = find_column(first, {"t", "time", "timestamp", "unix", "time_s", "ms", "time_ms"})) {
    places.time = *time;
  }
  if (const auto watts = find_column(first, {"watts", "w", "power", "power_w"})) {
    places.value = *watts;
  } else if (const auto joules = find_column(first, {"joules", "j", "energy", "energy_j"})) {
    places.value = *joules;
    places.joules = true;
  }
  return places;
}

// Days since 1970-01-01 of a date of the Gregorian calendar (years from 1970).
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  // Years that begin in March put the leap day at the end.
  const std::int64_t y = month > 2 ? year : year - 1;
  const std::int64_t from_march = (month + 9) % 12;
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

std::optional<Nanoseconds> parse_iso(std::string_view text) {
  // 2025-11-21T03:30:00[.25][Z|+01:00]
  const auto part = [text](std::size_t at, std::size_t count) -> std::optional<std::int64_t> {
    return at + count <= text.size() && text[at] >= '0' && text[at] <= '9'
               ? parse_integer(text.substr(at, count))
               : std::nullopt;
  };
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') ||
      text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2), hour = part(11, 2),
             minute = part(14, 2), second = part(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (*year < 1970 || *month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 ||
      *second > 60) {
    return std::nullopt;
  }
  std::int64_t seconds = days_of(*year, *month, *day) * 86400 + *hour * 3600 + *minute * 60 + *second;
  std::size_t at = 19;
  double fraction = 0;
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
    double digit = 0.1;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, digit /= 10) {
      fraction += digit * (text[at] - '0');
    }
  }
  const std::string_view zone = text.substr(at);
  if (zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':') {
    const auto hours = part(at + 1, 2), minutes = part(at + 4, 2);
    if (!hours || !minutes) return std::nullopt;
    seconds -= (zone[0] == '-' ? -1 : 1) * (*hours * 3600 + *minutes * 60);
  } else if (!zone.empty() && zone != "Z") {
    return std::nullopt;
  }
  return seconds * kSecond + std::llround(fraction * 1e9);
}

}  // namespace

std::optional<Nanoseconds> parse_meter_time(std::string_view text) {
  text = trimmed(text);
  if (const auto iso = parse_iso(text)) return iso;
  if (!parse_real(text)) return std::nullopt;
  // Seconds of this century have ten digits, milliseconds thirteen. Whole part and fraction apart: a double
  // does not hold nanoseconds of a unix time.
  const std::size_t dot = std::min(text.find('.'), text.size());
  const auto whole = parse_integer(text.substr(0, dot));
  if (!whole || *whole < 0 || *whole > 100'000'000'000'000) return std::nullopt;
  const bool milliseconds = *whole >= 100'000'000'000;
  const double fraction =
      dot < text.size() ? parse_real(std::string("0").append(text.substr(dot))).value_or(0) : 0;
  const Nanoseconds unit = milliseconds ? kSecond / 1000 : kSecond;
  return *whole * unit + std::llround(fraction * static_cast<double>(unit));
}

MeterColumns parse_meter_columns(std::string_view text) {
  MeterColumns columns;
  for (const std::string_view field : fields_of(text)) {
    const std::size_t equals = field.find('=');
    const std::string_view key = field.substr(0, equals);
    const std::string value(equals == std::string_view::npos ? "" : field.substr(equals + 1));
    if (key == "t" && !value.empty()) {
      columns.time = value;
    } else if ((key == "watts" || key == "joules") && !value.empty()) {
      columns.value = value;
      columns.joules = key == "joules";
    } else {
      columns.time.clear();
      break;
    }
  }
  if (columns.time.empty() || columns.value.empty()) {
    throw Error(fmt::format(
        "--meter-columns '{}' is not of the form t=COLUMN,watts=COLUMN (or joules=COLUMN)", text));
  }
  return columns;
}

MeterLog parse_meter_log(std::string_view text, const std::string& source, const MeterColumns& columns) {
  MeterLog log;
  Places places;
  for (bool first = true; !text.empty();) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    const bool whole = end < text.size();
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::vector<std::string_view> fields = fields_of(line);
    if (first) {
      places = places_of(fields, columns, source);
      first = false;
      if (places.time < fields.size() && !parse_meter_time(fields[places.time])) {
        log.joules = places.joules;
        continue;  // the header
      }
      log.joules = places.joules;
    }
    const std::size_t last = std::max(places.time, places.value);
    const auto time = last < fields.size() ? parse_meter_time(fields[places.time]) : std::nullopt;
    const auto value = last < fields.size() ? parse_real(fields[places.value]) : std::nullopt;
    const bool good = time && value && std::abs(*value) < kMostValue &&
                      (log.readings.empty() || *time > log.readings.back().unix_time);
    if (good) {
      // A line that is still being written may hold half a number.
      if (whole) log.readings.push_back({*time, *value});
    } else {
      ++log.skipped;
    }
  }
  if (log.readings.size() < 2) {
    throw Error(
        fmt::format("{} holds no two readings; expected lines such as 1763695800.25,42.5 below a line "
                    "t,watts (or t,joules)",
                    source));
  }
  return log;
}

MeterAccuracy parse_meter_accuracy(std::string_view text) {
  MeterAccuracy accuracy;
  std::string_view rest = trimmed(text);
  bool good = !rest.empty();
  while (good && !rest.empty()) {
    const std::size_t plus = std::min(rest.find('+'), rest.size());
    std::string_view part = trimmed(rest.substr(0, plus));
    good = plus + 1 != rest.size();  // nothing behind the last plus
    rest.remove_prefix(std::min(plus + 1, rest.size()));
    bool percent = false;
    if (part.ends_with("rdg")) part.remove_suffix(3);
    if (part.ends_with('%')) {
      percent = true;
      part.remove_suffix(1);
    } else if (part.ends_with('W') || part.ends_with('w')) {
      part.remove_suffix(1);
    } else {
      good = false;
    }
    const std::optional<double> value = parse_real(part);
    good = good && value && *value >= 0;
    if (good) (percent ? accuracy.of_reading : accuracy.watts) += percent ? *value / 100 : *value;
  }
  if (!good) {
    throw Error(fmt::format("--meter-accuracy '{}' is not of the form 0.5%rdg+0.1W, 1% or 0.2W", text));
  }
  return accuracy;
}

EnergySeries series_of(const MeterLog& log) {
  EnergySeries series;
  if (!log.joules) {
    PowerIntegral integral(60 * kSecond);
    for (const MeterReading& reading : log.readings) {
      integral.add(std::llround(reading.value * 1e6), reading.unix_time);
      series.add(reading.unix_time, integral.total_nj());
    }
    return series;
  }
  Int128 total = 0;
  double last = log.readings.empty() ? 0 : log.readings.front().value;
  for (const MeterReading& reading : log.readings) {
    if (reading.value > last) total += std::llround((reading.value - last) * 1e9);
    last = reading.value;
    series.add(reading.unix_time, total);
  }
  return series;
}

double update_interval(const MeterLog& log) {
  // The quantile of values that need no order afterwards.
  const auto quantile = [](std::vector<double>& values, std::size_t part, std::size_t of) {
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(values.size() * part / of);
    std::ranges::nth_element(values, place);
    return *place;
  };
  std::vector<double> steps, news;
  Nanoseconds changed = log.readings.empty() ? 0 : log.readings.front().unix_time;
  for (std::size_t i = 1; i < log.readings.size(); ++i) {
    const MeterReading& reading = log.readings[i];
    steps.push_back(to_seconds(reading.unix_time - log.readings[i - 1].unix_time));
    if (reading.value == log.readings[i - 1].value) continue;
    news.push_back(to_seconds(reading.unix_time - changed));
    changed = reading.unix_time;
  }
  if (steps.empty()) return 1;
  const double median = quantile(steps, 1, 2);
  // Readings that are only repeated are no news; neither is a load that stands still, so that the lower
  // quartile counts and not the mean.
  return news.size() < 8 ? median : std::max(median, quantile(news, 1, 4));
}

}  // namespace godwit::energy
