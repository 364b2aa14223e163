// Lays out help texts in the manner of a manual page.
#include "tools/cli/help.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "tools/cli/option_table.h"

namespace godwit::tools {
namespace {

constexpr std::size_t kWidth = 90;
constexpr std::size_t kColumn = 26;  // where descriptions of options start

std::string entry(const std::string& name, std::string_view text) {
  const std::string description = wrap(text, kColumn, kWidth);
  if (name.size() + 4 > kColumn) return "  " + name + "\n" + description;
  return fmt::format("  {:<{}}{}", name, kColumn - 2, description.substr(kColumn));
}

std::string section(const std::string& title, const std::vector<const OptionEntry*>& options) {
  if (options.empty()) return "";
  std::string text = "\n" + title + ":\n";
  for (const OptionEntry* option : options) text += entry(option->heading(), option->text);
  return text;
}

// "--top" of "--labels --preprocess --top".
bool names(std::string_view list, const OptionEntry& option) {
  for (const std::string& name : option.names) {
    for (std::size_t at = list.find(name); at != std::string_view::npos; at = list.find(name, at + 1)) {
      const std::size_t end = at + name.size();
      if ((at == 0 || list[at - 1] == ' ') && (end == list.size() || list[end] == ' ')) return true;
    }
  }
  return false;
}

// Options that most need are explained, in the order of Command::common; of the others the names alone are
// told.
std::string common_options(const Command& command, const std::vector<OptionEntry>& options) {
  constexpr std::string_view kAlways = "--help --help-all";
  std::vector<const OptionEntry*> told;
  for (const OptionEntry& option : options) {
    if (!option.argument && (option.required || names(kAlways, option))) told.push_back(&option);
  }
  for (std::size_t begin = 0; begin < command.common.size();) {
    const std::size_t end = std::min(command.common.find(' ', begin), command.common.size());
    for (const OptionEntry& option : options) {
      if (!option.required && names(command.common.substr(begin, end - begin), option))
        told.push_back(&option);
    }
    begin = end + 1;
  }
  // The two about help come last.
  std::stable_partition(told.begin(), told.end(),
                        [&](const OptionEntry* option) { return !names(kAlways, *option); });
  std::string text = section("Options", told);
  text += fmt::format("\nMore options, explained by 'godwit {} --help-all':\n", command.name);
  std::string group, line;
  const auto flush = [&] {
    if (!line.empty()) text += wrap(fmt::format("{}: {}", group, line), 2, kWidth);
    line.clear();
  };
  for (const OptionEntry& option : options) {
    if (option.argument || std::ranges::find(told, &option) != told.end()) continue;
    if (option.group != group) flush();
    group = option.group;
    line += (line.empty() ? "" : " ") + option.names.back();
  }
  flush();
  return text;
}

// The end of every help text.
std::string closing(const Command& command) {
  std::string text = "\nExit status:\n";
  for (const ExitStatus& status : exit_statuses())
    text += fmt::format("  {:<4}{}\n", status.code, status.meaning);
  text += std::count(command.examples.begin(), command.examples.end(), '\n') > 0 ? "\nExamples:\n"
                                                                                 : "\nExample:\n";
  for (std::size_t begin = 0; begin < command.examples.size();) {
    const std::size_t end = std::min(command.examples.find('\n', begin), command.examples.size());
    text += fmt::format("  {}\n", command.examples.substr(begin, end - begin));
    begin = end + 1;
  }
  return text;
}

}  // namespace

std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result;
  std::size_t column = 0;  // 0: nothing on this line yet
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\n' && i + 1 < text.size() && text[i + 1] == '\n') {
      result += "\n\n";
      column = 0;
      i += 2;
      continue;
    }
    if (text[i] == ' ' || text[i] == '\n') {
      ++i;
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \n", i), text.size());
    const std::size_t length = end - i;
    if (column != 0 && column + 1 + length > width) {
      result += '\n';
      column = 0;
    }
    if (column == 0) {
      result.append(indent, ' ');
      column = indent;
    } else {
      result += ' ';
      ++column;
    }
    result += text.substr(i, length);
    column += length;
    i = end;
  }
  return result + "\n";
}

std::string command_help(const Command& command, CLI::App& app, bool all) {
  std::string text = fmt::format("godwit {}: {}\n\nUsage: godwit {} {}\n\n", command.name, command.sentence,
                                 command.name, command.synopsis);
  text += wrap(command.description, 0, kWidth);
  const std::vector<OptionEntry> options = option_table(app);
  std::vector<const OptionEntry*> of_group;
  const auto end_group = [&] {
    if (!of_group.empty())
      text += section(of_group.front()->argument ? "Arguments" : of_group.front()->group, of_group);
    of_group.clear();
  };
  for (const OptionEntry& option : options) {
    if (!all && !option.argument && !command.common.empty()) break;
    if (!of_group.empty() && of_group.front()->group != option.group) end_group();
    of_group.push_back(&option);
  }
  end_group();
  if (!all && !command.common.empty()) text += common_options(command, options);
  return text + closing(command);
}

std::string group_help(const Command& group) {
  std::string text = fmt::format("godwit {}: {}\n\nUsage: godwit {} {}\n       godwit {} COMMAND --help\n\n",
                                 group.name, group.sentence, group.name, group.synopsis, group.name);
  text += wrap(group.description, 0, kWidth) + "\nCommands:\n";
  for (const Command* command : group.commands)
    text += entry(std::string(command->name.substr(group.name.size() + 1)), std::string(command->sentence));
  return text + closing(group);
}

std::string program_notes() {
  return "Results go to stdout, messages and progress to stderr; --json prints results for machines. An "
         "error is "
         "one line, 'godwit: error: ...'. Exit status: 0 done, 1 the work failed, 2 bad usage or bad input, "
         "3 "
         "something that was required is not there, 130 interrupted by Ctrl-C. 'godwit list presets' helps "
         "to "
         "choose a model's preprocessing; 'godwit list knobs' shows the environment variables that are read.";
}

std::string program_help(std::span<const Command* const> commands) {
  std::string text = fmt::format(
      "godwit: {}\n\n"
      "Usage: godwit COMMAND [arguments] [options]\n"
      "       godwit COMMAND --help | --help-all\n"
      "       godwit --help | --version\n",
      kProgramSentence);
  std::string_view group;
  for (const Command* command : commands) {
    if (command->group != group) {
      group = command->group;
      text += fmt::format("\n{}:\n", group);
    }
    text += fmt::format("  {:<12}{}\n", command->name, command->sentence);
  }
  text += "\n" + wrap(program_notes(), 0, kWidth);
  return text + fmt::format("\nExample:\n  {}\n", kProgramExample);
}

}  // namespace godwit::tools
