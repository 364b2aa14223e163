// A reader for RFC 4180 text and its relatives.
#include "tools/vision/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "tools/vision/text.h"

namespace godwit::vision {
namespace {

constexpr std::string_view kSeparators = ",;\t";

std::string shown(char separator) { return separator == '\t' ? "tab" : fmt::format("'{}'", separator); }

struct Record {
  std::vector<std::string> fields;
  std::size_t line = 0;
};

// Fault of a text as a table.
struct Fault {
  std::size_t line = 0;
  std::string words;
};

// Splits text into records at one separator.
class Splitter {
 public:
  Splitter(std::string_view text, char separator)
      : text_(text),
        separator_(separator),
        line_end_(text.find('\n') == std::string_view::npos ? '\r' : '\n') {}

  std::vector<Record> records;
  std::optional<Fault> fault;

  void run() {
    while (at_ < text_.size() && !fault) step(text_[at_]);
    if (fault) return;
    if (state_ == State::quoted) return fail("a quoted field does not end");
    end_record();
  }

 private:
  enum class State : std::uint8_t { start, plain, quoted, closed };

  void step(char c) {
    ++at_;
    if (c == line_end_) ++line_;
    if (state_ == State::quoted) return step_quoted(c);
    if (c == separator_) return end_field();
    if (c == line_end_) {
      end_record();
      record_line_ = line_;
      return;
    }
    if (c == '\r') {
      // Any number of them in front of a line feed.
      const std::size_t next = text_.find_first_not_of('\r', at_);
      if (next == std::string_view::npos || text_[next] == '\n') return;
      return fail("a carriage return in the middle; save the file with one kind of line end");
    }
    if (c == ' ' || c == '\t') {
      if (state_ == State::plain) field_ += c;
      return;
    }
    if (state_ == State::closed) return fail("text follows a quoted field");
    if (c == '"' && state_ == State::start) {
      state_ = State::quoted;
    } else {
      state_ = State::plain;
      field_ += c;
    }
  }

  void step_quoted(char c) {
    if (c != '"') {
      field_ += c;
    } else if (at_ < text_.size() && text_[at_] == '"') {
      field_ += '"';
      ++at_;
    } else {
      state_ = State::closed;
    }
  }

  void end_field() {
    if (state_ == State::plain) field_ = trimmed(field_);
    fields_.push_back(std::move(field_));
    field_.clear();
    state_ = State::start;
  }

  void end_record() {
    if (fields_.empty() && state_ == State::start) return;
    end_field();
    records.push_back({std::move(fields_), record_line_});
    fields_.clear();
  }

  void fail(std::string words) { fault = Fault{record_line_, std::move(words)}; }

  std::string_view text_;
  char separator_;
  char line_end_;
  std::size_t at_ = 0, line_ = 1, record_line_ = 1;
  State state_ = State::start;
  std::string field_;
  std::vector<std::string> fields_;
};

struct Split {
  std::vector<Record> records;
  std::optional<Fault> fault;
};

// The records, or what keeps them from being a table.
Split split(std::string_view text, char separator) {
  Splitter splitter(text, separator);
  splitter.run();
  Split result{std::move(splitter.records), std::move(splitter.fault)};
  for (const Record& record : result.records) {
    if (result.fault) break;
    const std::size_t expected = result.records.front().fields.size();
    if (record.fields.size() != expected)
      result.fault = Fault{
          record.line, fmt::format("has {}, expected {}", counted(record.fields.size(), "field"), expected)};
  }
  return result;
}

// Takes away a first line "sep=;", as spreadsheets write it; that separator.
std::optional<char> take_separator_line(std::string_view& text) {
  if (text.size() < 5 || column_key(text.substr(0, 4)) != "sep=") return std::nullopt;
  const char separator = text[4];
  const std::size_t end = text.find_first_not_of('\r', 5);
  if (kSeparators.find(separator) == std::string_view::npos) return std::nullopt;
  if (end != std::string_view::npos && end == 5 && text[end] != '\n') return std::nullopt;
  text.remove_prefix(end == std::string_view::npos ? text.size() : text[end] == '\n' ? end + 1 : end);
  return separator;
}

// Separators in the header line, outside quotes.
std::string separators_in(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  std::string found;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    if (kSeparators.find(c) != std::string_view::npos && found.find(c) == std::string::npos) found += c;
  }
  return found;
}

// The separator of the table, and its records.
std::pair<char, Split> split_by_best(std::string_view text, const std::string& source) {
  const std::string candidates = separators_in(text);
  if (candidates.size() < 2) {
    const char separator = candidates.empty() ? ',' : candidates.front();
    return {separator, split(text, separator)};
  }
  std::vector<std::pair<char, Split>> fitting;
  for (const char separator : candidates) {
    Split records = split(text, separator);
    if (!records.fault) fitting.emplace_back(separator, std::move(records));
  }
  if (fitting.size() == 1) return std::move(fitting.front());
  std::vector<std::string> names;
  for (const char separator : candidates) names.push_back(shown(separator));
  throw Error(
      fmt::format("'{}' line 1 has {}, and {} gives all lines the same number of fields; quote the "
                  "fields that hold the other",
                  source, fmt::join(names, " and "), fitting.empty() ? "neither" : "each"));
}

}  // namespace

std::string column_key(std::string_view name) {
  std::string key;
  for (const char c : trimmed(name)) {
    if (c == ' ' || c == '_' || c == '-' || c == '\t') continue;
    key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return key;
}

bool CsvTable::has_column(std::string_view name) const {
  return std::ranges::any_of(
      header, [key = column_key(name)](const std::string& each) { return column_key(each) == key; });
}

std::size_t CsvTable::column(std::string_view name) const {
  const std::string key = column_key(name);
  const auto matches = [&](const std::string& each) { return column_key(each) == key; };
  const auto found = std::ranges::find_if(header, matches);
  if (found == header.end()) {
    throw Error(
        fmt::format("'{}' has no column '{}'; its columns are {}", source, name, fmt::join(header, ", ")));
  }
  if (std::find_if(found + 1, header.end(), matches) != header.end())
    throw Error(fmt::format("'{}' has the column '{}' twice; rename one of {}", source, name,
                            fmt::join(header, ", ")));
  return static_cast<std::size_t>(found - header.begin());
}

std::string CsvTable::place(std::size_t row) const { return fmt::format("'{}' line {}", source, lines[row]); }

CsvTable parse_csv(std::string_view bytes, const std::string& source) {
  const std::string decoded = utf8_text(bytes, source);
  std::string_view text = decoded;
  const std::optional<char> told = take_separator_line(text);
  auto [separator, result] = told ? std::pair{*told, split(text, *told)} : split_by_best(text, source);
  const std::size_t skipped = told ? 1 : 0;
  if (result.fault) {
    throw Error(fmt::format("'{}' line {}{}{}", source, result.fault->line + skipped,
                            result.fault->words.starts_with("has ") ? " " : ": ", result.fault->words));
  }
  if (result.records.empty())
    throw Error(fmt::format("'{}' is empty, expected CSV with a header line", source));
  CsvTable table{source, separator, std::move(result.records.front().fields), {}, {}};
  for (std::size_t i = 1; i < result.records.size(); ++i) {
    table.rows.push_back(std::move(result.records[i].fields));
    table.lines.push_back(result.records[i].line + skipped);
  }
  return table;
}

std::optional<std::vector<std::string>> csv_fields(std::string_view line, char separator) {
  Split result = split(line, separator);
  if (result.fault || result.records.size() != 1) return std::nullopt;
  return std::move(result.records.front().fields);
}

std::optional<double> csv_number(std::string_view field, char separator) {
  std::string text(field);
  if (separator != ',' && text.find('.') == std::string::npos) {
    if (const std::size_t comma = text.find(','); comma != std::string::npos) text[comma] = '.';
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string csv_field(std::string_view text) {
  const bool blank_end = !text.empty() && trimmed(text).size() != text.size();
  if (!blank_end && text.find_first_of(",;\t\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace godwit::vision
