// Identity of this program.
#pragma once

#include <string>
#include <string_view>

namespace godwit::tools {

// "0.1.0".
std::string_view build_version();
// Commit of the repository this was built from, 12 digits, with "-dirty" where files differed from it; empty
// where there was none.
std::string_view build_commit();
// "GCC 12.2.0".
std::string build_compiler();
// All that --version prints: version, commit, compiler, and the instruction sets of build and CPU.
std::string version_text();

}  // namespace godwit::tools
