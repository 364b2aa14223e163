// Completion of the command line by bash and zsh, made from what the help is made from.
#pragma once

#include <span>
#include <string>

#include "tools/cli/command.h"

namespace godwit::tools {

// For share/bash-completion/completions/godwit; needs nothing but bash.
std::string bash_completion(std::span<const Command* const> commands);
// For share/zsh/site-functions/_godwit.
std::string zsh_completion(std::span<const Command* const> commands);

}  // namespace godwit::tools
