// What commands print: results on stdout, messages and a progress bar on stderr, tables and numbers for
// people.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::tools {

// Keys keep the order in which they were set.
using Json = nlohmann::ordered_json;

// Writes to stdout. Throws Error (ErrorKind::failed) when stdout is closed or full.
void print(std::string_view text);
// JSON on one line; bytes that are not UTF-8 are replaced, numbers that are not finite become null.
std::string json_text(const Json& json);
// The same on stdout, with a line end.
void print_json(const Json& json);
// The text without control characters, its lines joined by "; ".
std::string one_line(std::string_view text);
// "godwit: …" on stderr.
void message(std::string_view text);
// "godwit: error: …" on stderr, always one line.
void error_message(std::string_view text);

// Seconds since construction.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

// A bar on stderr, drawn only when stderr is a terminal; gone when the object is.
class Progress {
 public:
  Progress(std::string unit, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::size_t count = 1);
  // A message line that leaves the bar intact.
  void say(std::string_view text);
  // Takes the bar away until the next advance(), so that a result can be printed where it stood.
  void clear();

 private:
  void draw();

  std::string unit_;
  std::size_t total_;
  std::size_t done_ = 0;
  bool visible_;
  double drawn_at_ = -1;
  Stopwatch watch_;
};

// Text in columns, numbers to the right; two spaces between columns.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::right;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "3.86 G", "412 k", "17": three significant digits with a decimal prefix.
std::string with_prefix(double value);
double to_mib(std::size_t bytes);
// "12.3 MiB".
std::string mib_text(std::size_t bytes);

// `quantile` (0 to 1) of sorted values, interpolated between neighbours; requires at least one value.
double quantile_of(const std::vector<double>& sorted, double quantile);

}  // namespace godwit::tools
