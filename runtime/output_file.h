// A file that appears under its name only when it is complete.
#pragma once

#include <cstddef>
#include <string>

namespace godwit {

// Writes to a temporary name beside `path`; commit() renames it over `path`, the destructor removes it
// otherwise. A path that names something else than a regular file (/dev/null, a pipe) is written to as it is.
// Every failure throws Error (Fault::failed) naming the path.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void commit();

 private:
  [[noreturn]] void fail() const;  // from errno

  std::string path_;
  std::string temporary_;  // empty when `path_` itself is written to, or after commit()
  int file_ = -1;
};

}  // namespace godwit
