// Files and folders that commands write.
#pragma once

#include <span>
#include <string>

namespace godwit::tools {

// Makes the folder and those above it. Throws Error when that cannot be done or something else stands there.
void make_folder(const std::string& path);

// Checks `output` before the work whose result goes there. Throws Error where it cannot be written, or is one
// of the files that are read and would be lost (an empty name is none).
void check_output(const std::string& output, std::span<const std::string> inputs);

}  // namespace godwit::tools
