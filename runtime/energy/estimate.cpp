// The estimators' formulas.
#include "runtime/energy/estimate.h"

#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// The digits [begin, begin + length) of a date; -1 where they are none.
int digits(std::string_view date, std::size_t begin, std::size_t length) {
  int value = 0;
  const char* first = date.data() + begin;
  const auto [end, error] = std::from_chars(first, first + length, value);
  return error == std::errc() && end == first + length ? value : -1;
}

}  // namespace

int ordinal_day(std::string_view date) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool shape = date.size() == 10 && date[4] == '-' && date[7] == '-';
  const int year = shape ? digits(date, 0, 4) : -1, month = shape ? digits(date, 5, 2) : -1,
            day = shape ? digits(date, 8, 2) : -1;
  const auto days_of = [&](int of) {
    return kDays[static_cast<std::size_t>(of) - 1] + (of == 2 && is_leap(year) ? 1 : 0);
  };
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of(month))
    throw Error(fmt::format("'{}' is not a date, expected one like 2018-03-27", date));
  const int before = year - 1;
  int total = before * 365 + before / 4 - before / 100 + before / 400 + day;
  for (int i = 1; i < month; ++i) total += days_of(i);
  return total;
}

double Trend::flops_per_joule(int day) const { return 1e9 * std::pow(10.0, intercept + per_day * day); }

double Trend::per_year() const { return std::pow(10.0, per_day * 365.25); }

Estimated<Joules> estimate_by_trend(double flops, int day, std::string_view precision, const Trend& trend) {
  if (precision == "int8") {
    throw Error(
        "the trend says nothing about int8: operations per watt overstate what it saves; measure it, or "
        "calibrate with 'godwit energy calibrate'");
  }
  if (!trend.covers(day)) {
    throw Error(
        "the trend was fitted to accelerators launched from 2010-11-09 to 2020-09-01 and is not drawn past "
        "them");
  }
  if (!(flops > 0)) throw Error("FLOPs must be above 0");
  return Estimated<Joules>::within_factor(Joules{flops / trend.flops_per_joule(day)}, kUncalibratedFactor);
}

}  // namespace godwit::energy
