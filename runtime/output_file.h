// A file that appears under its name only when it is complete.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace godwit {

// Writes to a temporary name beside `path`; commit() renames it over `path`, the destructor removes it
// otherwise. A link keeps pointing at what is replaced, whose permissions stay; a path that names something
// else than a regular file
// (/dev/null, a pipe) is written to as it is; a write-protected file is left alone, by root as well. Every
// failure throws Error (ErrorKind::failed) naming the path.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // Zeros up to a multiple of `alignment`.
  void pad_to(std::size_t alignment);
  std::size_t size() const { return size_; }  // written so far
  void commit();

 private:
  void flush();
  void write_through(const char* data, std::size_t bytes);
  [[noreturn]] void fail() const;  // from errno

  std::string path_;
  std::string temporary_;  // empty when `path_` itself is written to, or after commit()
  std::string buffer_;     // not written through yet
  std::size_t size_ = 0;
  int file_ = -1;
  int listed_ = -1;  // place among those that remove_incomplete_files() knows
};

// Removes the temporary files of all OutputFiles of this process; for a signal handler that ends it, as only
// such functions are called that a handler may call. Those beyond a hundred at once are not known.
void remove_incomplete_files() noexcept;

}  // namespace godwit
