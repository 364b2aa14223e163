// The paths of images, one after the other: files, folders, lists, or whatever arrives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace godwit::vision {

// Sources of images.
struct ImageArguments {
  std::vector<std::string> images = {};  // files, folders, "-" for paths that arrive
  std::string list = {};                 // CSV with a column 'file'
  bool recursive = false;
};

// Hands out paths in order.
class ImageSource {
 public:
  // Looks into folders and lists now; for "-" a line of `arriving` is read as each image is taken. Throws
  // Error: nothing given, an argument that does not exist, a folder without images, a list without the
  // column. `arriving` outlives this.
  ImageSource(const ImageArguments& arguments, std::istream& arriving);
  explicit ImageSource(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  // The next path; false when there are no more.
  bool next(std::string& path);
  // All paths there will be; 0 where they are yet to arrive.
  std::size_t total() const { return arriving_ != nullptr ? 0 : paths_.size(); }
  // Throws Error when paths arrive one by one: the caller has to know them beforehand.
  const std::vector<std::string>& paths() const;

 private:
  std::vector<std::string> paths_;
  std::size_t next_ = 0;
  std::istream* arriving_ = nullptr;  // null: paths_ are all
  bool is_first_line_ = true;         // of what arrives
};

// Images in class-per-folder layout (ImageNet, Imagenette): DIR/CLASS/….
struct FolderClasses {
  std::vector<std::string> names;     // of the folders, sorted as text
  std::vector<std::string> paths;     // folder by folder, sorted
  std::vector<std::int64_t> classes;  // of each path: index in names
  std::vector<std::string> hidden;    // folders that are none of the classes, sorted
};
// Throws Error when there are no folders, or one that has no images.
FolderClasses find_class_folders(const std::string& folder);

}  // namespace godwit::vision
