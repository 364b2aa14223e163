// Reads what CLI11 has been told.
#include "tools/cli/option_table.h"

#include <CLI/CLI.hpp>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/cli/options.h"

namespace godwit::tools {
namespace {

constexpr std::array kExitStatuses = {
    ExitStatus{0, "done"},
    ExitStatus{1, "the work failed"},
    ExitStatus{2, "bad usage or bad input"},
    ExitStatus{3, "something that was required is not there"},
    ExitStatus{130, "SIGINT (Ctrl-C) ended it early; 143 SIGTERM, 129 SIGHUP, 141 a closed pipe"},
};

OptionEntry entry_of(CLI::Option& option) {
  OptionEntry entry;
  entry.argument = option.get_positional();
  entry.required = option.get_required();
  entry.text = option.get_description();
  if (!option.get_default_str().empty()) entry.text += fmt::format(" Default: {}.", option.get_default_str());
  entry.words = words_of(option);
  if (entry.argument) {
    entry.names.push_back(option.get_name(true, false));
    entry.value = entry.names.front();
    return entry;
  }
  for (const std::string& letter : option.get_snames()) entry.names.push_back("-" + letter);
  for (const std::string& word : option.get_lnames()) entry.names.push_back("--" + word);
  if (option.get_expected_max() > 0) entry.value = option.get_type_name();
  entry.group = option.get_group();
  return entry;
}

}  // namespace

std::string OptionEntry::heading() const {
  const std::string all = fmt::format("{}", fmt::join(names, ", "));
  return argument || value.empty() ? all : all + " " + value;
}

bool OptionEntry::takes_path() const {
  for (const std::string_view part : {"FILE", "DIR", "MODEL", "IMAGE", ".onnx", "IN", "RUN", "METER"}) {
    if (value.find(part) != std::string::npos) return true;
  }
  return false;
}

std::vector<OptionEntry> option_table(CLI::App& app) {
  std::vector<OptionEntry> table;
  for (CLI::Option* option : app.get_options(nullptr)) {
    if (option->get_positional()) table.push_back(entry_of(*option));
  }
  for (const std::string& group : app.get_groups()) {
    if (group.empty()) continue;
    for (CLI::Option* option : app.get_options(nullptr)) {
      if (option->nonpositional() && option->get_group() == group) table.push_back(entry_of(*option));
    }
  }
  return table;
}

CommandEntry describe(const Command& command) {
  CommandEntry entry{&command, {}};
  if (!command.commands.empty()) return entry;
  CLI::App app{std::string(command.sentence), std::string(command.name)};
  add_common_options(app);
  (void)command.prepare(app);
  entry.options = option_table(app);
  return entry;
}

std::span<const ExitStatus> exit_statuses() { return kExitStatuses; }

}  // namespace godwit::tools
