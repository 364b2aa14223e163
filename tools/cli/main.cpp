// The godwit program: finds the command, lets CLI11 parse its options, and turns every failure into one line
// and an exit code.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/error.h"
#include "runtime/nearest_name.h"
#include "tools/cli/caps.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/documents.h"
#include "tools/cli/help.h"
#include "tools/cli/options.h"
#include "tools/cli/usage_errors.h"
#include "tools/report/build_info.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/json.h"
#include "tools/vision/failure_text.h"

namespace godwit::tools {
namespace {

// THE table: a command is one file and one line here. Those of a group stand together.
constexpr std::array<const Command*, 16> kCommands = {
    // use
    &classify_command,
    &detect_command,
    &segment_command,
    &quantize_command,
    &run_command,
    &preprocess_command,
    // measure
    &bench_command,
    &accuracy_command,
    &compare_command,
    &energy_command,
    &report_command,
    &verify_command,
    // look
    &inspect_command,
    &explain_command,
    &convert_command,
    &list_command,
};

// "; did you mean 'classify'?" of the commands of a group, or of those outside.
std::string did_you_mean_command(std::span<const Command* const> commands, std::string_view group,
                                 std::string_view word) {
  std::vector<std::string_view> names;
  for (const Command* command : commands)
    names.push_back(group.empty() ? command->name : command->name.substr(group.size() + 1));
  return did_you_mean(word, names);
}

// The command `word`, of a group where `group` is not empty.
const Command* find_command(std::span<const Command* const> commands, std::string_view group,
                            std::string_view word) {
  const std::string name = group.empty() ? std::string(word) : fmt::format("{} {}", group, word);
  for (const Command* command : commands) {
    if (command->name == name) return command;
  }
  return nullptr;
}

int bad_usage(std::string_view text) {
  error_message(text);
  return kBadUsage;
}

// Ends a command that has printed nothing yet.
int end_early(const Command& command, const CLI::App& app) {
  warning(fmt::format("{} ended the work before there was a result", interrupt_name()));
  const CLI::Option* json = app.get_option_no_throw("--json");
  if (json != nullptr && json->count() > 0) {
    const std::string_view name = command.name.substr(command.name.rfind(' ') + 1);
    print_json({{"schema", fmt::format("godwit.{}/1", name)}, {"partial", true}});
  }
  return interrupt_exit_code();
}

int run_one(const Command& command, int argc, char** argv) {
  CLI::App app{std::string(command.sentence), std::string(command.name)};
  add_common_options(app);
  const std::function<int()> work = command.prepare(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print(command_help(command, app, false));
    return kDone;
  } catch (const CLI::CallForAllHelp&) {
    print(command_help(command, app, true));
    return kDone;
  } catch (const CLI::ParseError& error) {
    return bad_usage(usage_sentence(app, error, std::string(command.name)));
  }
  try {
    return work();
  } catch (const Interrupted&) {
    return end_early(command, app);
  }
}

// `argv` holds the group's name and what follows it.
int run_group(const Command& group, int argc, char** argv) {
  if (argc < 2) {
    return bad_usage(
        fmt::format("no command given after '{}' (see 'godwit {} --help')", group.name, group.name));
  }
  const std::string_view word = argv[1];
  const bool help = word == "--help" || word == "-h" || word == "help";
  if (help && argc == 2) {
    print(group_help(group));
    return kDone;
  }
  const std::string_view name = help ? argv[2] : word;
  const Command* command = find_command(group.commands, group.name, name);
  if (command == nullptr) {
    return bad_usage(fmt::format("there is no command '{} {}'{} (see 'godwit {} --help')", group.name, name,
                                 did_you_mean_command(group.commands, group.name, name), group.name));
  }
  if (!help) return run_one(*command, argc - 1, argv + 1);
  std::array<char*, 2> arguments{argv[2], const_cast<char*>("--help")};
  return run_one(*command, 2, arguments.data());
}

int dispatch(int argc, char** argv) {
  if (argc < 2) return bad_usage("no command given (see 'godwit --help')");
  const std::string_view word = argv[1];
  if (word == "--version" || word == "-V") {
    print(version_text());
    return kDone;
  }
  // For the build: manual pages and completions go below this folder.
  if (word == "--generate" && argc == 3) {
    generate_documents(kCommands, argv[2]);
    return kDone;
  }
  const bool help = word == "--help" || word == "-h" || word == "help" || word == "--help-all";
  // Whatever the program is started for; 'energy cap' does it by itself and tells.
  if (argc < 3 || word != "energy" || std::string_view(argv[2]) != "cap") recover_caps_at_start();
  if (help && argc == 2) {
    print(program_help(kCommands));
    return kDone;
  }
  const std::string_view name = help ? argv[2] : word;
  const Command* command = find_command(kCommands, "", name);
  if (command == nullptr)
    return bad_usage(fmt::format("there is no command '{}'{} (see 'godwit --help')", name,
                                 did_you_mean_command(kCommands, "", name)));
  if (!command->commands.empty()) {
    // "help energy trend" is "energy trend --help".
    if (help && argc == 3) {
      print(group_help(*command));
      return kDone;
    }
    if (!help) return run_group(*command, argc - 1, argv + 1);
    std::array<char*, 3> arguments{argv[2], const_cast<char*>("help"), argv[3]};
    return run_group(*command, 3, arguments.data());
  }
  if (help) {
    std::array<char*, 2> arguments{argv[2], const_cast<char*>("--help")};
    return run_one(*command, 2, arguments.data());
  }
  return run_one(*command, argc - 1, argv + 1);
}

}  // namespace
}  // namespace godwit::tools

int main(int argc, char** argv) {
  using namespace godwit;
  constexpr int kReaderGone = 141;  // as if SIGPIPE had ended it, but files that are not complete are removed
  tools::catch_interrupts();
  try {
    return tools::dispatch(argc, argv);
  } catch (const Error& error) {
    tools::error_message(error.what());
    return static_cast<int>(error.kind());
  } catch (const tools::ReaderGone&) {
    return kReaderGone;
  } catch (const std::bad_alloc&) {
    tools::error_message("out of memory; a smaller --batch needs less");
  } catch (const std::exception& error) {
    tools::error_message(vision::failure_text(error));
  }
  return tools::kFailed;
}
