// Reading class names in the forms in which they are passed around.
#include "tools/vision/labels.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <string_view>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "tools/vision/csv.h"
#include "tools/vision/files.h"
#include "tools/vision/text.h"

namespace godwit::vision {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxClass = 1'000'000;

std::optional<std::size_t> class_number(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || index > kMaxClass)
    return std::nullopt;
  return index;
}

// Names at their classes, each class once.
class Numbered {
 public:
  // `place` names the entry in errors.
  void put(std::string_view number, std::string name, const std::string& place) {
    const std::optional<std::size_t> index = class_number(number);
    if (!index)
      throw Error(fmt::format("{}: class '{}' is not a whole number from 0 to {}", place, number, kMaxClass));
    if (labels_.size() <= *index) {
      labels_.resize(*index + 1);
      known_.resize(*index + 1, false);
    }
    if (known_[*index])
      throw Error(fmt::format("{}: class {} has the name '{}' already; each class takes one", place, *index,
                              labels_[*index]));
    labels_[*index] = std::move(name);
    known_[*index] = true;
  }
  std::vector<std::string> take() { return std::move(labels_); }

 private:
  std::vector<std::string> labels_;
  std::vector<bool> known_;
};

// `place` names the entry in errors.
std::string name_in(const Json& entry, const std::string& place) {
  if (entry.is_string()) return entry.get<std::string>();
  // Keras' class index: {"0": ["n01440764", "tench"]}.
  if (entry.is_array() && !entry.empty() && entry.back().is_string()) return entry.back().get<std::string>();
  throw Error(fmt::format("{}: a label is not a string", place));
}

// A list of names, or of objects that number them.
std::vector<std::string> from_json_list(const Json& list, const std::string& source) {
  const bool objects = !list.empty() && list.front().is_object();
  std::vector<std::string> labels;
  Numbered numbered;
  for (const Json& entry : list) {
    if (!objects) {
      labels.push_back(name_in(entry, fmt::format("'{}' entry {}", source, labels.size())));
      continue;
    }
    const bool named = entry.is_object() && entry.contains("name") && entry.at("name").is_string();
    if (!named) throw Error(fmt::format("'{}': an entry of the list has no \"name\"", source));
    auto name = entry.at("name").get<std::string>();
    if (!list.front().contains("id")) {
      labels.push_back(std::move(name));
    } else if (const auto id = entry.find("id"); id != entry.end() && id->is_number_unsigned()) {
      numbered.put(fmt::format("{}", id->get<std::uint64_t>()), std::move(name), fmt::format("'{}'", source));
    } else {
      throw Error(fmt::format("'{}': an entry of the list has no \"id\" that is a number from 0 on", source));
    }
  }
  return objects && list.front().contains("id") ? numbered.take() : labels;
}

// From class to name, or from name to class.
std::vector<std::string> from_json_object(const Json& object, const std::string& source) {
  Numbered labels;
  const std::string place = fmt::format("'{}'", source);
  for (const auto& [key, entry] : object.items()) {
    if (entry.is_number_unsigned()) {
      labels.put(fmt::format("{}", entry.get<std::uint64_t>()), key, place);
    } else {
      labels.put(trimmed(key), name_in(entry, fmt::format("{} entry '{}'", place, key)), place);
    }
  }
  return labels.take();
}

std::vector<std::string> from_json(std::string_view text, const std::string& source) {
  constexpr int kMaxDepth = 16;  // a model's configuration may hold more than its labels
  Json document;
  try {
    document = require_json(text, kMaxDepth, fmt::format("'{}' is ", source));
  } catch (const Error& error) {
    throw Error(fmt::format("{}; labels that begin with '{}' have to be JSON{}", error.what(), text.front(),
                            text.find('\'') != std::string_view::npos ? ", which quotes with \"" : ""));
  }
  const Json* labels = &document;
  if (labels->is_object()) {
    for (const char* key :
         {"id2label", "label2id", "class_to_idx", "names", "labels", "classes", "categories"}) {
      const auto inside = document.find(key);
      if (inside == document.end() || !inside->is_structured()) continue;
      labels = &*inside;
      break;
    }
  }
  return labels->is_array() ? from_json_list(*labels, source) : from_json_object(*labels, source);
}

// Columns by what they hold, the likelier name first.
constexpr std::array kNameColumns = {"name",  "classname", "labelname", "label",
                                     "names", "labels",    "category"};
constexpr std::array kClassColumns = {"class", "classid", "classindex", "classnumber", "labelid",
                                      "index", "idx",     "id",         "number",      "label"};
constexpr std::array kOtherColumns = {"classes",     "target", "synset",  "wnid",
                                      "description", "file",   "filename"};

bool is_one_of(const auto& names, std::string_view key) {
  return std::ranges::any_of(names, [&](const char* name) { return key == name; });
}
bool is_header_word(std::string_view key) {
  return is_one_of(kNameColumns, key) || is_one_of(kClassColumns, key) || is_one_of(kOtherColumns, key);
}

// True where the first line names columns rather than a class.
bool begins_with_header(std::string_view line) {
  for (const char separator : {',', ';', '\t'}) {
    const auto fields = csv_fields(line, separator);
    if (!fields) continue;
    std::vector<std::string> keys;
    for (const std::string& field : *fields) keys.push_back(column_key(field));
    if (std::ranges::all_of(keys, [](const std::string& key) { return is_header_word(key); })) return true;
    if (keys.size() > 1 && std::ranges::find(keys, "name") != keys.end()) return true;
  }
  return column_key(line).starts_with("sep=");
}

std::optional<std::size_t> find_column(const CsvTable& table, const auto& names,
                                       std::optional<std::size_t> except = {}) {
  for (const char* name : names) {
    if (!table.has_column(name)) continue;
    const std::size_t column = table.column(name);
    if (column != except) return column;
  }
  return std::nullopt;
}

std::vector<std::string> from_table(const CsvTable& table) {
  std::optional<std::size_t> name = find_column(table, kNameColumns);
  // A list under one heading, whatever that is.
  if (table.header.size() == 1) name = 0;
  if (!name)
    throw Error(
        fmt::format("'{}' line 1 is a header without a column 'name'; call the column of the names "
                    "so (and that of their numbers, if any, 'class')",
                    table.source));
  const std::optional<std::size_t> number = find_column(table, kClassColumns, name);
  Numbered numbered;
  std::vector<std::string> labels;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& text = table.rows[row][*name];
    if (number) {
      numbered.put(table.rows[row][*number], text, table.place(row));
    } else {
      labels.push_back(text);
    }
  }
  return number ? numbered.take() : labels;
}

// True for "tench" in quotes of one kind, which are not in the name.
bool is_quoted(std::string_view text) {
  return text.size() >= 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'') &&
         text.substr(1, text.size() - 2).find(text.front()) == std::string_view::npos;
}

// A line "17, tench", by its separator or a space, apart; nullopt for any other.
struct NumberedLine {
  std::size_t number;
  std::string name;
  bool by_space;
};
std::optional<NumberedLine> numbered_line(std::string_view line) {
  line = trimmed(line);
  const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  const std::optional<std::size_t> number = class_number(line.substr(0, digits));
  std::string_view rest = trimmed(line.substr(digits));
  const bool by_space =
      !rest.empty() && std::string_view(",;:=|").find(rest.front()) == std::string_view::npos;
  if (!number || rest.empty() || (by_space && line[digits] != ' ' && line[digits] != '\t'))
    return std::nullopt;
  if (!by_space) rest = trimmed(rest.substr(1));
  if (is_quoted(rest)) rest = rest.substr(1, rest.size() - 2);
  return NumberedLine{*number, std::string(rest), by_space && line[digits] != '\t'};
}

// The names where every line begins with a number; none where these are names as others.
std::optional<std::vector<std::string>> from_numbered_lines(const std::vector<Line>& lines,
                                                            const std::string& source) {
  std::vector<NumberedLine> entries;
  for (const Line& line : lines) {
    auto entry = numbered_line(line.text);
    if (!entry) return std::nullopt;
    entries.push_back(std::move(*entry));
  }
  std::vector<std::string> labels(entries.size());
  std::vector<bool> known(entries.size(), false);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    NumberedLine& entry = entries[i];
    if (entry.number < labels.size() && !known[entry.number]) {
      labels[entry.number] = std::move(entry.name);
      known[entry.number] = true;
      continue;
    }
    if (std::ranges::all_of(entries, &NumberedLine::by_space)) return std::nullopt;  // "101 dalmatians"
    throw Error(
        fmt::format("'{}' line {}: the lines are numbered, but {} is not one of 0 to {}, each once; "
                    "number the classes from 0 on, or put a line 'class,name' in front",
                    source, lines[i].number, entry.number, labels.size() - 1));
  }
  return labels;
}

// Refuses a table that says in no header which column is which: one of its columns numbers all lines, or all
// but the first. It has at least so many columns.
void refuse_table(const std::vector<Line>& lines, std::size_t least_columns, const std::string& source) {
  if (lines.size() < 2) return;
  for (const char separator : {',', ';', '\t'}) {
    std::vector<bool> numbers;  // by column
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto fields = csv_fields(lines[i].text, separator);
      if (!fields || fields->size() < least_columns || (i > 0 && fields->size() != numbers.size())) {
        numbers.clear();
        break;
      }
      numbers.resize(fields->size(), true);
      for (std::size_t column = 0; i > 0 && column < fields->size(); ++column)
        numbers[column] = numbers[column] && class_number((*fields)[column]).has_value();
    }
    if (std::ranges::find(numbers, true) == numbers.end()) continue;
    throw Error(
        fmt::format("'{}' is a table, but line 1 does not say which column has the names; expected a "
                    "header with 'class' and 'name'",
                    source));
  }
}

std::vector<std::string> from_lines(std::string_view text, const std::string& source) {
  std::vector<Line> lines = lines_of(text, source);
  const auto is_blank = [](const Line& line) { return trimmed(line.text).empty(); };
  while (is_blank(lines.back())) lines.pop_back();
  if (begins_with_header(std::ranges::find_if_not(lines, is_blank)->text))
    return from_table(parse_csv(text, source));
  if (const auto blank = std::ranges::find_if(lines, is_blank); blank != lines.end())
    throw Error(
        fmt::format("'{}' line {} is empty; delete it, or give the class a name", source, blank->number));
  refuse_table(lines, 3, source);
  if (auto labels = from_numbered_lines(lines, source)) return std::move(*labels);
  refuse_table(lines, 2, source);
  const bool quoted =
      std::ranges::all_of(lines, [](const Line& line) { return is_quoted(trimmed(line.text)); });
  std::vector<std::string> labels;
  for (const Line& line : lines) {
    const std::string_view name = trimmed(line.text);
    labels.emplace_back(quoted ? name.substr(1, name.size() - 2) : name);
  }
  return labels;
}

}  // namespace

std::vector<std::string> parse_labels(const std::string& bytes, const std::string& source) {
  const std::string text = utf8_text(bytes, source);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  std::vector<std::string> labels;
  if (start != std::string::npos) {
    const bool json = text[start] == '[' || text[start] == '{';
    labels = json ? from_json(std::string_view(text).substr(start), source) : from_lines(text, source);
  }
  if (labels.empty()) throw Error(fmt::format("'{}' has no labels", source));
  return labels;
}

void require_label_count(std::size_t names, std::int64_t classes, std::int64_t offset,
                         const std::string& source) {
  const auto count = static_cast<std::int64_t>(names);
  if (count + offset == classes) return;
  const std::string what =
      offset > 0 ? fmt::format("{} names {} from class {} on (--label-offset), but the model has {}", source,
                               counted(count, "class", "classes"), offset, classes)
                 : fmt::format("{} names {}, but the model has {}", source,
                               counted(count, "class", "classes"), classes);
  throw Error(what + (count + 1 == classes && offset == 0
                          ? "; pass --label-offset 1 if its class 0 is one without a name (background), or "
                            "labels for all"
                          : "; pass labels with one name for each class"));
}

std::vector<std::string> find_labels(const std::string& file,
                                     const std::map<std::string, std::string>& metadata, std::int64_t classes,
                                     std::int64_t offset) {
  std::string source = "the metadata entry godwit.labels";
  std::vector<std::string> labels;
  if (!file.empty()) {
    source = fmt::format("'{}'", file);
    labels = parse_labels(read_text(file), file);
  } else if (const auto entry = metadata.find("godwit.labels"); entry != metadata.end()) {
    labels = parse_labels(entry->second, "metadata entry godwit.labels");
  } else {
    return labels;
  }
  if (classes > 0) require_label_count(labels.size(), classes, offset, source);
  return labels;
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
