// Names of classes, from a file or from the model, and which classes are the likeliest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace godwit::vision {

// Reads names by class out of text in any encoding of utf8_text(). Formats:
// - JSON: a list of names, or of objects with `name` and `id`; an object from class to name or to a list that
//   ends with it, or from name to class; an object that has one of these as id2label, label2id,
//   class_to_idx, names, labels, classes or categories;
// - a table with a header (parse_csv()): a column name, class_name or label, and optionally class, id or
//   index;
// - lines "0, name" that number every class from 0 on; one name a line.
// Throws Error naming `source` and line: a header without such a column, numbers that skip classes, two names
// of one class, an empty line between names.
std::vector<std::string> parse_labels(const std::string& bytes, const std::string& source);

// Those of the file when one is named, else of the metadata entry godwit.labels, else none. Throws Error
// where they are not one for each of the `classes` from `offset` on; 0 classes: it is not known how many.
std::vector<std::string> find_labels(const std::string& file,
                                     const std::map<std::string, std::string>& metadata, std::int64_t classes,
                                     std::int64_t offset = 0);

// Throws Error saying what to pass where a model of `classes` has not one class for each of the names, which
// begin at class `offset`.
void require_label_count(std::size_t names, std::int64_t classes, std::int64_t offset,
                         const std::string& source);

// The name of class `index` of a model whose classes start `offset` before the labels; "class 17" without a
// name.
std::string label_of(const std::vector<std::string>& labels, std::int64_t index, std::int64_t offset);

// `count` indices of the largest values, the largest first, the lower index first among equals; NaN is below
// all.
std::vector<std::int64_t> largest(std::span<const float> values, std::size_t count);

}  // namespace godwit::vision
