// Looking before the work whether its result can be written.
#include "tools/cli/output_files.h"

#include <filesystem>
#include <fmt/format.h>
#include <system_error>

#include "runtime/error.h"
#include "runtime/output_file.h"

namespace godwit::tools {
namespace fs = std::filesystem;

void make_folder(const std::string& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) throw Error(fmt::format("cannot make folder '{}': {}", path, code.message()));
  if (!fs::is_directory(path, code)) throw Error(fmt::format("'{}' is not a folder", path));
}

void check_output(const std::string& output, std::span<const std::string> inputs) {
  std::error_code code;
  for (const std::string& input : inputs) {
    if (!input.empty() && fs::equivalent(input, output, code)) {
      throw Error(fmt::format("'{}' is a file that is read; write to another", output));
    }
  }
  // Whoever reads a pipe would take a trial for the end.
  const fs::file_type type = fs::status(output, code).type();
  if (type != fs::file_type::fifo && type != fs::file_type::socket) (void)OutputFile(output);
}

}  // namespace godwit::tools
