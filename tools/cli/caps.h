// Power caps as commands see them: their options, and putting back what a dead process left.
#pragma once

#include <string>

#include "runtime/energy/caps/cap_journal.h"
#include "tools/cli/cli11.h"

namespace godwit::tools {

// --journal-dir.
void add_journal_option(CLI::App& app, std::string& directory);

// Puts back the limits of a process that died with its guardian, and says so on stderr. Called at every
// start; costs one look at a file that is not there.
void recover_caps_at_start();

}  // namespace godwit::tools
