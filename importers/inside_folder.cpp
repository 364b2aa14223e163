// A model from elsewhere must not make us read files of ours.
#include "importers/inside_folder.h"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "runtime/error.h"

namespace godwit::importers {

std::string resolve_inside(const std::filesystem::path& folder, std::string_view location) {
  namespace fs = std::filesystem;
  if (location.empty())
    throw Error("the name of an external file is empty, expected a path inside the model's folder");
  const auto unprintable = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(location, unprintable)) {
    throw Error("the name of an external file has control characters in it");
  }
  const fs::path relative(location);
  if (relative.is_absolute()) {
    throw Error(fmt::format("external file '{}' is an absolute path, expected one inside the model's folder",
                            location));
  }
  for (const fs::path& part : relative) {
    if (part == "..")
      throw Error(fmt::format("external file '{}' has '..' in its path, which is refused", location));
  }

  std::error_code failure;
  const fs::path root = fs::canonical(folder.empty() ? fs::path(".") : folder, failure);
  if (failure) throw Error(fmt::format("cannot find folder '{}': {}", folder.string(), failure.message()));
  const fs::path file = fs::canonical(root / relative, failure);
  if (failure)
    throw Error(fmt::format("external file '{}' cannot be found: {}", location, failure.message()));
  if (std::mismatch(root.begin(), root.end(), file.begin(), file.end()).first != root.end()) {
    throw Error(fmt::format("external file '{}' is a link that leads out of the model's folder", location));
  }
  if (!fs::is_regular_file(file, failure))
    throw Error(fmt::format("external file '{}' is not a regular file", location));
  return file.string();
}

}  // namespace godwit::importers
