// Sentences for command lines that cannot be followed.
#pragma once

#include <string>

#include "tools/cli/cli11.h"

namespace CLI {
class ParseError;
}

namespace godwit::tools {

// The fault of the command line that `app` refused, and where to read how it is meant.
std::string usage_sentence(const CLI::App& app, const CLI::ParseError& error, const std::string& command);

}  // namespace godwit::tools
