// Recognising a detector's head among those that are known.
#include "tools/vision/detector_head.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/error.h"
#include "runtime/nearest_name.h"

namespace godwit::vision {
namespace {

std::string text_of(std::span<const DetectorOutput> outputs) {
  std::vector<std::string> parts;
  for (const DetectorOutput& output : outputs)
    parts.push_back(fmt::format("'{}' {}", output.name, output.shape.to_string()));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> result;
  for (const DetectorHead& head : detector_heads()) result.push_back(head.name);
  return result;
}

}  // namespace

std::vector<FoundHead> fitting_heads(std::span<const DetectorOutput> outputs, image::Size size) {
  std::vector<FoundHead> found;
  for (const DetectorHead& head : detector_heads()) {
    if (const std::optional<HeadOutputs> where = head.find(outputs, size)) found.push_back({&head, *where});
  }
  return found;
}

FoundHead find_head(std::span<const DetectorOutput> outputs, image::Size size, std::string_view wanted) {
  const std::vector<std::string_view> known = names();
  if (!wanted.empty()) {
    for (const DetectorHead& head : detector_heads()) {
      if (head.name != wanted) continue;
      if (const std::optional<HeadOutputs> where = head.find(outputs, size)) return {&head, *where};
      throw Error(fmt::format("head '{}' reads {}; for an input of {}x{} this model gives {}", wanted,
                              head.sentence, size.height, size.width, text_of(outputs)));
    }
    throw Error(fmt::format("there is no head '{}'; known are {}{}", wanted, fmt::join(known, ", "),
                            did_you_mean(wanted, known)));
  }
  const std::vector<FoundHead> found = fitting_heads(outputs, size);
  if (found.size() == 1) return found[0];
  if (found.empty()) {
    throw Error(fmt::format("the outputs are those of no detector that is known here ({}): {}",
                            fmt::join(known, ", "), text_of(outputs)));
  }
  std::vector<std::string_view> fitting;
  for (const FoundHead& each : found) fitting.push_back(each.head->name);
  throw Error(fmt::format("the outputs may be those of {}; pass --head with the right one",
                          fmt::join(fitting, " or ")));
}

}  // namespace godwit::vision
