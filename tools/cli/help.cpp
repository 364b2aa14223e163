// Lays out help texts in the manner of a manual page.
#include "tools/cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace godwit::tools {
namespace {

constexpr std::size_t kWidth = 90;
constexpr std::size_t kColumn = 26;  // where descriptions of options start

std::string entry(const std::string& name, std::string_view text) {
  const std::string description = wrap(text, kColumn, kWidth);
  if (name.size() + 4 > kColumn) return "  " + name + "\n" + description;
  return fmt::format("  {:<{}}{}", name, kColumn - 2, description.substr(kColumn));
}

std::string option_name(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true, false);
  std::string name;
  for (const std::string& letter : option.get_snames()) name += (name.empty() ? "-" : ", -") + letter;
  for (const std::string& word : option.get_lnames()) name += (name.empty() ? "--" : ", --") + word;
  if (option.get_expected_max() > 0 && !option.get_type_name().empty()) name += " " + option.get_type_name();
  return name;
}

std::string option_text(const CLI::Option& option) {
  std::string text = option.get_description();
  if (!option.get_default_str().empty()) text += fmt::format(" Default: {}.", option.get_default_str());
  return text;
}

std::string section(const std::string& title, const std::vector<const CLI::Option*>& options) {
  if (options.empty()) return "";
  std::string text = "\n" + title + ":\n";
  for (const CLI::Option* option : options) text += entry(option_name(*option), option_text(*option));
  return text;
}

// The end of every help text.
std::string closing(const Command& command) {
  std::string text =
      "\nExit status:\n"
      "  0  done\n"
      "  1  the work failed\n"
      "  2  bad usage or bad input\n"
      "  3  something that was required is not there\n";
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

std::string command_help(const Command& command, const CLI::App& app) {
  std::string text = fmt::format("godwit {}: {}\n\nUsage: godwit {} {}\n\n", command.name, command.sentence,
                                 command.name, command.synopsis);
  text += wrap(command.description, 0, kWidth);
  std::vector<const CLI::Option*> arguments;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) arguments.push_back(option);
  }
  text += section("Arguments", arguments);
  for (const std::string& group : app.get_groups()) {
    if (group.empty()) continue;
    text += section(group, app.get_options([&group](const CLI::Option* option) {
      return option->nonpositional() && option->get_group() == group;
    }));
  }
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

std::string program_help(std::span<const Command* const> commands) {
  std::string text =
      "godwit: image models on a CPU, without a vendor runtime\n\n"
      "Usage: godwit COMMAND [arguments] [options]\n"
      "       godwit COMMAND --help\n"
      "       godwit --help | --version\n";
  std::string_view group;
  for (const Command* command : commands) {
    if (command->group != group) {
      group = command->group;
      text += fmt::format("\n{}:\n", group);
    }
    text += fmt::format("  {:<12}{}\n", command->name, command->sentence);
  }
  text +=
      "\n" +
      wrap(
          "Results go to stdout, messages and progress to stderr; --json prints results for machines. An "
          "error is one line, 'godwit: error: ...'. Exit status: 0 done, 1 the work failed, 2 bad usage or "
          "bad input, 3 something that was required is not there. 'godwit list knobs' shows the environment "
          "variables that are read.",
          0, kWidth);
  text +=
      "\nExample:\n"
      "  godwit classify models/resnet50.onnx photographs/\n";
  return text;
}

}  // namespace godwit::tools
