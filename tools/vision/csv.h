// Tables in text: comma-, semicolon- or tab-separated values in, comma-separated out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::vision {

struct CsvTable {
  std::string source;  // names the text in errors
  char separator = ',';
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // as many fields as the header
  std::vector<std::size_t> lines;              // of each row, from 1

  // Column of that name, whatever its case and the spaces, hyphens and underscores in it. Throws Error naming
  // the columns there are, or two that have it.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;
  // "'t.csv' line 7", of a row.
  std::string place(std::size_t row) const;
};

// The name as columns are compared: lower case, without spaces, hyphens and underscores.
std::string column_key(std::string_view name);

// Reads a table with a header line. Text is in any encoding of utf8_text() and has any line end of
// lines_of(). The separator is that of , ; and tab which the header holds; where it holds several, the one by
// which all rows have its number of fields, and a first line "sep=;" says it. Fields may be quoted ("" inside
// is one quote, separators and line ends inside are kept); spaces around fields and empty lines do not count.
// Throws Error naming source and line.
CsvTable parse_csv(std::string_view bytes, const std::string& source);

// One line's fields by this separator, as parse_csv() takes them; nullopt where quotes do not match.
std::optional<std::vector<std::string>> csv_fields(std::string_view line, char separator);

// A field as a number; in tables that are not comma-separated the decimal sign may be a comma. nullopt for
// anything else, and for what is not finite.
std::optional<double> csv_number(std::string_view field, char separator);

// The field, quoted where it must be.
std::string csv_field(std::string_view text);

}  // namespace godwit::vision
