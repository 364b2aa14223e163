// Logs as meters write them: each gives its joules, or the reason why it is refused.
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>

#include "runtime/energy/protocol/meter.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

constexpr std::int64_t kBegin = 1'763'695'800;  // 2025-11-21T03:30:00Z

// Twenty seconds of 20 W, a reading every quarter of a second.
struct Twin {
  std::string header;
  std::function<std::string(double seconds)> line;
  MeterColumns columns;
};

std::string text_of(const Twin& twin, bool newest_first = false) {
  std::string text = twin.header;
  for (int i = 0; i <= 80; ++i) text += twin.line((newest_first ? 80 - i : i) * 0.25) + "\n";
  return text;
}

double joules_of(const MeterLog& log) {
  return series_of(log).joules(kBegin * kSecond, (kBegin + 20) * kSecond);
}

std::string unix_s(double seconds) { return fmt::format("{:.3f}", static_cast<double>(kBegin) + seconds); }

std::string with_commas(std::string text) {
  for (char& c : text) c = c == '.' ? ',' : c;
  return text;
}

// "2025-11-21T04:30:01.250" of a clock so many hours east.
std::string iso(double seconds, int east) {
  const double whole = std::floor(seconds);
  return fmt::format("2025-11-21T{:02}:30:{:02.0f}.{:03.0f}", 3 + east, whole, 1000 * (seconds - whole));
}

// A column named so, with so many of its units for each watt or joule.
void expect_unit(const std::string& name, double per_si, bool energy, const std::string& unit = "") {
  const auto value = [&](double seconds) { return (energy ? 1e3 + 20 * seconds : 20) * per_si; };
  const Twin twin{"time," + name + "\n",
                  [&](double s) { return fmt::format("{},{:.12f}", unix_s(s), value(s)); },
                  {"", "", unit}};
  const MeterLog log = parse_meter_log(text_of(twin), "m.csv", twin.columns);
  EXPECT_EQ(log.joules, energy) << name;
  // Twelve decimals of the largest unit hold microjoules; a power is kept in whole microwatts.
  EXPECT_NEAR(joules_of(log), 400, 1e-4) << name;
}

TEST(MeterUnits, AreReadFromTheHeader) {
  for (const char* name :
       {"watts", "W", "Power (W)", "Power [W]", "power_w", "PowerW", "power", "active_power", "ActivePower",
        "Active Power", "P (W)", "Leistung (W)", "Wirkleistung", "POWER", "P/W", "current_power_w",
        "avg_power_watts", "Power, W"}) {
    if (std::string(name).find(',') != std::string::npos) {
      expect_unit(fmt::format("\"{}\"", name), 1, false);
    } else {
      expect_unit(name, 1, false);
    }
  }
  for (const char* name : {"mW", "power_mw", "Power (mW)", "milliwatts", "P_mW"})
    expect_unit(name, 1e3, false);
  for (const char* name : {"kW", "KW", "power_kw", "Power (kW)", "kilowatts"}) expect_unit(name, 1e-3, false);
  expect_unit("power_uw", 1e6, false);
  expect_unit("Power (\xC2\xB5W)", 1e6, false);
  for (const char* name : {"joules", "J", "energy_j", "Energy (J)", "Ws"}) expect_unit(name, 1, true);
  for (const char* name : {"Wh", "energy_wh", "Energy (Wh)", "watt-hours", "W h"})
    expect_unit(name, 1 / 3600.0, true);
  for (const char* name : {"kWh", "energy_kwh", "Total Energy (kWh)", "kilowatt hours", "kW\xC2\xB7h"})
    expect_unit(name, 1 / 3.6e6, true);
  for (const char* name : {"energy_uj", "\xC2\xB5J", "\xCE\xBCJ", "microjoules"})
    expect_unit(name, 1e6, true);
  for (const char* name : {"energy_mj", "mJ", "total_energy_consumption_mj"}) expect_unit(name, 1e3, true);
  expect_unit("Energy (MJ)", 1e-6, true);
  expect_unit("kJ", 1e-3, true);
}

TEST(MeterUnits, AreToldByTheOption) {
  expect_unit("energy", 1 / 3.6e6, true, "kWh");
  expect_unit("energy", 1 / 3600.0, true, "Wh");
  expect_unit("value", 1e3, false, "mW");
  expect_unit("power", 1e-3, false, "kW");
  expect_unit("MW_OR_SO", 1e3, false, "mW");
  for (const char* unit :
       {"W", "mW", "uW", "kW", "MW", "J", "mJ", "uJ", "kJ", "MJ", "Ws", "Wh", "mWh", "kWh", "MWh"})
    EXPECT_NO_THROW(check_meter_unit(unit)) << unit;
  for (const char* unit : {"", "V", "A", "VA", "watt per hour", "horsepower", "%"})
    EXPECT_THROW(check_meter_unit(unit), Error) << unit;
}

TEST(MeterFormats, OfTimeAndSeparatorsAreRead) {
  const auto watts = [](const std::string& time) { return time + ",20.0"; };
  const std::vector<std::pair<const char*, Twin>> twins = {
      {"seconds", {"t,watts\n", [&](double s) { return watts(unix_s(s)); }, {}}},
      {"ms", {"t,watts\n", [&](double s) { return watts(fmt::format("{:.0f}", (kBegin + s) * 1e3)); }, {}}},
      {"us", {"t,watts\n", [&](double s) { return watts(fmt::format("{:.0f}", (kBegin + s) * 1e6)); }, {}}},
      {"ns",
       {"t,watts\n",
        [&](double s) { return watts(fmt::format("{}000000", kBegin * 1000 + std::lround(s * 1e3))); },
        {}}},
      {"time_ms",
       {"time_ms,watts\n", [&](double s) { return watts(fmt::format("{:.0f}", (kBegin + s) * 1e3)); }, {}}},
      {"z", {"Time,watts\n", [&](double s) { return watts(iso(s, 0) + "Z"); }, {}}},
      {"+01:00", {"timestamp,watts\n", [&](double s) { return watts(iso(s, 1) + "+01:00"); }, {}}},
      {"+0100", {"t,watts\n", [&](double s) { return watts(iso(s, 1) + "+0100"); }, {}}},
      {"-02", {"t,watts\n", [&](double s) { return watts(iso(s, -2) + "-02"); }, {}}},
      {"utc", {"t,watts\n", [&](double s) { return watts(iso(s, 0) + " UTC"); }, {}}},
      {"date and time",
       {"Date,Time,Power (W)\n", [&](double s) { return watts(iso(s, 0).replace(10, 1, ",")); }, {}}},
      {"tabs", {"t\twatts\n", [&](double s) { return unix_s(s) + "\t20.0"; }, {}}},
      {"semicolons", {"t;watts\n", [&](double s) { return with_commas(unix_s(s)) + ";20,00"; }, {}}},
      {"iso and decimal comma", {"Zeit;Leistung (W)\n", [&](double s) { return iso(s, 0) + "Z;20,0"; }, {}}},
      {"blanks", {"t watts\n", [&](double s) { return unix_s(s) + "  20.0"; }, {}}},
      {"bars", {"t | watts\n", [&](double s) { return unix_s(s) + " | 20.0"; }, {}}},
      {"quotes",
       {"\"t\",\"Power (W)\"\n", [&](double s) { return fmt::format("\"{}\",\"20.0\"", unix_s(s)); }, {}}},
      {"mark, CRLF and comments",
       {"\xEF\xBB\xBF# a meter\r\n\r\nt,watts\r\n", [&](double s) { return unix_s(s) + ",20.0\r"; }, {}}},
      {"Excel's line", {"sep=;\nt;watts\n", [&](double s) { return unix_s(s) + ";20.0"; }, {}}},
      {"volts beside",
       {"Time,Voltage (V),Power (W)\n", [&](double s) { return unix_s(s) + ",230.1,20.0"; }, {}}},
      {"many beside",
       {"time,voltage,current,power_factor,apparent_power_va,power_w,frequency\n",
        [&](double s) { return unix_s(s) + ",230.1,0.1,0.87,23.0,20.0,50.0"; },
        {}}},
      {"no header, chosen", {"", [&](double s) { return unix_s(s) + ",230.1,20.0"; }, {"", "3", ""}}},
      {"chosen by name",
       {"t,state,power_limit_w,power_w\n",
        [&](double s) { return unix_s(s) + ",on,65,20.0"; },
        {"", "POWER_W", ""}}},
      {"time chosen",
       {"n,when,P\n", [&](double s) { return fmt::format("7,{},20.0", unix_s(s)); }, {"when", "P", "W"}}},
      {"header again",
       {"t,watts\n", [&](double s) { return (s == 5 ? "t,watts\n" : "") + unix_s(s) + ",20.0"; }, {}}},
  };
  for (const auto& [name, twin] : twins) {
    for (const bool newest_first : {false, true}) {
      SCOPED_TRACE(fmt::format("{}, {} first", name, newest_first ? "newest" : "oldest"));
      const MeterLog log = parse_meter_log(text_of(twin, newest_first), "m.csv", twin.columns);
      EXPECT_EQ(log.readings.size(), 81U);
      // Times of whole milliseconds at either end, of 20 W.
      EXPECT_NEAR(joules_of(log), 400, 0.04);
    }
  }
}

TEST(MeterFormats, ReadingsOfTheSameMomentAreAveraged) {
  const MeterLog log = parse_meter_log("t,watts\n1,10\n1,30\n2,20\n3,20\n", "m.csv");
  ASSERT_EQ(log.readings.size(), 3U);
  EXPECT_EQ(log.readings[0].value, 20);
}

void expect_refused(const std::string& text, const std::string& words, const MeterColumns& columns = {}) {
  try {
    parse_meter_log(text, "m.csv", columns);
    ADD_FAILURE() << "read: " << text.substr(0, 60);
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_TRUE(what.starts_with("'m.csv'")) << what;
    EXPECT_NE(what.find(words), std::string::npos) << what << "\nexpected: " << words;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

TEST(MeterFormats, WhatIsAmbiguousIsRefusedWithTheColumns) {
  expect_refused(
      "1,230.1,20\n2,230.1,20\n",
      "line 1: no header says which column is power; choose with --meter-column N --meter-unit UNIT; its "
      "columns begin with 1 '1', 2 '230.1', 3 '20'");
  expect_refused("1,230.1\n2,230.4\n", "may be volts; name the unit with --meter-unit W");
  expect_refused("Zeit,Spannung,x\n1,230.1,20\n2,230,20\n",
                 "no column is named as power or energy; choose with --meter-column NAME|N --meter-unit "
                 "UNIT; its columns "
                 "are 1 'Zeit', 2 'Spannung', 3 'x'");
  expect_refused("t,Voltage (V)\n1,230.1\n2,230\n", "no column is named as power or energy");
  expect_refused("t,apparent_power (VA)\n1,23\n2,23\n", "no column is named as power or energy");
  expect_refused("t,power_w,energy_j\n1,20,0\n2,20,20\n",
                 "2 columns may be meant; choose with --meter-column NAME|N");
  expect_refused("t,power_min_w,power_max_w\n1,20,30\n2,20,30\n", "2 columns may be meant");
  expect_refused("t,energy\n1,0\n2,20\n", "column 'energy' names no unit; give --meter-unit J, Wh or kWh");
  expect_refused("T,POWER_MW\n1,20000\n2,20000\n", "MW may be milli or mega; give --meter-unit");
  expect_refused("t,power\n1,20000\n2,20000\n", "hardly watts; give --meter-unit mW, W or kW");
  expect_refused("t,power\n1,0.02\n2,0.02\n", "hardly watts");
  expect_refused("watts,volts\n20,230\n20,230\n",
                 "no column is named as time; choose with --meter-time-column");
  expect_refused("time,clock,watts\n1,1,20\n2,2,20\n", "2 columns are named as time");
  expect_refused("t,watts\n1,20\n2,20\n", "there is no column 'P' (--meter-column); its columns are",
                 {"", "P", ""});
  expect_refused("t,watts\n1,20\n2,20\n", "--meter-column 3: the table has 2 columns", {"", "3", ""});
  expect_refused("t,watts,watts\n1,20,2\n2,20,2\n", "2 columns are named 'watts'", {"", "watts", ""});
  expect_refused("t,Voltage (V)\n1,230\n2,230\n", "names no unit of power or energy; give --meter-unit",
                 {"", "2", ""});
  expect_refused("t,powermW\n1,20000\n2,20000\n", "no column is named as power or energy");
  expect_refused("log\n1\n2\n", "line 1: one field 'log' is no reading");
  expect_refused("t,kW\n1,0.02\n2,0.02\n", "column 'kW' is in kW", parse_meter_columns("t=t,watts=kW"));
  std::string rising;
  for (int i = 1; i < 20; ++i) rising += fmt::format("{},{}\n", i, 20 * i);
  expect_refused(rising, "may be a total of energy");
}

TEST(MeterFormats, LinesThatDoNotFitAreRefusedWithNumberAndReason) {
  expect_refused("t,watts\n1,20\n2,20,5\n3,20\n", "line 3: 3 fields, the header has 2; with decimal commas");
  expect_refused("t,watts\n1795919037,986,20,00\n",
                 "line 2: 4 fields, the header has 2; with decimal commas");
  expect_refused("t,watts\n1,20\n2\n", "line 3: 1 field, the header has 2");
  expect_refused("t,watts\n1,\"20,5\"\n2,\"20,5\"\n", "line 2: '20,5' has a comma inside a field");
  expect_refused("t;watts\n1,5;20,0\n2,5;20.0\n",
                 "line 3: '20.0' has a decimal point, lines above the other mark");
  expect_refused("t;watts\n1;1.234,5\n2;1.234,5\n", "line 2: '1.234,5' parts thousands");
  expect_refused("t\twatts\n1\t1,234\n2\t999\n", "may part thousands or decimals");
  expect_refused("t,watts\n1,20\n2,-20\n",
                 "line 3: '-20' is below zero (column 'watts' in watts); is the clamp reversed?");
  expect_refused("t,watts\n1,20\n2,20 W\n", "line 3: '20 W' is no number");
  expect_refused("t,watts\n1,20\nnoon,20\n", "line 3: 'noon' is no time");
  expect_refused("t,watts\n1,20\n2,20\n1.5,20\n", "line 4: its time goes back while the log is oldest first");
  expect_refused("t,watts\n3,20\n2,20\n2.5,20\n", "line 4: its time goes on while the log is newest first");
  expect_refused("t,watts\n1,20\n2,2000000\n", "line 3: '2000000' in watts is beyond any machine");
  expect_refused("t,watts\n1,\"20\n2,20\n", "line 2: a quoted field does not end");
  expect_refused("power log\n1,20\n2,20\n", "line 2: 1 field, the header has 2");
  expect_refused(std::string("t\0,\0w\0", 6), "binary");
  expect_refused("\xFF\xFEt", "UTF-16");
}

TEST(MeterFormats, LogsThatCannotBeWhatTheySayAreRefusedAsAWhole) {
  expect_refused("t,watts\n1,0\n2,0\n", "no reading is above 0 W");
  expect_refused("t,joules\n1,5\n2,5\n3,5\n", "the total never rises");
  expect_refused("t,joules\n1,15\n2,10\n3,5\n", "the total falls all along; is the clamp reversed?");
  std::string intervals = "t,Energy (Wh)\n";
  for (int i = 0; i < 20; ++i) intervals += fmt::format("{},{}\n", i, i % 2 == 0 ? 0.5 : 0.6);
  expect_refused(intervals, "no running total");
}

TEST(MeterFormats, ALogThatIsBeingWrittenIsAskedForItsLinesOnly) {
  EXPECT_EQ(parse_meter_lines("t,joules\n1,5\n2,5\n", "m.csv").readings.size(), 2U);
  EXPECT_EQ(parse_meter_lines("t,wat", "m.csv").readings.size(), 0U);
  EXPECT_EQ(parse_meter_lines("t,watts\n1,20\n2,\"2", "m.csv").readings.size(), 1U);
  EXPECT_THROW(parse_meter_lines("t,volts\n", "m.csv"), Error);
}

}  // namespace
}  // namespace godwit::energy
