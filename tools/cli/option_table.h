// A command's options as data: what its help, its manual page and the shells' completion are made from.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/command.h"

namespace godwit::tools {

struct OptionEntry {
  std::vector<std::string> names;  // "-h", "--help"; of an argument one: "MODEL"
  std::string value;               // "N", "FILE"; empty for a flag
  std::string text;                // sentences, the default last
  std::string group;               // heading; empty for an argument
  std::vector<std::string> words;  // that its value is one of, or may be
  bool argument = false;           // told by its place
  bool required = false;

  // "-h, --help", "--top N", "MODEL".
  std::string heading() const;
  // True where its value is a path, or may be one.
  bool takes_path() const;
};

struct CommandEntry {
  const Command* command = nullptr;
  std::vector<OptionEntry> options;  // arguments first; groups in the order in which they are told
};

// The options that `app` holds.
std::vector<OptionEntry> option_table(CLI::App& app);
// The same of a command, as the program prepares it; of a group none.
CommandEntry describe(const Command& command);

struct ExitStatus {
  int code;
  std::string_view meaning;
};
// Meanings of every command's exit status.
std::span<const ExitStatus> exit_statuses();

}  // namespace godwit::tools
