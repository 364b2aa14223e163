// The rule that one class alone opens sysfs and procfs for the account of energy, held by reading the
// sources.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string>

namespace godwit::energy {
namespace {

namespace fs = std::filesystem;

// Lines without comments; strings stay, for paths are strings.
std::string code_of(const fs::path& file) {
  std::ifstream stream(file);
  std::string code;
  for (std::string line; std::getline(stream, line);) {
    const std::size_t comment = line.find("//");
    code += line.substr(0, comment) + "\n";
  }
  return code;
}

std::vector<fs::path> energy_sources() {
  std::vector<fs::path> files;
  const fs::path top = GODWIT_SOURCE_DIR;
  for (const char* folder : {"runtime/energy", "tools"}) {
    for (const auto& entry : fs::recursive_directory_iterator(top / folder)) {
      const std::string name = entry.path().filename().string();
      if (std::string(folder) == "runtime/energy" || name.starts_with("energy"))
        files.push_back(entry.path());
    }
  }
  return files;
}

TEST(EnergyPaths, OnlySysRootKnowsWhereSysfsAndProcfsAre) {
  // Opening files by any means: where these may stand, and what for.
  const std::set<std::string> may_open{
      "sys_root.cpp",      // sysfs and procfs
      "perf_opener.cpp",   // perf_event_open(2)
      "meter_stream.cpp",  // the user's meter
      "ledger.cpp",        // the user's ledger
  };
  int seen = 0;
  for (const fs::path& file : energy_sources()) {
    const std::string name = file.filename().string();
    const std::string code = code_of(file);
    ++seen;
    if (name != "sys_root.h" && name != "sys_root.cpp") {
      for (const char* path : {"\"/sys/", "\"/proc/", "\"/sys\"", "\"/proc\""}) {
        // Defaults of options, and a message that tells people what to mount.
        const bool words = name == "energy_options.h" || name == "energy_text.cpp";
        EXPECT_TRUE(words || code.find(path) == std::string::npos) << name << " names " << path;
      }
    }
    // Power caps write: they have a door of their own, with a journal.
    if (may_open.contains(name) || name.starts_with("cap") || name.starts_with("power_profile")) continue;
    for (const char* call : {" ::open(", "fopen(", "ifstream", "perf_event_open"}) {
      EXPECT_EQ(code.find(call), std::string::npos) << name << " uses " << call;
    }
  }
  EXPECT_GT(seen, 20);
}

}  // namespace
}  // namespace godwit::energy
