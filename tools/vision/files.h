// Files that are read: text whole, images found in folders.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::vision {

// The bytes of a file of at most `limit` bytes. Throws Error naming the path.
std::string read_text(const std::string& path, std::size_t limit = std::size_t{64} << 20);

// True for names of files and folders that programs keep for themselves: ".ipynb_checkpoints", "._a.jpg",
// "__MACOSX".
bool is_hidden(std::string_view name);

// Every argument in the order given. A file stays as it is, whatever its name. A folder becomes the files in
// it that are named as images are (image::has_image_extension), sorted by path. With `recursive` it becomes
// those of the folders below too. What is hidden in a folder is passed over. Throws Error for an argument
// that does not exist, and for a folder without any image.
std::vector<std::string> find_images(const std::vector<std::string>& arguments, bool recursive);

}  // namespace godwit::vision
