// Recovery of power caps at the program's start.
#include "tools/cli/caps.h"

#include <CLI/CLI.hpp>

#include "runtime/energy/caps/cap_journal_file.h"
#include "runtime/error.h"
#include "tools/report/console.h"

namespace godwit::tools {

void add_journal_option(CLI::App& app, std::string& directory) {
  app.add_option("--journal-dir", directory,
                 "Where the journal of changed limits lies, one for the whole machine.")
      ->type_name("DIR")
      ->default_str(energy::kCapDirectory);
}

void recover_caps_at_start() {
  if (!energy::journal_exists(energy::kCapDirectory)) return;
  const auto root = energy::open_sys_root();
  const energy::Recovery recovery = energy::recover_caps(*root);
  for (const energy::Restored& file : recovery.files) message(file.sentence(*root));
  if (recovery.state == energy::Recovery::State::unreadable) message(recovery.why);
}

}  // namespace godwit::tools
