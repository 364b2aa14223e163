// Tables of commands, options and values in the shells' own language, and the functions that look into them.
#include "tools/cli/completion.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <vector>

#include "tools/cli/option_table.h"

namespace godwit::tools {
namespace {

// Stands for a path among the words of a value.
constexpr std::string_view kPath = "<path>";

std::vector<CommandEntry> describe_all(std::span<const Command* const> commands) {
  std::vector<CommandEntry> entries;
  for (const Command* command : commands) {
    entries.push_back(describe(*command));
    for (CommandEntry& inside : describe_all(command->commands)) entries.push_back(std::move(inside));
  }
  return entries;
}

// The commands of a group, without its name; of none all commands outside of groups.
std::string names_in(const std::vector<CommandEntry>& entries, std::string_view group) {
  std::vector<std::string_view> names;
  for (const CommandEntry& entry : entries) {
    const std::string_view name = entry.command->name;
    const std::size_t space = name.find(' ');
    const std::string_view of = space == std::string_view::npos ? "" : name.substr(0, space);
    if (of == group) names.push_back(space == std::string_view::npos ? name : name.substr(space + 1));
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string option_names(const CommandEntry& entry) {
  std::vector<std::string_view> names;
  for (const OptionEntry& option : entry.options) {
    if (option.argument) continue;
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return fmt::format("{}", fmt::join(names, " "));
}

// Words that may stand for the option's value; empty: nothing is known.
std::string values_of(const OptionEntry& option) {
  std::string values = fmt::format("{}", fmt::join(option.words, " "));
  if (option.takes_path()) values += fmt::format("{}{}", values.empty() ? "" : " ", kPath);
  return values;
}

// Patterns of a case by what is printed for them: "command:--option", and "command:" for arguments.
std::string value_cases(const std::vector<CommandEntry>& entries) {
  std::map<std::string, std::vector<std::string>> patterns;
  for (const CommandEntry& entry : entries) {
    for (const OptionEntry& option : entry.options) {
      if (!option.argument && option.value.empty()) continue;
      // A number: known to have a value, of which nothing is proposed.
      for (const std::string& name : option.names) {
        patterns[values_of(option)].push_back(
            fmt::format("'{}:{}'", entry.command->name, option.argument ? "" : name));
      }
    }
  }
  std::string text;
  for (auto& [values, of] : patterns) {
    std::ranges::sort(of);
    of.erase(std::unique(of.begin(), of.end()), of.end());
    text += fmt::format("    {})\n      echo '{}' ;;\n", fmt::join(of, "|\\\n    "), values);
  }
  return text;
}

// For zsh: in single quotes, and without what _arguments would take for its own.
std::string zsh_text(std::string_view text) {
  std::string first(text.substr(0, std::min(text.find(". "), text.size())));
  if (first.ends_with('.')) first.pop_back();
  std::string result;
  for (const char c : first) {
    if (c == '\'') {
      result += "'\\''";
    } else if (c == '[' || c == ']' || c == ':' || c == '\\') {
      result += fmt::format("\\{}", c);
    } else {
      result += c;
    }
  }
  return result;
}

// ":FILE:_files", "exact fast" in brackets, or both.
std::string zsh_action(const OptionEntry& option) {
  std::string action;
  if (!option.words.empty() && option.takes_path()) {
    action = fmt::format("_alternative \"words\\:word\\:({})\" \"files\\:file\\:_files\"",
                         fmt::join(option.words, " "));
  } else if (!option.words.empty()) {
    action = fmt::format("({})", fmt::join(option.words, " "));
  } else if (option.takes_path()) {
    action = "_files";
  }
  return fmt::format(":{}:{}", zsh_text(option.value), action);
}

// `last`: an argument that stands for all that follow.
std::string zsh_option(const OptionEntry& option, bool last) {
  if (option.argument) return fmt::format("'{}{}'", last ? "*" : "", zsh_action(option));
  const std::string rest =
      fmt::format("[{}]{}", zsh_text(option.text), option.value.empty() ? "" : zsh_action(option));
  const char* equals = option.value.empty() ? "" : "=";
  std::vector<std::string> specs;
  for (const std::string& name : option.names)
    specs.push_back(fmt::format("'*{}{}{}'", name, name.starts_with("--") ? equals : "", rest));
  return fmt::format("{}", fmt::join(specs, " "));
}

std::string zsh_commands(const std::vector<CommandEntry>& entries, std::string_view group) {
  std::string text;
  for (const CommandEntry& entry : entries) {
    const std::string_view name = entry.command->name;
    const std::size_t space = name.find(' ');
    if ((space == std::string_view::npos ? "" : name.substr(0, space)) != group) continue;
    text += fmt::format("    '{}:{}'\n", space == std::string_view::npos ? name : name.substr(space + 1),
                        zsh_text(entry.command->sentence));
  }
  return text;
}

// Looks into the tables: which command it is, what its option wants.
constexpr std::string_view kBashFunction = R"bash(_godwit() {
  local current=${COMP_WORDS[COMP_CWORD]} previous='' command='' word values i
  COMPREPLY=()
  ((COMP_CWORD > 0)) && previous=${COMP_WORDS[COMP_CWORD - 1]}
  # bash takes --decode=exact for three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]] && ((COMP_CWORD > 1)); then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    [[ $word == help && -z $command ]] && continue
    [[ $word == -* || -n $command && -z $(_godwit_commands "$command") ]] && break
    command+=${command:+ }$word
  done
  values=$(_godwit_commands "$command")
  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
    return
  fi
  if [[ $previous == -* ]] && values=$(_godwit_values "$command" "$previous"); then
    :
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_godwit_options "$command")" -- "$current")
    return
  else
    values=$(_godwit_values "$command" '') || return 0
  fi
  mapfile -t COMPREPLY < <(compgen -W "${values//<path>/}" -- "$current")
  if [[ $values == *'<path>'* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
  fi
}

complete -F _godwit godwit
)bash";

}  // namespace

std::string bash_completion(std::span<const Command* const> commands) {
  const std::vector<CommandEntry> entries = describe_all(commands);
  std::string options, groups;
  for (const CommandEntry& entry : entries) {
    const std::string_view name = entry.command->name;
    if (!entry.command->commands.empty()) {
      groups += fmt::format("    '{}') echo '{}' ;;\n", name, names_in(entries, name));
    } else {
      options += fmt::format("    '{}') echo '{}' ;;\n", name, option_names(entry));
    }
  }
  std::string text = "# Completion of godwit's command line by bash, made by `godwit --generate`.\n\n";
  text += fmt::format(
      "_godwit_commands() {{\n  case $1 in\n    '') echo '{} help --help --version' ;;\n{}  esac\n}}\n\n",
      names_in(entries, ""), groups);
  text += fmt::format("_godwit_options() {{\n  case $1 in\n{}  esac\n}}\n\n", options);
  text += fmt::format("_godwit_values() {{\n  case $1:$2 in\n{}    *) return 1 ;;\n  esac\n}}\n\n",
                      value_cases(entries));
  return text + std::string(kBashFunction);
}

std::string zsh_completion(std::span<const Command* const> commands) {
  const std::vector<CommandEntry> entries = describe_all(commands);
  std::string text =
      "#compdef godwit\n# Completion of godwit's command line by zsh, made by `godwit --generate`.\n";
  std::string groups, cases;
  for (const CommandEntry& entry : entries) {
    const std::string_view name = entry.command->name;
    if (!entry.command->commands.empty()) {
      groups += fmt::format(
          "  if [[ $command == {0} ]]; then\n    if ((CURRENT == 3)); then\n      list=(\n{1}      )\n"
          "      _describe command list\n      return\n    fi\n    command=\"{0} $words[3]\"\n    shift "
          "words\n"
          "    ((CURRENT--))\n  fi\n",
          name, zsh_commands(entries, name));
      continue;
    }
    std::vector<std::string> specs;
    for (std::size_t i = 0; i < entry.options.size(); ++i) {
      const bool last = i + 1 == entry.options.size() || !entry.options[i + 1].argument;
      specs.push_back(zsh_option(entry.options[i], last));
    }
    cases += fmt::format("    '{}')\n      _arguments -S \\\n        {} ;;\n", name,
                         fmt::join(specs, " \\\n        "));
  }
  text += fmt::format(
      "\n_godwit() {{\n  local command=$words[2]\n  local -a list\n  if ((CURRENT == 2)); then\n    "
      "list=(\n{}"
      "    'help:help of a command'\n    )\n    _describe command list\n    return\n  fi\n{}  shift words\n"
      "  ((CURRENT--))\n  case $command in\n{}  esac\n}}\n\n_godwit \"$@\"\n",
      zsh_commands(entries, ""), groups, cases);
  return text;
}

}  // namespace godwit::tools
