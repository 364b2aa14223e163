// Lines and fields of meters' logs.
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "runtime/energy/protocol/meter_parts.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

constexpr std::size_t kSampleLines = 8;  // that the separator is chosen by

// Splits at separators outside of quotes; nullopt where a quote does not end.
std::optional<std::vector<std::string>> split(std::string_view line, char separator) {
  std::vector<std::string> fields;
  std::string field;
  bool quoted = false, was_quoted = false;
  const auto finish = [&] {
    fields.emplace_back(was_quoted ? std::string_view(field) : trimmed(field));
    field.clear();
    was_quoted = false;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        field += line[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"' && trimmed(field).empty() && !was_quoted) {
      field.clear();
      quoted = was_quoted = true;
    } else if (c != separator) {
      if (!was_quoted || (c != ' ' && c != '\t')) field += c;
    } else if (separator != ' ' || !field.empty() || was_quoted) {
      finish();  // blanks may stand in a row
    }
  }
  if (quoted) return std::nullopt;
  if (separator != ' ' || !field.empty() || was_quoted || fields.empty()) finish();
  return fields;
}

bool is_comment(std::string_view line) { return line.empty() || line.front() == '#'; }

char choose_separator(const std::vector<std::string_view>& sample) {
  char choice = ',';
  bool chosen = false;
  for (const char separator : {'\t', ';', ',', '|', ' '}) {
    std::vector<std::size_t> counts;
    for (const std::string_view line : sample) {
      const auto fields = split(line, separator);
      counts.push_back(fields ? fields->size() : 0);
    }
    if (counts.empty() || counts.front() < 2) continue;
    if (std::ranges::count(counts, counts.front()) == std::ssize(counts)) return separator;
    if (!std::exchange(chosen, true)) choice = separator;
  }
  return choice;
}

}  // namespace

std::string quoted_field(std::string_view text) {
  constexpr std::size_t kMost = 40;
  return fmt::format("'{}{}'", text.substr(0, kMost), text.size() > kMost ? "…" : "");
}

MeterLines::MeterLines(std::string_view text, std::string source) : rest_(text), source_(std::move(source)) {
  if (rest_.starts_with("\xFF\xFE") || rest_.starts_with("\xFE\xFF")) {
    throw Error(fmt::format("'{}' is UTF-16 text; save it as UTF-8", source_));
  }
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  if (rest_.substr(0, 4096).find('\0') != std::string_view::npos) {
    throw Error(fmt::format("'{}' is binary, no text of lines", source_));
  }
  if (rest_.find('\n') == std::string_view::npos && rest_.find('\r') != std::string_view::npos) end_ = '\r';
  // Excel's own line.
  if (rest_.starts_with("sep=") && rest_.size() > 4) {
    separator_ = rest_[4];
    bool whole = false;
    (void)raw_line(whole);
    return;
  }
  const std::string_view beginning = rest_;
  std::vector<std::string_view> sample;
  bool whole = true;
  while (sample.size() < kSampleLines) {
    const auto line = raw_line(whole);
    if (!line) break;
    if (whole && !is_comment(*line)) sample.push_back(*line);
  }
  separator_ = choose_separator(sample);
  rest_ = beginning;
  number_ = 0;
}

std::optional<std::string_view> MeterLines::raw_line(bool& whole) {
  if (rest_.empty()) return std::nullopt;
  const std::size_t end = std::min(rest_.find(end_), rest_.size());
  std::string_view line = rest_.substr(0, end);
  whole = end < rest_.size();
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  ++number_;
  // A tab at an end belongs to an empty field.
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

bool MeterLines::next(MeterLine& line) {
  while (const auto raw = raw_line(line.whole)) {
    if (is_comment(trimmed(*raw))) continue;
    auto fields = split(*raw, separator_);
    line.number = number_;
    if (!fields && !line.whole) continue;
    if (!fields) throw Error(fmt::format("'{}' line {}: a quoted field does not end", source_, number_));
    line.fields = std::move(*fields);
    return true;
  }
  return false;
}

}  // namespace godwit::energy
