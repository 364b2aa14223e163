// Logs of meters: their lines, what speaks against them as a whole, and energy curves from them.
#include "runtime/energy/protocol/meter.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "runtime/energy/protocol/meter_parts.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

constexpr double kMostWatts = 1e6, kMostJoules = 1e15;  // of no machine
// Power that a bare "power" may mean in watts; beyond it kW or mW are as likely.
constexpr double kLeastPlainWatts = 0.1, kMostPlainWatts = 1e4;

// True where a log writes that it has no value.
bool is_missing(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::string_view kWords[] = {"",   "nan",         "null",    "none", "n/a",
                                         "na", "unavailable", "unknown", "-",    "--"};
  return std::ranges::find(kWords, small) != std::end(kWords);
}

// True for a line of names: no field of it is a number or a time.
bool is_header(const MeterLine& line) {
  return std::ranges::none_of(line.fields, [](std::string field) {
    bool zoneless = false;
    if (meter_time(field, 0, zoneless)) return true;
    std::ranges::replace(field, ',', '.');
    return meter_real(field).has_value();
  });
}

// Reads a log line by line, and remembers what judging the whole of it needs.
class MeterReader {
 public:
  MeterReader(std::string_view text, const std::string& source, const MeterColumns& columns)
      : lines_(text, source), source_(source) {
    MeterLine line;
    while (lines_.next(line)) {
      // A line that is still being written may hold half a number.
      if (!line.whole) continue;
      if (first_.fields.empty()) {
        first_ = line;
        header_ = is_header(line);
        places_ = places_of(line, header_, columns, source);
        log_.joules = places_.joules;
        if (header_) continue;
      }
      read(line);
    }
    if (newest_first_) std::ranges::reverse(log_.readings);
    join_equal_times();
    log_.resolution_j = places_.joules ? places_.scale * std::pow(10.0, -decimals_) : 0;
    log_.told =
        fmt::format("{}, {}", places_.label,
                    fmt::format("{} reading{}", log_.readings.size(), log_.readings.size() == 1 ? "" : "s"));
    if (log_.skipped > 0) {
      log_.told +=
          fmt::format("; {} without a value left out, the first on line {}", log_.skipped, first_skipped_);
    }
  }

  MeterLog take() { return std::move(log_); }

  // Throws Error for logs that as a whole cannot be what they are read as.
  void judge() const {
    if (log_.readings.size() < 2) {
      throw Error(
          fmt::format("'{}' holds no two readings; expected lines such as 1763695800.25,42.5 below a line "
                      "t,watts (or t,joules)",
                      source_));
    }
    if (decimals_in_doubt()) {
      refuse("its commas may part thousands or decimals; write numbers with a decimal point");
    }
    if (log_.joules) {
      judge_total();
    } else {
      judge_power();
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(fmt::format("'{}': {}: {}", source_, places_.label, reason));
  }
  [[noreturn]] void refuse_line(const MeterLine& line, const std::string& reason) const {
    throw Error(fmt::format("'{}' line {}: {}", source_, line.number, reason));
  }

  void read(const MeterLine& line) {
    if (line.fields.size() != first_.fields.size()) {
      refuse_line(line, fmt::format("{} field{}, the {} has {}{}", line.fields.size(),
                                    line.fields.size() == 1 ? "" : "s", header_ ? "header" : "first line",
                                    first_.fields.size(),
                                    lines_.separator() == ',' && line.fields.size() > first_.fields.size()
                                        ? "; with decimal commas, fields must be parted by semicolons or tabs"
                                        : ""));
    }
    // A logger that was started again.
    if (header_ && line.fields == first_.fields) return;
    const std::string& written = line.fields[places_.value];
    if (is_missing(written)) {
      if (log_.skipped++ == 0) first_skipped_ = line.number;
      return;
    }
    const Nanoseconds time = time_of(line);
    const double value = value_of(line, written);
    if (last_line_ > 0 && time != last_time_) {
      const bool back = time < last_time_;
      if (moved_ && back != newest_first_) {
        refuse_line(
            line, fmt::format(
                      "its time goes {} while the log is {} first; was its clock set, or are these two logs?",
                      back ? "back" : "on", newest_first_ ? "newest" : "oldest"));
      }
      moved_ = true;
      newest_first_ = back;
    }
    last_time_ = time;
    last_line_ = line.number;
    log_.readings.push_back({time, value});
  }

  Nanoseconds time_of(const MeterLine& line) {
    std::string text = line.fields[places_.time];
    if (places_.date) text = line.fields[*places_.date] + " " + text;
    std::optional<Nanoseconds> time = meter_time(text, places_.time_ns, log_.zoneless);
    if (!time) {
      const std::string number = with_point(line, text, time_comma_);
      time = meter_time(number, places_.time_ns, log_.zoneless);
    }
    if (!time) {
      refuse_line(
          line, fmt::format("{} is no time; expected unix time or 2025-11-21T03:30:00Z", quoted_field(text)));
    }
    return *time;
  }

  double value_of(const MeterLine& line, const std::string& written) {
    const std::string text = with_point(line, written, value_comma_);
    const std::optional<double> number = meter_real(text);
    if (!number) refuse_line(line, fmt::format("{} is no number", quoted_field(written)));
    const std::size_t dot = text.find('.');
    const auto decimals =
        dot == std::string::npos ? 0 : static_cast<int>(std::min<std::size_t>(text.size() - dot - 1, 18));
    decimals_ = std::max(decimals_, decimals);
    grouped_ = grouped_ && (decimals == 3 ? !trimmed(text).starts_with("0.") : dot == std::string::npos);
    whole_ = whole_ || dot == std::string::npos;
    const double value = *number * places_.scale;
    if (std::abs(value) > (log_.joules ? kMostJoules : kMostWatts)) {
      refuse_line(line,
                  fmt::format("{} in {} is beyond any machine; is the unit right (--meter-unit)?",
                              quoted_field(written), places_.label.substr(places_.label.rfind(' ') + 1)));
    }
    if (value < 0) {
      refuse_line(line, fmt::format("{} is below zero ({}); is the clamp reversed?", quoted_field(written),
                                    places_.label));
    }
    return value;
  }

  // The number with a decimal point. All numbers of a log write the same mark.
  std::string with_point(const MeterLine& line, std::string text, bool& comma) {
    const auto commas = std::ranges::count(text, ',');
    const bool point = text.find('.') != std::string::npos;
    if (commas == 0 && !point) return text;
    if (commas > 0 && lines_.separator() == ',') {
      refuse_line(
          line,
          fmt::format("{} has a comma inside a field of a log that commas part; write decimal points, or "
                      "part fields by semicolons",
                      quoted_field(text)));
    }
    if (commas > 1 || (commas > 0 && point)) {
      refuse_line(line, fmt::format("{} parts thousands; write it without", quoted_field(text)));
    }
    const char mark = point ? '.' : ',';
    if (mark_ != 0 && mark_ != mark) {
      refuse_line(line, fmt::format("{} has a decimal {}, lines above the other mark", quoted_field(text),
                                    point ? "point" : "comma"));
    }
    mark_ = mark;
    comma = comma || commas > 0;
    std::ranges::replace(text, ',', '.');
    return text;
  }

  // "1,234" with three digits each time, and nothing else to tell what the comma is.
  bool decimals_in_doubt() const {
    return value_comma_ && !time_comma_ && grouped_ && (whole_ || lines_.separator() != ';');
  }

  // Means of powers told for the same moment, as by a clock of whole seconds; of totals the last counts.
  void join_equal_times() {
    std::vector<MeterReading> joined;
    double count = 0;
    for (const MeterReading& reading : log_.readings) {
      if (joined.empty() || joined.back().unix_time != reading.unix_time) {
        joined.push_back(reading);
        count = 1;
      } else if (log_.joules) {
        joined.back() = reading;
      } else {
        ++count;
        joined.back().value += (reading.value - joined.back().value) / count;
      }
    }
    log_.readings = std::move(joined);
  }

  void judge_power() const {
    const auto by_value = [](const MeterReading& a, const MeterReading& b) { return a.value < b.value; };
    const auto [low, high] = std::ranges::minmax_element(log_.readings, by_value);
    if (high->value <= 0) refuse("no reading is above 0 W; does the meter feed this machine?");
    if (places_.unit == MeterPlaces::Unit::told) return;
    if (high->value < kLeastPlainWatts || high->value > kMostPlainWatts) {
      refuse(fmt::format("up to {:g} without a unit is hardly watts; give --meter-unit mW, W or kW",
                         high->value));
    }
    if (places_.unit != MeterPlaces::Unit::none) return;
    // Supplies of 5 and 12 V, and mains.
    for (const auto& [least, most] : {std::pair(4.75, 5.25), {11.4, 12.6}, {95.0, 132.0}, {195.0, 264.0}}) {
      if (low->value >= least && high->value <= most) {
        refuse(fmt::format(
            "without a header, values from {:g} to {:g} may be volts; name the unit with --meter-unit W, "
            "or another column with --meter-column N",
            low->value, high->value));
      }
    }
    if (log_.readings.size() >= 8 && std::ranges::is_sorted(log_.readings, by_value) &&
        high->value > 2 * low->value) {
      refuse(
          "without a header, values that never fall may be a total of energy; name the unit with "
          "--meter-unit W, J, Wh "
          "or kWh");
    }
  }

  void judge_total() const {
    std::size_t rises = 0, falls = 0;
    for (std::size_t i = 1; i < log_.readings.size(); ++i) {
      rises += log_.readings[i].value > log_.readings[i - 1].value ? 1 : 0;
      falls += log_.readings[i].value < log_.readings[i - 1].value ? 1 : 0;
    }
    if (rises == 0 && falls == 0) {
      refuse(
          "the total never rises: the meter is too coarse, sees another machine, or tells the energy of each "
          "interval");
    }
    if (rises == 0) refuse("the total falls all along; is the clamp reversed?");
    if (falls > rises || (falls + rises >= 8 && 3 * falls > rises)) {
      refuse("it falls as it rises and is no running total; energy of each interval is not read, power is");
    }
  }

  MeterLines lines_;
  const std::string& source_;
  MeterLine first_;
  bool header_ = false;
  MeterPlaces places_;
  MeterLog log_;
  std::size_t first_skipped_ = 0, last_line_ = 0;
  Nanoseconds last_time_ = 0;
  bool moved_ = false, newest_first_ = false;
  char mark_ = 0;
  bool time_comma_ = false, value_comma_ = false;
  bool grouped_ = true, whole_ = false;  // see decimals_in_doubt()
  int decimals_ = 0;
};

}  // namespace

MeterColumns parse_meter_columns(std::string_view text) {
  MeterColumns columns;
  columns.strict_unit = true;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view field = trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const std::size_t equals = std::min(field.find('='), field.size());
    const std::string_view key = field.substr(0, equals);
    const std::string value(field.substr(std::min(equals + 1, field.size())));
    if (key == "t" && !value.empty()) {
      columns.time = value;
    } else if ((key == "watts" || key == "joules") && !value.empty()) {
      columns.value = value;
      columns.unit = std::string(1, key == "joules" ? 'J' : 'W');
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

MeterLog parse_meter_lines(std::string_view text, const std::string& source, const MeterColumns& columns) {
  return MeterReader(text, source, columns).take();
}

MeterLog parse_meter_log(std::string_view text, const std::string& source, const MeterColumns& columns) {
  MeterReader reader(text, source, columns);
  reader.judge();
  return reader.take();
}

void check_meter_unit(std::string_view text) {
  if (meter_unit(text)) return;
  throw Error(fmt::format(
      "--meter-unit '{}' is none of W, mW, uW, kW, MW, J, mJ, uJ, kJ, MJ, Ws, Wh, mWh, kWh and MWh", text));
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
    const std::optional<double> value = meter_real(part);
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
