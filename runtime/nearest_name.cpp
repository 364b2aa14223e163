// The distance of Damerau and Levenshtein, over names that are short.
#include "runtime/nearest_name.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <vector>

namespace godwit {
namespace {

constexpr std::size_t kLongest = 64;  // characters; nobody mistypes more

bool same(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

std::size_t typing_errors(std::string_view a, std::string_view b) {
  // Errors between the first i characters of a and the first j of b; rows i - 2, i - 1 and i.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({row[j - 1] + 1, last[j] + 1, last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names) {
  if (word.empty() || word.size() > kLongest) return {};
  std::string_view nearest;
  std::size_t fewest = std::max<std::size_t>(word.size() / 3, word.size() > 3 ? 2 : 1) + 1;
  for (const std::string_view name : names) {
    if (name.size() > kLongest) continue;
    const std::size_t errors = typing_errors(word, name);
    // A name of which nothing is left is not like the word.
    if (errors >= fewest || errors >= name.size()) continue;
    fewest = errors;
    nearest = name;
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  const std::string_view name = nearest_name(word, names);
  return name.empty() ? std::string() : fmt::format("; did you mean '{}'?", name);
}

}  // namespace godwit
