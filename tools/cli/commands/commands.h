// Every subcommand; each is defined in the file of its name.
#pragma once

#include "tools/cli/command.h"

namespace godwit::tools {

extern const Command classify_command;
extern const Command detect_command;
extern const Command segment_command;
extern const Command run_command;
extern const Command preprocess_command;
extern const Command bench_command;
extern const Command accuracy_command;
extern const Command energy_command;
extern const Command report_command;
extern const Command verify_command;
extern const Command inspect_command;
extern const Command explain_command;
extern const Command convert_command;
extern const Command compare_command;
extern const Command quantize_command;
extern const Command list_command;

}  // namespace godwit::tools
