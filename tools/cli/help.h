// Layout of help: usage, description, arguments, options by group, exit status, examples.
#pragma once

#include <span>
#include <string>

#include "tools/cli/cli11.h"
#include "tools/cli/command.h"

namespace godwit::tools {

// `text` broken at spaces so that no line passes `width`, every line after `indent` spaces; paragraphs
// (parted by an empty line) stay apart.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width = 90);

// The help of one command. `all`: every option is explained, not only those in Command::common.
std::string command_help(const Command& command, CLI::App& app, bool all);

// The help of a group: its commands.
std::string group_help(const Command& group);

inline constexpr std::string_view kProgramSentence = "image models on a CPU, without a vendor runtime";
inline constexpr std::string_view kProgramExample = "godwit classify models/resnet50.onnx photographs/";
// Facts about all commands.
std::string program_notes();

// `godwit --help`: all commands by group.
std::string program_help(std::span<const Command* const> commands);

}  // namespace godwit::tools
