// Meters outside of this machine: their logs, their accuracy, and how their clock is brought into line with
// ours.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/protocol/analysis.h"

namespace godwit::energy {

// One line of a meter's log.
struct MeterReading {
  Nanoseconds unix_time = 0;
  double value = 0;  // watts, or joules since some beginning
};

struct MeterLog {
  bool joules = false;                 // a running total rather than power
  std::vector<MeterReading> readings;  // in ascending time
  std::size_t skipped = 0;             // lines that hold no value ("nan", "unavailable", nothing)
  double resolution_j = 0;             // of totals: one unit of the last digit that is written
  bool zoneless = false;               // its dates name no time zone
  std::string told;                    // "column 'kW' in kW, 313 readings"
};

// Columns to read in each line. Columns are names of the header line or places from 1. Empty: what the header
// names, such as "Time" and "Power (W)", "power_mw" or "energy_kwh"; a log of two columns without a header is
// time and watts.
struct MeterColumns {
  std::string time, value;
  std::string unit;          // W, mW, kW, J, Wh, kWh, uJ …; goes before the header's
  bool strict_unit = false;  // a unit of the header that differs is an error
};
// "t=NAME|N,watts=NAME|N" or with joules=. Throws Error.
MeterColumns parse_meter_columns(std::string_view text);

// Lines of values between commas, semicolons, tabs, bars or blanks, oldest or newest first. Times are unix
// time in s, ms, us or ns, or ISO 8601 (UTC where no zone is given). Throws Error with `source`, line and
// reason for whatever is not certain: columns, units, lines that do not fit, power below zero, times that go
// back; and for logs that as a whole cannot be power or a total.
MeterLog parse_meter_log(std::string_view text, const std::string& source, const MeterColumns& columns = {});
// The lines alone, of a log that is still being written: nothing is asked of the whole.
MeterLog parse_meter_lines(std::string_view text, const std::string& source,
                           const MeterColumns& columns = {});
// Throws Error where the option's text is no unit of power or energy.
void check_meter_unit(std::string_view text);

// Unix nanoseconds of "1763695800.25", "1763695800250" (ms; 16 digits us, 19 ns), "2025-11-21T03:30:00.250Z".
std::optional<Nanoseconds> parse_meter_time(std::string_view text);

// "0.5%rdg+0.1W", "1%", "0.2W". Throws Error.
MeterAccuracy parse_meter_accuracy(std::string_view text);

// Energy over unix time: powers by trapezoid, running totals as they are (a fall starts a new total).
EnergySeries series_of(const MeterLog& log);
// Seconds between two readings that differ, by their lower quartile; at least the median distance of
// readings.
double update_interval(const MeterLog& log);

// A time in which the machine was busy (1) or idle (0), on our clock.
struct Activity {
  Nanoseconds begin = 0, end = 0;
  bool busy = false;
};
std::vector<Activity> activities_of(const RunLog& log);

// The offset that brings a meter's times onto our clock.
struct Alignment {
  double offset_s = 0;
  double uncertainty_s = 0;  // standard
  double correlation = 0;
  std::string refused;  // why the meter cannot be aligned; empty: it is
};
// Cross-correlation of the meter's power with what the machine did, for offsets up to `reach_s` either way.
// `readings` and `activities` are on clocks that differ by the offset.
Alignment align(const MeterLog& log, const std::vector<Activity>& activities, double reach_s = 30);

// Ways to bring a meter's clock into line.
enum class MeterClock {
  automatic,  // by correlation where the log moves with the load, as it stands where it is flat
  pulse,      // by correlation, or not at all
  trusted,    // as it stands: both clocks are kept right, by NTP for instance
};

// A meter's log as a source for the windows of a run. A log that cannot be aligned gives an invalid verdict
// ("meter-unaligned"), one that does not reach over the windows another ("meter-gap"). Holes in it are holes
// of the source. `note` says in words how the clocks were brought together.
EnergySource source_of(const MeterLog& meter, const RunLog& log, MeterClock clock, const std::string& scope,
                       std::optional<MeterAccuracy> accuracy, std::string& note);

// A meter's stream while a run lasts: csv:FILE that some program writes to, fd:N, or - (stdin).
class MeterStream {
 public:
  // Throws Error where the text names none of these or the file cannot be opened.
  static std::unique_ptr<MeterStream> open(const std::string& text);
  virtual ~MeterStream() = default;
  // All that has come until now.
  virtual std::string text() = 0;
  virtual const std::string& name() const = 0;
};

// Waits until the stream has a reading at or after `unix_time`, or until nothing has come for three seconds;
// then parses it all.
MeterLog finish_meter(MeterStream& stream, Clock& clock, Nanoseconds unix_time, const MeterColumns& columns);

}  // namespace godwit::energy
