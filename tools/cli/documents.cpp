// Puts manual pages and completions where an install expects them.
#include "tools/cli/documents.h"

#include <filesystem>
#include <fmt/format.h>

#include "runtime/output_file.h"
#include "tools/cli/completion.h"
#include "tools/cli/manual.h"
#include "tools/cli/output_files.h"

namespace godwit::tools {
namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  make_folder(path.parent_path().string());
  OutputFile file(path.string());
  file.write(text);
  file.commit();
}

}  // namespace

void generate_documents(std::span<const Command* const> commands, const std::string& folder) {
  const std::filesystem::path share = folder;
  for (const ManualPage& page : manual_pages(commands))
    write(share / "man/man1" / (page.name + ".1"), page.text);
  write(share / "bash-completion/completions/godwit", bash_completion(commands));
  write(share / "zsh/site-functions/_godwit", zsh_completion(commands));
}

}  // namespace godwit::tools
