// Reading class names in the forms in which they are passed around.
#include "tools/vision/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <string_view>

#include "runtime/error.h"
#include "runtime/json.h"
#include "tools/vision/csv.h"
#include "tools/vision/files.h"

namespace godwit::vision {
namespace {

constexpr std::size_t kMaxClass = 1'000'000;

void put(std::vector<std::string>& labels, std::string_view number, std::string name,
         const std::string& source) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (error != std::errc() || end != number.data() + number.size() || index > kMaxClass) {
    throw Error(fmt::format("'{}': class '{}' is not a number from 0 to {}", source, number, kMaxClass));
  }
  if (labels.size() <= index) labels.resize(index + 1);
  labels[index] = std::move(name);
}

std::string name_in(const nlohmann::ordered_json& entry, const std::string& source) {
  if (entry.is_string()) return entry.get<std::string>();
  // Keras' class index: {"0": ["n01440764", "tench"]}.
  if (entry.is_array() && !entry.empty() && entry.back().is_string()) return entry.back().get<std::string>();
  throw Error(fmt::format("'{}': a label is not a string", source));
}

std::vector<std::string> from_json(const std::string& text, const std::string& source) {
  constexpr int kMaxDepth = 8;  // more than any form of labels nests
  const auto document = parse_json(text, kMaxDepth);
  if (!document) throw Error(fmt::format("'{}' is not valid JSON", source));
  std::vector<std::string> labels;
  if (document->is_array()) {
    for (const auto& entry : *document) labels.push_back(name_in(entry, source));
  } else {
    for (const auto& [key, entry] : document->items()) put(labels, key, name_in(entry, source), source);
  }
  return labels;
}

std::vector<std::string> from_csv(const CsvTable& table, const std::string& source) {
  std::vector<std::string> labels;
  const std::size_t name = table.column("name");
  for (const auto& row : table.rows) {
    if (table.has_column("class")) {
      put(labels, row[table.column("class")], row[name], source);
    } else {
      labels.push_back(row[name]);
    }
  }
  return labels;
}

std::vector<std::string> from_lines(std::string_view text) {
  std::vector<std::string> labels;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    labels.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return labels;
}

bool has_name_column(std::string_view first_line) {
  if (first_line.find(',') == std::string_view::npos) return false;
  return parse_csv(first_line, "").has_column("name");
}

}  // namespace

std::vector<std::string> parse_labels(const std::string& text, const std::string& source) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string::npos) throw Error(fmt::format("'{}' has no labels", source));
  if (text[start] == '[' || text[start] == '{') return from_json(text, source);
  const std::string_view first_line = std::string_view(text).substr(0, text.find('\n'));
  // An odd quote in a plain list of names is no CSV error.
  if (std::ranges::count(first_line, '"') % 2 == 0 && has_name_column(first_line)) {
    return from_csv(parse_csv(text, source), source);
  }
  return from_lines(text);
}

std::vector<std::string> find_labels(const std::string& file,
                                     const std::map<std::string, std::string>& metadata) {
  if (!file.empty()) return parse_labels(read_text(file), file);
  const auto entry = metadata.find("godwit.labels");
  if (entry == metadata.end()) return {};
  return parse_labels(entry->second, "metadata entry godwit.labels");
}

std::string label_of(const std::vector<std::string>& labels, std::int64_t index, std::int64_t offset) {
  const std::int64_t label = index - offset;
  if (label >= 0 && label < static_cast<std::int64_t>(labels.size())) {
    const std::string& name = labels[static_cast<std::size_t>(label)];
    if (!name.empty()) return name;
  }
  return fmt::format("class {}", index);
}

std::vector<std::int64_t> largest(std::span<const float> values, std::size_t count) {
  std::vector<std::int64_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  const auto rank = [&](std::int64_t i) {
    const float value = values[static_cast<std::size_t>(i)];
    return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
  };
  count = std::min(count, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](std::int64_t a, std::int64_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
  order.resize(count);
  return order;
}

}  // namespace godwit::vision
