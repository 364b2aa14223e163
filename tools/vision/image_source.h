// Which images a command takes, one path after the other: files, folders, lists, or whatever arrives on
// stdin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/cli/options.h"

namespace godwit::tools {

// Where the images come from, as the command line says it.
struct ImageArguments {
  std::vector<std::string> images;  // files, folders, "-" for paths on stdin
  std::string list;                 // CSV with a column 'file'
  bool recursive = false;
};
// Adds IMAGE, --list and --recursive.
void add_image_arguments(CLI::App& app, ImageArguments& arguments);

// Hands out paths in order.
class ImageSource {
 public:
  // Looks into folders and lists now; stdin is read line by line as images are taken. Throws Error: nothing
  // given, an argument that does not exist, a folder without images, a list without the column.
  explicit ImageSource(const ImageArguments& arguments);
  explicit ImageSource(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  // The next path; false when there are no more.
  bool next(std::string& path);
  // All paths there will be; 0 where stdin is yet to say.
  std::size_t total() const { return stdin_ ? 0 : paths_.size(); }
  // Throws Error when paths come from stdin: the command has to know them beforehand.
  const std::vector<std::string>& paths() const;

 private:
  std::vector<std::string> paths_;
  std::size_t next_ = 0;
  bool stdin_ = false;
};

// Images in class-per-folder layout (ImageNet, Imagenette): DIR/CLASS/….
struct FolderClasses {
  std::vector<std::string> names;     // of the folders, sorted
  std::vector<std::string> paths;     // folder by folder, sorted
  std::vector<std::int64_t> classes;  // of each path: index in names
};
// Throws Error when there are no folders, or one that has no images.
FolderClasses find_class_folders(const std::string& folder);

}  // namespace godwit::tools
