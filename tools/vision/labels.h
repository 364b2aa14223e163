// Names of classes, from a file or from the model, and which classes are the likeliest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace godwit::vision {

// Reads names by class. Formats: a JSON array of names; a JSON object from class to name (or to an array that
// ends with it); CSV with a column `name` and optionally `class`; one name a line. Throws Error naming
// `source`.
std::vector<std::string> parse_labels(const std::string& text, const std::string& source);

// Those of the file when one is named, else of the metadata entry godwit.labels, else none.
std::vector<std::string> find_labels(const std::string& file,
                                     const std::map<std::string, std::string>& metadata);

// The name of class `index` of a model whose classes start `offset` before the labels; "class 17" without a
// name.
std::string label_of(const std::vector<std::string>& labels, std::int64_t index, std::int64_t offset);

// `count` indices of the largest values, the largest first, the lower index first among equals; NaN is below
// all.
std::vector<std::int64_t> largest(std::span<const float> values, std::size_t count);

}  // namespace godwit::vision
