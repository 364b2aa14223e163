// Facts that the build system and the compiler tell of themselves; cmake/godwit_commit.cmake writes
// build_commit().
#include "tools/report/build_info.h"

#include <fmt/format.h>

#include "runtime/cpu.h"

namespace godwit::tools {

std::string_view build_version() { return GODWIT_VERSION; }

std::string build_compiler() {
#ifdef __clang__
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string version_text() {
  std::string build, here;
  for (const Isa isa : isas_of_build()) {
    build += fmt::format(" {}", name_of(isa));
    if (cpu_supports(isa)) here += fmt::format(" {}", name_of(isa));
  }
  const std::string_view commit = build_commit();
  return fmt::format(
      "godwit {}\n"
      "commit    {}\n"
      "compiler  {}\n"
      "ISAs     {}\n"
      "CPU       {}:{}\n",
      build_version(), commit.empty() ? "unknown" : commit, build_compiler(), build, cpu_model(), here);
}

}  // namespace godwit::tools
