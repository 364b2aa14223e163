// Folders are read beforehand, because their files are taken in sorted order; what arrives is not, so that it
// may go on for ever.
#include "tools/vision/image_source.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <istream>
#include <utility>

#include "runtime/error.h"
#include "tools/vision/csv.h"
#include "tools/vision/files.h"

namespace godwit::vision {
namespace fs = std::filesystem;

ImageSource::ImageSource(const ImageArguments& arguments, std::istream& arriving) {
  if (arguments.images.empty() && arguments.list.empty()) {
    throw Error("no images: pass files or folders, --list FILE.csv, or - for paths on stdin");
  }
  if (std::ranges::find(arguments.images, "-") != arguments.images.end()) {
    if (arguments.images.size() > 1 || !arguments.list.empty()) {
      throw Error("- takes all paths from stdin; pass no other images beside it");
    }
    arriving_ = &arriving;
    return;
  }
  paths_ = find_images(arguments.images, arguments.recursive);
  if (arguments.list.empty()) return;
  const CsvTable table = parse_csv(read_text(arguments.list), arguments.list);
  const std::size_t file = table.column("file");
  const fs::path folder = fs::path(arguments.list).parent_path();
  if (table.rows.empty()) throw Error(fmt::format("'{}' has no rows below its header", arguments.list));
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& name = table.rows[row][file];
    if (name.empty()) throw Error(fmt::format("{} names no file", table.place(row)));
    paths_.push_back((folder / name).string());
  }
}

bool ImageSource::next(std::string& path) {
  while (arriving_ != nullptr) {
    if (!std::getline(*arriving_, path)) return false;
    if (std::exchange(is_first_line_, false) && path.starts_with("\xEF\xBB\xBF")) path.erase(0, 3);
    if (!path.empty() && path.back() == '\r') path.pop_back();
    if (!path.empty()) return true;
  }
  if (next_ == paths_.size()) return false;
  path = paths_[next_++];
  return true;
}

const std::vector<std::string>& ImageSource::paths() const {
  if (arriving_ != nullptr)
    throw Error("paths from stdin do not say how many there will be; expected files or folders");
  return paths_;
}

FolderClasses find_class_folders(const std::string& folder) {
  FolderClasses result;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    if (!entry->is_directory(code)) continue;
    std::string name = entry->path().filename().string();
    (is_hidden(name) ? result.hidden : result.names).push_back(std::move(name));
  }
  if (code) throw Error(fmt::format("cannot read folder '{}': {}", folder, code.message()));
  if (result.names.empty()) {
    throw Error(fmt::format("'{}' has no folders; without --labels each class is a folder in it", folder));
  }
  std::ranges::sort(result.names);
  std::ranges::sort(result.hidden);
  for (std::size_t i = 0; i < result.names.size(); ++i) {
    const std::vector<std::string> found = find_images({(fs::path(folder) / result.names[i]).string()}, true);
    result.paths.insert(result.paths.end(), found.begin(), found.end());
    result.classes.resize(result.paths.size(), static_cast<std::int64_t>(i));
  }
  return result;
}

}  // namespace godwit::vision
