// Quantities and units that names of columns tell.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <span>

#include "runtime/energy/protocol/meter_parts.h"

namespace godwit::energy {
namespace {

using enum MeterQuantity;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_word(char c) {
  return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c == '%' ||
         static_cast<unsigned char>(c) >= 0x80;
}

struct Named {
  std::string_view name;
  MeterQuantity quantity;
  double scale;
};

constexpr std::array<Named, 4> kBases = {
    {{"wh", energy, 3600}, {"ws", energy, 1}, {"w", power, 1}, {"j", energy, 1}}};
constexpr std::array<Named, 6> kLongBases = {{{"watt", power, 1},
                                              {"watts", power, 1},
                                              {"joule", energy, 1},
                                              {"joules", energy, 1},
                                              {"watthour", energy, 3600},
                                              {"watthours", energy, 3600}}};
struct Prefix {
  std::string_view name;
  double scale;
};
constexpr std::array<Prefix, 6> kLongPrefixes = {
    {{"", 1}, {"kilo", 1e3}, {"milli", 1e-3}, {"mega", 1e6}, {"micro", 1e-6}, {"nano", 1e-9}}};
constexpr std::array<Prefix, 5> kShortPrefixes = {
    {{"", 1}, {"k", 1e3}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}}};

constexpr std::array<Named, 16> kTimeUnits = {{{"s", time, 1e9},
                                               {"sec", time, 1e9},
                                               {"secs", time, 1e9},
                                               {"second", time, 1e9},
                                               {"seconds", time, 1e9},
                                               {"ms", time, 1e6},
                                               {"msec", time, 1e6},
                                               {"millis", time, 1e6},
                                               {"millisecond", time, 1e6},
                                               {"milliseconds", time, 1e6},
                                               {"us", time, 1e3},
                                               {"microsecond", time, 1e3},
                                               {"microseconds", time, 1e3},
                                               {"ns", time, 1},
                                               {"nanosecond", time, 1},
                                               {"nanoseconds", time, 1}}};

constexpr std::array<std::string_view, 19> kTimeWords = {
    "t",     "ts",  "time", "times",   "timestamp", "datetime",    "date",    "unix",    "unixtime", "epoch",
    "clock", "utc", "zeit", "uhrzeit", "datum",     "zeitstempel", "changed", "updated", "stamp"};
constexpr std::array<std::string_view, 7> kPowerWords = {"power",     "pwr",      "leistung", "wirkleistung",
                                                         "puissance", "potencia", "potenza"};
constexpr std::array<std::string_view, 3> kEnergyWords = {"energy", "energie", "energia"};
// Whatever unit stands beside these, the column is no active power.
constexpr std::array<std::string_view, 7> kNeverWords = {"apparent", "reactive", "factor", "pf",
                                                         "cos",      "cosphi",   "phi"};
constexpr std::array<std::string_view, 32> kOtherWords = {
    "voltage", "volt", "volts",  "v",         "mv",   "kv",          "spannung", "current",
    "amp",     "amps", "ampere", "amperes",   "a",    "ma",          "ka",       "strom",
    "hz",      "khz",  "freq",   "frequency", "temp", "temperature", "celsius",  "c",
    "va",      "mva",  "kva",    "var",       "kvar", "percent",     "%",        "ohm"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// "kWh", "mW", "microjoules"; `capitals` where the whole name has no small letter, so that an M may mean
// either milli or mega.
std::optional<MeterMeaning> unit_of(const std::string& token, bool capitals) {
  const std::string small = lower(token);
  for (const Prefix& prefix : kLongPrefixes) {
    for (const Named& base : kLongBases) {
      if (small == fmt::format("{}{}", prefix.name, base.name))
        return MeterMeaning{base.quantity, prefix.scale * base.scale, token};
    }
  }
  for (const Prefix& prefix : kShortPrefixes) {
    for (const Named& base : kBases) {
      if (small != fmt::format("{}{}", prefix.name, base.name)) continue;
      double scale = prefix.scale * base.scale;
      if (prefix.name == "m" && token[0] == 'M') {
        const bool proper = token == "MW" || token == "MJ" || token == "MWh" || token == "MWs";
        scale = proper && !capitals ? 1e6 * base.scale : 0;
      }
      return MeterMeaning{base.quantity, scale, token};
    }
  }
  return std::nullopt;
}

struct Token {
  std::string text;
  bool bracketed = false;
};

std::vector<Token> tokens_of(std::string_view name) {
  std::vector<Token> tokens;
  std::string word;
  int depth = 0;
  const auto finish = [&] {
    if (!word.empty()) tokens.push_back({word, depth > 0});
    word.clear();
  };
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    // Both letters mu.
    if (name.substr(i, 2) == "\xC2\xB5" || name.substr(i, 2) == "\xCE\xBC") {
      word += 'u';
      ++i;
    } else if (name.substr(i, 2) == "\xC2\xB7") {  // the dot of kW·h
      finish();
      ++i;
    } else if (is_word(c)) {
      word += c;
    } else {
      finish();
      depth += c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
    }
  }
  finish();
  return tokens;
}

// "ActivePower" and "PowerMW" into their words; a unit by itself stays whole.
std::vector<Token> without_camels(const std::vector<Token>& tokens) {
  std::vector<Token> result;
  for (const Token& token : tokens) {
    if (unit_of(token.text, false)) {
      result.push_back(token);
      continue;
    }
    std::vector<std::string> words(1);
    for (const char c : token.text) {
      if (is_upper(c) && !words.back().empty() && is_lower(words.back().back())) words.emplace_back();
      words.back() += c;
    }
    // "powermW": an m that may belong to either side belongs to neither.
    for (std::size_t i = 1; i < words.size(); ++i) {
      const std::string before = lower(words[i - 1]);
      if (unit_of(words[i], false) && !among(kPowerWords, before) && !among(kEnergyWords, before)) {
        words = {token.text};
      }
    }
    for (const std::string& word : words) result.push_back({word, token.bracketed});
  }
  return result;
}

}  // namespace

MeterMeaning meaning_of(std::string_view name) {
  const std::vector<Token> tokens = without_camels(tokens_of(name));
  const bool capitals = tokens.size() > 1 && std::ranges::none_of(name, is_lower);
  MeterMeaning unit, clock;
  bool bracketed = false, never = false, power_word = false, energy_word = false, time_word = false,
       odd = false;
  bool odd_bracketed = false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string word = lower(tokens[i].text);
    never = never || among(kNeverWords, word);
    power_word = power_word || among(kPowerWords, word);
    energy_word = energy_word || among(kEnergyWords, word);
    time_word = time_word || among(kTimeWords, word);
    if (among(kOtherWords, word)) {
      odd = true;
      odd_bracketed = odd_bracketed || tokens[i].bracketed;
    }
    const auto tick = std::ranges::find(kTimeUnits, word, &Named::name);
    if (tick != kTimeUnits.end()) clock = {time, tick->scale, tokens[i].text};
    std::optional<MeterMeaning> found = unit_of(tokens[i].text, capitals);
    if (!found) continue;
    // "kW h", "watt hours"
    if (i + 1 < tokens.size() && found->quantity == power) {
      const std::string next = lower(tokens[i + 1].text);
      if (next == "h" || next == "hr" || next == "hour" || next == "hours") {
        found->quantity = energy;
        found->scale *= 3600;
        found->unit += "h";
      }
    }
    // The word in brackets is the unit; else the last one is.
    if (bracketed && !tokens[i].bracketed) continue;
    bracketed = tokens[i].bracketed;
    unit = *found;
  }
  if (never || (odd_bracketed && !bracketed)) return {other, 0, ""};
  if (unit.quantity != unknown) {
    // "power_j": one of the two is wrong, and who knows which.
    const bool contradicts = unit.quantity == power ? energy_word && !power_word : power_word && !energy_word;
    return contradicts ? MeterMeaning{} : unit;
  }
  if (power_word && !energy_word) return {power, 0, ""};
  if (energy_word && !power_word) return {energy, 0, ""};
  if (power_word || energy_word) return {};
  if (odd) return {other, 0, ""};
  if (time_word || (clock.scale > 0 && tokens.size() == 1)) return {time, clock.scale, clock.unit};
  return {};
}

std::optional<MeterMeaning> meter_unit(std::string_view text) {
  const std::vector<Token> tokens = tokens_of(text);
  if (tokens.empty() || tokens.size() > 2) return std::nullopt;
  const MeterMeaning meaning = meaning_of(text);
  const bool good = (meaning.quantity == power || meaning.quantity == energy) && meaning.scale > 0;
  return good ? std::optional(meaning) : std::nullopt;
}

}  // namespace godwit::energy
