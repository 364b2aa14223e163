// Labelled images that accuracy is measured on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace godwit::vision {

struct ExampleArguments {
  std::string data;     // folder that the CSV's names are relative to, or a folder of class folders
  std::string labels;   // CSV with the columns file and class; empty: the folders in `data` are the classes
  std::string classes;  // names of class folders in the model's order (parse_labels()); may be empty
  std::string class_order;  // "text": class 0 is the first folder as text sorts, and the model may have more;
                            // "number": a folder's name is its class; empty: text, where numbers sort alike
                            // and the model has as many classes
};

struct Examples {
  std::string source;              // names them in errors
  std::vector<std::string> files;  // as the CSV has them, or relative to the folder
  std::vector<std::string> paths;
  std::vector<std::int64_t> classes;
  std::vector<std::string> hidden;  // folders that were passed over
  // Classes that the folders or the list of them stand for, all of which the model must have; nullopt where
  // each example says its class by number.
  std::optional<std::int64_t> class_count;
};

// Throws Error: no rows, a class that is not a whole number from 0 on, a folder that `classes` does not list
// or lists twice, folders named by numbers that sort differently as text.
Examples read_examples(const ExampleArguments& arguments);

// Throws Error for an example whose class, moved by the offset, is beyond the model's, and for folders that
// are not one for each of the model's classes.
void require_classes(const Examples& examples, std::int64_t offset, std::int64_t classes);

// Takes out every file with one of these contents (content_digest()), whatever its name, and returns how
// many they were. Files that cannot be read stay, to be named when their turn comes. Throws Error when
// nothing is left.
std::size_t leave_out(Examples& examples, const std::set<std::string>& digests);

}  // namespace godwit::vision
