// A subcommand: the texts of its help, and the function that adds its options and returns its work.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "tools/cli/cli11.h"

namespace godwit::tools {

// Exit statuses; for errors the same values as ErrorKind.
enum ExitCode { kDone = 0, kFailed = 1, kBadUsage = 2, kMissing = 3 };

struct Command {
  std::string_view name;
  std::string_view group;        // heading under which `godwit --help` lists it
  std::string_view sentence;     // no capital, no full stop: "label images"
  std::string_view synopsis;     // what follows the name on the usage line
  std::string_view description;  // paragraphs parted by an empty line; wrapped when printed
  std::string_view examples;     // command lines, one a line
  // Adds the command's options to `app`; the result runs once they are parsed and gives the exit code.
  // nullptr for a group.
  std::function<int()> (*prepare)(CLI::App& app);
  // A group's commands, each named with the group in front: "energy sensors".
  std::span<const Command* const> commands = {};
  // Options that --help explains, the others being for --help-all: "--labels --top". Empty: all are.
  std::string_view common = {};
};

}  // namespace godwit::tools
