// Texts of the command line as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/tensor.h"

namespace godwit::tools {

// The whole text as a decimal number; nullopt for anything else.
std::optional<std::int64_t> parse_whole(std::string_view text);

// "1x3x224x224". Throws Error naming `option`.
Shape parse_shape(std::string_view text, std::string_view option);

// Seconds of "90", "90s", "30m" or "1.5h". Throws Error naming `option` unless it is more than none.
double parse_duration(std::string_view text, std::string_view option);

// "NAME=VALUE" split at the last '='; without one the name is empty.
struct NamedText {
  std::string name, value;
};
NamedText split_named(const std::string& text);

}  // namespace godwit::tools
