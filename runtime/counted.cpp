// Chooses between one and many.
#include "runtime/counted.h"

#include <fmt/format.h>

namespace godwit {

std::string counted(std::size_t count, std::string_view noun, std::string_view plural) {
  if (count == 1) return fmt::format("1 {}", noun);
  return plural.empty() ? fmt::format("{} {}s", count, noun) : fmt::format("{} {}", count, plural);
}

}  // namespace godwit
