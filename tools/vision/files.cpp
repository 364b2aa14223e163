// Text by mapping, images by the endings of their names.
#include "tools/vision/files.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <system_error>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/image/decoder.h"
#include "runtime/memory.h"

namespace godwit::vision {
namespace fs = std::filesystem;
namespace {

// The images of a folder, and of those below it where `recursive`, without what is hidden. A folder below
// that cannot be looked into stands for its images: it is named when its turn comes and stops nothing.
void collect(const fs::path& folder, bool recursive, std::vector<std::string>& found, std::error_code& code) {
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    std::error_code ignored, closed;
    if (is_hidden(entry->path().filename().string())) continue;
    if (!entry->is_directory(ignored)) {
      if (image::has_image_extension(entry->path().string())) found.push_back(entry->path().string());
    } else if (recursive && !entry->is_symlink(ignored)) {
      collect(entry->path(), true, found, closed);
      if (closed) found.push_back(entry->path().string());
    }
  }
}

void append_images(const std::string& folder, bool recursive, std::vector<std::string>& paths) {
  std::error_code code;
  std::vector<std::string> found;
  collect(folder, recursive, found, code);
  if (code) throw Error(fmt::format("cannot read folder '{}': {}", folder, code.message()));
  if (found.empty()) {
    throw Error(
        fmt::format("folder '{}' has no {} file (use --recursive for folders below it; hidden files "
                    "do not count)",
                    folder, image::image_extensions()));
  }
  std::ranges::sort(found);
  paths.insert(paths.end(), found.begin(), found.end());
}

}  // namespace

bool is_hidden(std::string_view name) { return name.starts_with('.') || name == "__MACOSX"; }

std::string read_text(const std::string& path, std::size_t limit) {
  const MappedFile file(path);
  if (file.size() > limit) {
    throw Error(fmt::format("'{}' has {}, expected at most {}", path, counted(file.size(), "byte"), limit));
  }
  return file.size() == 0 ? std::string()
                          : std::string(reinterpret_cast<const char*>(file.data()), file.size());
}

std::vector<std::string> find_images(const std::vector<std::string>& arguments, bool recursive) {
  std::vector<std::string> paths;
  for (const std::string& argument : arguments) {
    std::error_code code;
    const fs::file_status status = fs::status(argument, code);
    if (status.type() == fs::file_type::not_found) throw Error(fmt::format("'{}' does not exist", argument));
    if (!fs::is_directory(status)) {
      paths.push_back(argument);
    } else {
      append_images(argument, recursive, paths);
    }
  }
  return paths;
}

}  // namespace godwit::vision
