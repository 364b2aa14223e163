// A small reader for RFC 4180 text.
#include "tools/vision/csv.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/error.h"

namespace godwit::vision {

bool CsvTable::has_column(std::string_view name) const {
  return std::ranges::find(header, name) != header.end();
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::ranges::find(header, name);
  if (found == header.end()) {
    throw Error(
        fmt::format("'{}' has no column '{}'; its columns are {}", source, name, fmt::join(header, ", ")));
  }
  return static_cast<std::size_t>(found - header.begin());
}

CsvTable parse_csv(std::string_view text, const std::string& source) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvTable table;
  table.source = source;
  std::vector<std::string> record;
  std::string field;
  std::size_t line = 1, record_line = 1;
  bool quoted = false, was_quoted = false;

  const auto end_record = [&] {
    if (record.empty() && field.empty() && !was_quoted) return;
    record.push_back(std::move(field));
    field.clear();
    was_quoted = false;
    if (table.header.empty()) {
      table.header = std::move(record);
    } else if (record.size() != table.header.size()) {
      throw Error(fmt::format("'{}' line {} has {} fields, expected {}", source, record_line, record.size(),
                              table.header.size()));
    } else {
      table.rows.push_back(std::move(record));
    }
    record.clear();
  };

  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && field.empty() && !was_quoted) {
      quoted = was_quoted = true;
    } else if (c == ',') {
      record.push_back(std::move(field));
      field.clear();
      was_quoted = false;
    } else if (c == '\n') {
      end_record();
      record_line = line;
    } else if (c != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') {
      field += c;
    }
  }
  if (quoted) throw Error(fmt::format("'{}' line {}: a quoted field does not end", source, record_line));
  end_record();
  if (table.header.empty())
    throw Error(fmt::format("'{}' is empty, expected CSV with a header line", source));
  return table;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace godwit::vision
