// Numbers of things in messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace godwit {

// "1 image", "2 images": the noun is given for one; its plural where that is not it with an s.
std::string counted(std::size_t count, std::string_view noun, std::string_view plural = {});

}  // namespace godwit
