// Tables and numbers for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/counted.h"

namespace godwit::tools {

// The text without control characters, its lines joined by "; ".
std::string one_line(std::string_view text);

// Text in columns, numbers to the right; two spaces between columns.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::right;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // Adds a row of as many cells as there are columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "3.86 G", "412 k", "17": three significant digits with a decimal prefix.
std::string with_prefix(double value);
// The same with a unit, given for one: "3.86 GMACs", "1 MAC".
std::string with_unit(double value, std::string_view unit);
double to_mib(std::size_t bytes);
// "12.3 MiB".
std::string mib_text(std::size_t bytes);

// `quantile` (0 to 1) of sorted values, interpolated between neighbours; requires at least one value.
double quantile_of(const std::vector<double>& sorted, double quantile);

}  // namespace godwit::tools
