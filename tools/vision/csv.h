// Comma-separated values: quoted fields in, quoted fields out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace godwit::vision {

struct CsvTable {
  std::string source;  // names the text in errors
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // as many fields as the header

  // Column of that name. Throws Error naming the columns there are.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;
};

// Fields may be quoted ("" inside quotes is one quote, commas and line ends inside are kept); lines end with
// LF or CRLF; a byte-order mark and empty lines are skipped. Throws Error naming source and line.
CsvTable parse_csv(std::string_view text, const std::string& source);

// The field, quoted where it must be.
std::string csv_field(std::string_view text);

}  // namespace godwit::vision
