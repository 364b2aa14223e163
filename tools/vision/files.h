// Files of the command line: text read whole, folders made, images found in them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace godwit::tools {

// The bytes of a file of at most `limit` bytes. Throws Error naming the path.
std::string read_text(const std::string& path, std::size_t limit = std::size_t{64} << 20);

// Makes the folder and those above it. Throws Error when that cannot be done or something else stands there.
void make_folder(const std::string& path);

// Before work whose result goes to `output`. Throws Error where it is one of the files that are read, which
// would be lost (an empty name is none), or cannot be written.
void check_output(const std::string& output, std::span<const std::string> inputs);

// Every argument in the order given: a file stays as it is (whatever its name), a folder becomes the files in
// it named .jpg, .jpeg or .png in any case, sorted by path; with `recursive` those of the folders below too.
// Throws Error for an argument that does not exist and for a folder without any image.
std::vector<std::string> find_images(const std::vector<std::string>& arguments, bool recursive);

}  // namespace godwit::tools
