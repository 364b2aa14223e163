// Parts that the readers of meters' logs share; private to meter*.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/protocol/meter.h"

namespace godwit::energy {

// A line of a delimited text.
struct MeterLine {
  std::size_t number = 0;  // from 1
  bool whole = true;       // it has an end: nobody is still writing it
  std::vector<std::string> fields;
};

// The lines of a log, without blank ones and comments (#). Fields are separated by tabs, semicolons, commas,
// bars or blanks, whichever splits the first lines alike.
class MeterLines {
 public:
  // Throws Error for texts that are not of single bytes (UTF-16, binary).
  MeterLines(std::string_view text, std::string source);

  // False at the end. Throws Error for a quoted field without an end.
  bool next(MeterLine& line);
  char separator() const { return separator_; }

 private:
  std::optional<std::string_view> raw_line(bool& whole);

  std::string_view rest_;
  std::string source_;
  char end_ = '\n', separator_ = ',';
  std::size_t number_ = 0;
};

// The kind of quantity that a column's name or a unit speaks of. `other`: volts, amperes, a power factor …
enum class MeterQuantity { unknown, time, power, energy, other };

struct MeterMeaning {
  MeterQuantity quantity = MeterQuantity::unknown;
  double scale = 0;  // of one unit in W, J or ns; 0: the name says no unit
  std::string unit;  // as it was written
};
// Meaning of a name such as "Power (W)", "power_mw", "energy_kwh", "Time [ms]", "Voltage".
MeterMeaning meaning_of(std::string_view name);
// A unit by itself ("kWh"); nullopt where it is none of power or energy.
std::optional<MeterMeaning> meter_unit(std::string_view text);

// Places of what is read in each line, from 0.
struct MeterPlaces {
  std::size_t time = 0, value = 0;
  std::optional<std::size_t> date;  // a day that stands in a column of its own
  double time_ns = 0;               // of one unit of the times; 0: by their number of digits
  bool joules = false;
  double scale = 1;
  // The ground of the unit: an option or the header, a bare word like "power", or nothing at all.
  enum class Unit { told, word, none } unit = Unit::told;
  std::string label;  // "column 'kW' in kW"
};
// The columns that the options or else the names tell; `header` is false where `first` holds values already.
// Throws Error with the columns and the way out where none or several may be meant.
MeterPlaces places_of(const MeterLine& first, bool header, const MeterColumns& columns,
                      const std::string& source);

// Unix nanoseconds; `unit_ns` as MeterPlaces::time_ns. `zoneless` is set where a date names no zone.
std::optional<Nanoseconds> meter_time(std::string_view text, double unit_ns, bool& zoneless);
std::optional<double> meter_real(std::string_view text);
// A field for an error: at most 40 characters in quotes.
std::string quoted_field(std::string_view text);

}  // namespace godwit::energy
