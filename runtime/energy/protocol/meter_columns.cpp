// Choosing the columns of a meter's log, or saying why that cannot be done.
#include <algorithm>
#include <fmt/format.h>

#include "runtime/energy/protocol/meter_parts.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

using enum MeterQuantity;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

class Chooser {
 public:
  Chooser(const MeterLine& first, bool header, const MeterColumns& columns, const std::string& source)
      : first_(first), header_(header), columns_(columns), source_(source) {
    for (const std::string& field : first.fields)
      meanings_.push_back(header ? meaning_of(field) : MeterMeaning{});
  }

  MeterPlaces choose() const {
    MeterPlaces places;
    if (first_.fields.size() < 2) {
      refuse(
          fmt::format("one field {} is no reading; expected a header such as t,watts and lines such as "
                      "1763695800.25,42.5",
                      quoted_field(first_.fields.front())));
    }
    places.value = value_column();
    choose_time(places);
    choose_unit(places);
    if (places.time == places.value) refuse("time and value are the same column" + all_columns());
    return places;
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(fmt::format("'{}' line {}: {}", source_, first_.number, reason));
  }

  // "; its columns are 1 'Time', 2 'Power (W)'"
  std::string all_columns() const {
    constexpr std::size_t kMost = 16;
    std::string text = header_ ? "; its columns are" : "; its columns begin with";
    for (std::size_t i = 0; i < std::min(first_.fields.size(), kMost); ++i)
      text += fmt::format("{} {} {}", i == 0 ? "" : ",", i + 1, quoted_field(first_.fields[i]));
    if (first_.fields.size() > kMost) text += fmt::format(" and {} more", first_.fields.size() - kMost);
    return text;
  }

  std::vector<std::size_t> columns_of(std::initializer_list<MeterQuantity> quantities) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < meanings_.size(); ++i) {
      if (std::ranges::find(quantities, meanings_[i].quantity) != quantities.end()) found.push_back(i);
    }
    return found;
  }

  // A column by its name, in small letters if need be, or by its place from 1.
  std::size_t named(const std::string& asked, const char* option) const {
    if (header_) {
      for (const bool exact : {true, false}) {
        std::vector<std::size_t> found;
        for (std::size_t i = 0; i < first_.fields.size(); ++i) {
          if (exact ? first_.fields[i] == asked : lower(first_.fields[i]) == lower(asked)) found.push_back(i);
        }
        if (found.size() > 1) {
          refuse(fmt::format("{} columns are named {}; give {} its place from 1", found.size(),
                             quoted_field(asked), option));
        }
        if (!found.empty()) return found.front();
      }
    }
    if (const auto place = parse_integer(asked); place && *place >= 1) {
      if (static_cast<std::size_t>(*place) <= first_.fields.size())
        return static_cast<std::size_t>(*place) - 1;
      refuse(fmt::format(
                 "{} {}: the table has {}", option, *place,
                 fmt::format("{} column{}", first_.fields.size(), first_.fields.size() == 1 ? "" : "s")) +
             all_columns());
    }
    refuse(fmt::format("there is no column {} ({})", quoted_field(asked), option) + all_columns());
  }

  std::size_t value_column() const {
    if (!columns_.value.empty()) return named(columns_.value, "--meter-column");
    const std::size_t count = first_.fields.size();
    if (!header_) {
      if (count == 2) return columns_.time == "2" ? 0 : 1;
      refuse("no header says which column is power; choose with --meter-column N --meter-unit UNIT" +
             all_columns());
    }
    const std::vector<std::size_t> found = columns_of({power, energy});
    if (found.size() == 1) return found.front();
    if (found.size() > 1) {
      refuse(fmt::format("{} columns may be meant; choose with --meter-column NAME|N", found.size()) +
             all_columns());
    }
    // Two columns, one of them time, and the unit told: nothing is left to guess.
    const std::vector<std::size_t> times = columns_of({time});
    if (count == 2 && times.size() == 1 && !columns_.unit.empty()) return 1 - times.front();
    refuse("no column is named as power or energy; choose with --meter-column NAME|N --meter-unit UNIT" +
           all_columns());
  }

  void choose_time(MeterPlaces& places) const {
    if (!columns_.time.empty()) {
      places.time = named(columns_.time, "--meter-time-column");
    } else if (!header_) {
      // Behind a value in front, or before one.
      places.time = places.value == 0 ? 1 : 0;
    } else {
      std::vector<std::size_t> found = columns_of({time});
      std::erase(found, places.value);
      if (found.size() == 2) {
        const auto is_date = [&](std::size_t i) {
          const std::string name = lower(first_.fields[i]);
          return name == "date" || name == "datum" || name == "day";
        };
        const auto is_time = [&](std::size_t i) {
          const std::string name = lower(first_.fields[i]);
          return name == "time" || name == "zeit" || name == "uhrzeit" || name == "time of day";
        };
        if (is_date(found[1])) std::swap(found[0], found[1]);
        if (is_date(found[0]) && is_time(found[1])) {
          places.date = found[0];
          found = {found[1]};
        }
      }
      if (found.empty() && first_.fields.size() == 2 && meanings_[1 - places.value].quantity == unknown)
        found = {1 - places.value};
      if (found.size() != 1) {
        refuse(fmt::format("{} named as time; choose with --meter-time-column NAME|N",
                           found.empty() ? "no column is" : fmt::format("{} columns are", found.size())) +
               all_columns());
      }
      places.time = found.front();
    }
    const MeterMeaning& meaning = meanings_[places.time];
    if (meaning.quantity == time && !places.date) places.time_ns = meaning.scale;
  }

  void choose_unit(MeterPlaces& places) const {
    const MeterMeaning& meaning = meanings_[places.value];
    const std::string name =
        header_ ? quoted_field(first_.fields[places.value]) : fmt::format("{}", places.value + 1);
    MeterMeaning unit = meaning;
    if (!columns_.unit.empty()) {
      const auto told = meter_unit(columns_.unit);
      if (!told) throw Error(fmt::format("'{}' is no unit of power or energy", columns_.unit));
      if (columns_.strict_unit && meaning.scale > 0 &&
          (meaning.quantity != told->quantity || meaning.scale != told->scale)) {
        refuse(fmt::format(
            "column {} is in {}; give --meter-column and --meter-unit in place of --meter-columns", name,
            meaning.unit));
      }
      unit = *told;
    } else if (!header_) {
      unit = {power, 1, "W"};
      places.unit = MeterPlaces::Unit::none;
    } else if (meaning.quantity == power && meaning.unit.empty()) {
      unit = {power, 1, "W"};
      places.unit = MeterPlaces::Unit::word;
    } else if (meaning.quantity != power && meaning.quantity != energy) {
      refuse(fmt::format("column {} names no unit of power or energy; give --meter-unit UNIT", name));
    } else if (meaning.scale <= 0) {
      refuse(meaning.unit.empty()
                 ? fmt::format("column {} names no unit; give --meter-unit J, Wh or kWh", name)
                 : fmt::format("column {}: {} may be milli or mega; give --meter-unit", name, meaning.unit));
    }
    places.joules = unit.quantity == energy;
    places.scale = unit.scale;
    places.label = fmt::format("column {} in {}", name, unit.unit);
  }

  const MeterLine& first_;
  bool header_;
  const MeterColumns& columns_;
  const std::string& source_;
  std::vector<MeterMeaning> meanings_;
};

}  // namespace

MeterPlaces places_of(const MeterLine& first, bool header, const MeterColumns& columns,
                      const std::string& source) {
  return Chooser(first, header, columns, source).choose();
}

}  // namespace godwit::energy
