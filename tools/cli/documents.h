// Documents that an install has beside the program.
#pragma once

#include <span>
#include <string>

#include "tools/cli/command.h"

namespace godwit::tools {

// Writes man/man1/*.1, bash-completion/completions/godwit and zsh/site-functions/_godwit below the folder, as
// share/ of an install has them. Throws Error.
void generate_documents(std::span<const Command* const> commands, const std::string& folder);

}  // namespace godwit::tools
