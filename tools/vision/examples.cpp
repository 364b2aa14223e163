// Examples from a CSV or from folders, and taking some of them out.
#include "tools/vision/examples.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/vision/calibration_images.h"
#include "tools/vision/csv.h"
#include "tools/vision/files.h"
#include "tools/vision/image_source.h"

namespace godwit::vision {
namespace {

// The lines of a text, without empty ones.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

// One folder for each class. Classes are numbered as the folders sort, or as --classes lists them.
Examples read_folders(const ExampleArguments& options) {
  FolderClasses found = find_class_folders(options.data);
  Examples examples;
  examples.source = options.data;
  if (!options.classes.empty()) {
    const std::vector<std::string> known = lines_of(read_text(options.classes));
    std::vector<std::int64_t> numbers;
    for (const std::string& name : found.names) {
      const auto at = std::ranges::find(known, name);
      if (at == known.end()) {
        throw Error(
            fmt::format("'{}' does not list folder '{}' of '{}'", options.classes, name, options.data));
      }
      numbers.push_back(at - known.begin());
    }
    for (std::int64_t& number : found.classes) number = numbers[static_cast<std::size_t>(number)];
  }
  for (const std::string& path : found.paths) {
    examples.files.push_back(std::filesystem::path(path).lexically_relative(options.data).string());
  }
  examples.paths = std::move(found.paths);
  examples.classes = std::move(found.classes);
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
  for (const auto& row : table.rows) {
    const std::string& text = row[label];
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) {
      throw Error(fmt::format("'{}': class '{}' of '{}' is not a whole number from 0 on", options.labels,
                              text, row[file]));
    }
    examples.files.push_back(row[file]);
    examples.paths.push_back((std::filesystem::path(options.data) / row[file]).string());
    examples.classes.push_back(value);
  }
  return examples;
}

void require_classes(const Examples& examples, std::int64_t offset, std::int64_t classes) {
  for (std::size_t i = 0; i < examples.classes.size(); ++i) {
    if (examples.classes[i] + offset < classes) continue;
    throw Error(fmt::format("'{}': class {} of '{}' with label offset {} is beyond the model's {} classes",
                            examples.source, examples.classes[i], examples.files[i], offset, classes));
  }
}

std::size_t leave_out(Examples& examples, const std::set<std::string>& digests) {
  if (digests.empty()) return 0;
  Examples left;
  left.source = examples.source;
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
