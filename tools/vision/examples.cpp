// Examples from a CSV or from folders, and taking some of them out.
#include "tools/vision/examples.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <numeric>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "tools/vision/calibration_images.h"
#include "tools/vision/csv.h"
#include "tools/vision/files.h"
#include "tools/vision/image_source.h"
#include "tools/vision/labels.h"

namespace godwit::vision {
namespace {

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

// The class of each folder by a list of all of them.
std::vector<std::int64_t> classes_in_list(const std::vector<std::string>& folders,
                                          const std::vector<std::string>& known,
                                          const ExampleArguments& options) {
  std::vector<std::int64_t> classes;
  for (const std::string& name : folders) {
    const auto at = std::ranges::find(known, name);
    if (at == known.end()) {
      throw Error(fmt::format("'{}' does not list folder '{}' of '{}'", options.classes, name, options.data));
    }
    if (std::find(at + 1, known.end(), name) != known.end()) {
      throw Error(fmt::format("'{}' lists folder '{}' of '{}' twice; a folder is one class", options.classes,
                              name, options.data));
    }
    classes.push_back(at - known.begin());
  }
  return classes;
}

// The numbers that the folders are named by; nullopt where one is named otherwise.
std::optional<std::vector<std::int64_t>> numbers_of(const std::vector<std::string>& folders) {
  std::vector<std::int64_t> numbers;
  for (const std::string& name : folders) {
    const auto number = whole_number(name);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

// The class of each folder, where no list says it. `folders` sort as text.
std::vector<std::int64_t> classes_by_order(const std::vector<std::string>& folders,
                                           const ExampleArguments& options) {
  const auto numbers = numbers_of(folders);
  if (options.class_order == "number") {
    if (!numbers)
      throw Error(fmt::format(
          "'{}' has folders that are not named by a number, as --class-order number wants", options.data));
    return *numbers;
  }
  if (options.class_order.empty() && numbers && !std::ranges::is_sorted(*numbers)) {
    throw Error(fmt::format(
        "'{}' has folders named by numbers, which sort as text otherwise than as numbers; pass --class-order "
        "number if a folder's name is its class, --class-order text for torchvision's order ({}, {} …), or "
        "--classes FILE",
        options.data, folders[0], folders[1]));
  }
  std::vector<std::int64_t> classes(folders.size());
  std::iota(classes.begin(), classes.end(), 0);
  return classes;
}

// One folder for each class.
Examples read_folders(const ExampleArguments& options) {
  FolderClasses found = find_class_folders(options.data);
  Examples examples;
  examples.source = options.data;
  examples.hidden = std::move(found.hidden);
  std::vector<std::int64_t> numbers;
  if (!options.classes.empty()) {
    const std::vector<std::string> known = parse_labels(read_text(options.classes), options.classes);
    numbers = classes_in_list(found.names, known, options);
    examples.source = options.classes;
    examples.class_count = static_cast<std::int64_t>(known.size());
  } else {
    numbers = classes_by_order(found.names, options);
    if (options.class_order.empty()) examples.class_count = static_cast<std::int64_t>(found.names.size());
  }
  for (const std::string& path : found.paths) {
    examples.files.push_back(std::filesystem::path(path).lexically_relative(options.data).string());
  }
  for (const std::int64_t folder : found.classes)
    examples.classes.push_back(numbers[static_cast<std::size_t>(folder)]);
  examples.paths = std::move(found.paths);
  return examples;
}

}  // namespace

Examples read_examples(const ExampleArguments& options) {
  if (options.labels.empty()) return read_folders(options);
  const CsvTable table = parse_csv(read_text(options.labels), options.labels);
  const std::size_t file = table.column("file"), label = table.column("class");
  if (table.rows.empty()) throw Error(fmt::format("'{}' has no rows below its header", options.labels));
  Examples examples;
  examples.source = options.labels;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string &name = table.rows[i][file], &text = table.rows[i][label];
    const auto value = whole_number(text);
    if (name.empty()) throw Error(fmt::format("{} names no file", table.place(i)));
    if (!value) {
      throw Error(
          fmt::format("{}: class '{}' of '{}' is not a whole number from 0 on", table.place(i), text, name));
    }
    examples.files.push_back(name);
    examples.paths.push_back((std::filesystem::path(options.data) / name).string());
    examples.classes.push_back(*value);
  }
  return examples;
}

void require_classes(const Examples& examples, std::int64_t offset, std::int64_t classes) {
  if (examples.class_count && *examples.class_count + offset != classes) {
    throw Error(fmt::format(
        "'{}' has {}{}, but the model has {}, so that a folder's place does not tell its class; pass "
        "--classes FILE with the folders' names in the order of all the model's classes, --labels FILE.csv, "
        "or "
        "--class-order text if the first folder is class 0 all the same{}",
        examples.source, counted(*examples.class_count, "class", "classes"),
        offset > 0 ? fmt::format(" from class {} on (--label-offset)", offset) : "", classes,
        *examples.class_count + 1 == classes && offset == 0
            ? "; or --label-offset 1 if the model's class 0 is 'background'"
            : ""));
  }
  for (std::size_t i = 0; i < examples.classes.size(); ++i) {
    if (examples.classes[i] < classes - offset) continue;
    throw Error(fmt::format("'{}': class {} of '{}' with label offset {} is beyond the model's {} classes",
                            examples.source, examples.classes[i], examples.files[i], offset, classes));
  }
}

std::size_t leave_out(Examples& examples, const std::set<std::string>& digests) {
  if (digests.empty()) return 0;
  Examples left;
  left.source = examples.source;
  left.hidden = examples.hidden;
  left.class_count = examples.class_count;
  for (std::size_t i = 0; i < examples.paths.size(); ++i) {
    bool known = false;
    try {
      known = digests.contains(content_digest(examples.paths[i]));
    } catch (const Error&) {
    }
    if (known) continue;
    left.files.push_back(examples.files[i]);
    left.paths.push_back(examples.paths[i]);
    left.classes.push_back(examples.classes[i]);
  }
  const std::size_t taken = examples.paths.size() - left.paths.size();
  if (left.paths.empty() && taken > 0) {
    throw Error(fmt::format("all {} images of '{}' were used to calibrate the model; accuracy needs others",
                            taken, examples.source));
  }
  examples = std::move(left);
  return taken;
}

}  // namespace godwit::vision
