// Columns, prefixes and quantiles.
#include "tools/report/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace godwit::tools {
namespace {

// Characters, not bytes: every byte that does not continue a UTF-8 sequence.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace

// Control characters from file names and models would move the terminal's cursor.
std::string one_line(std::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      line += line.ends_with(':') ? " " : "; ";
      while (i + 1 < text.size() && text[i + 1] == ' ') ++i;
    } else {
      const auto c = static_cast<unsigned char>(text[i]);
      line += c < 0x20 || c == 0x7f ? ' ' : text[i];
    }
  }
  return line;
}

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(width_of(columns_[i].title));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  const auto add_line = [&](const auto& cell) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line += "  ";
      const std::string padding(widths[i] - width_of(cell(i)), ' ');
      line += columns_[i].align == Align::right ? padding + cell(i) : cell(i) + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_line([&](std::size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) add_line([&](std::size_t i) { return row[i]; });
  return text;
}

std::string with_prefix(double value) {
  static constexpr std::array<std::string_view, 6> kPrefixes{"", " k", " M", " G", " T", " P"};
  std::size_t i = 0;
  while (std::abs(value) >= 999.5 && i + 1 < kPrefixes.size()) {
    value /= 1000;
    ++i;
  }
  if (i == 0 && value == std::floor(value)) return fmt::format("{:.0f}", value);
  const int digits = std::abs(value) >= 99.95 ? 0 : std::abs(value) >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}{}", value, digits, kPrefixes[i]);
}

std::string with_unit(double value, std::string_view unit) {
  std::string text = with_prefix(value);
  const bool bare = text.find(' ') == std::string::npos;
  return fmt::format("{}{}{}{}", text, bare && !unit.starts_with(' ') ? " " : "", unit,
                     text == "1" ? "" : "s");
}

double to_mib(std::size_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

std::string mib_text(std::size_t bytes) { return fmt::format("{:.1f} MiB", to_mib(bytes)); }

double quantile_of(const std::vector<double>& sorted, double quantile) {
  const double position = quantile * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace godwit::tools
