// The one rule for files that a model names: they lie inside the model's own folder.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace godwit::importers {

// The real path of `location`, a relative path that a model file in `folder` names. Throws Error when it is
// empty, absolute or has a ".." in it. Throws it when the path leads out of the folder through a link, does
// not exist, or is no regular file.
std::string resolve_inside(const std::filesystem::path& folder, std::string_view location);

}  // namespace godwit::importers
