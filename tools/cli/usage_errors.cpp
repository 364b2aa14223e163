// The parser's errors by their kind; its own words are looked at for an option's name alone.
#include "tools/cli/usage_errors.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/nearest_name.h"

namespace godwit::tools {
namespace {

// Words that belong to no option: an option mistyped, or an argument too many.
std::string unexpected(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  if (words.empty()) return "the command line has a word too many";
  const auto option =
      std::ranges::find_if(words, [](const std::string& word) { return word.starts_with('-'); });
  if (option == words.end()) return fmt::format("'{}' is an argument too many", words.front());
  const std::string name = option->substr(0, option->find('='));
  std::vector<std::string> known;
  for (const CLI::Option* each : app.get_options()) {
    for (const std::string& word : each->get_lnames()) known.push_back("--" + word);
  }
  const std::vector<std::string_view> names(known.begin(), known.end());
  return fmt::format("there is no option '{}'{}", name, did_you_mean(name, names));
}

// True where a mistyped option explains what is missing or strange.
bool has_unknown_option(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  return std::ranges::any_of(words, [](const std::string& word) { return word.starts_with("--"); });
}

template <class Kind>
bool is(const CLI::ParseError& error) {
  return dynamic_cast<const Kind*>(&error) != nullptr;
}

// The option with the longest name that the parser's text has; null where it has none.
const CLI::Option* named_in(const CLI::App& app, std::string_view text) {
  const CLI::Option* found = nullptr;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name();
    if (text.find(name) == std::string_view::npos) continue;
    if (found == nullptr || name.size() > found->get_name().size()) found = option;
  }
  return found;
}

std::string missing(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_required() && option->count() == 0) names.push_back(option->get_name());
  }
  if (names.size() < 2) return fmt::format("{} is required", fmt::join(names, ""));
  const std::string last = std::move(names.back());
  names.pop_back();
  return fmt::format("{} and {} are required", fmt::join(names, ", "), last);
}

std::string excluded(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const CLI::Option* other : option->get_excludes()) {
      if (option->count() > 0 && other->count() > 0)
        return fmt::format("{} and {} exclude each other; give one of them", option->get_name(),
                           other->get_name());
    }
  }
  return "two options exclude each other";
}

std::string needed(const CLI::App& app, const std::string& text) {
  for (const CLI::Option* option : app.get_options()) {
    for (const CLI::Option* other : option->get_needs()) {
      if (option->count() > 0 && other->count() == 0)
        return fmt::format("{} needs {}", option->get_name(), other->get_name());
    }
  }
  // Thrown by a command itself.
  const std::size_t at = text.find(" requires ");
  return at == std::string::npos ? "an option needs another"
                                 : fmt::format("{} needs {}", text.substr(0, at), text.substr(at + 10));
}

std::string sentence(const CLI::App& app, const CLI::ParseError& error) {
  std::string text = error.what();
  if (is<CLI::RequiredError>(error)) return missing(app);
  if (is<CLI::ExcludesError>(error)) return excluded(app);
  if (is<CLI::RequiresError>(error)) return needed(app, text);
  // Checks of values are ours, and so are their words.
  if (is<CLI::ValidationError>(error)) return text;
  const CLI::Option* option = named_in(app, text);
  if (option == nullptr) return "the command line cannot be read";
  const std::string name = option->get_name();
  if (option->get_expected_max() == 0) return fmt::format("{} takes no value", name);
  if (option->count() > 1) return fmt::format("{} is given {} times, expected once", name, option->count());
  if (option->count() == 0)
    return fmt::format("{} needs a value: {} {}", name, name, option->get_type_name());
  return fmt::format("{}: '{}' is no value for it", name, option->results().front());
}

}  // namespace

std::string usage_sentence(const CLI::App& app, const CLI::ParseError& error, const std::string& command) {
  const bool extras =
      is<CLI::ExtrasError>(error) ||
      ((is<CLI::RequiredError>(error) || is<CLI::ValidationError>(error)) && has_unknown_option(app));
  return fmt::format("{} (see 'godwit {} --help{}')", extras ? unexpected(app) : sentence(app, error),
                     command, extras ? "-all" : "");
}

}  // namespace godwit::tools
