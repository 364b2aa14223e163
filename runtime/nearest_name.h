// "Did you mean": the known name that a mistyped one is most like.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace godwit {

// The name of fewest typing errors: characters wrong, missing, too many or swapped; capitals do not count.
// Empty where every name has more errors than a third of the word's characters (2 where it has 4 or more).
std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names);
// "; did you mean 'classify'?", to follow a refusal; empty where no name is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

}  // namespace godwit
