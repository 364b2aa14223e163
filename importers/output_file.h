// A file that appears under its name only when it is complete.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace godwit::importers {

// Written under a temporary name in the same folder; commit() renames it, the destructor removes what was not
// committed. Throws Error (Fault::failed) naming the path when the system refuses.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void pad_to(std::size_t alignment);
  std::size_t size() const { return size_; }
  void commit();

 private:
  void flush();
  void write_through(const char* data, std::size_t bytes);
  [[noreturn]] void fail(const char* what) const;

  std::string path_, temporary_;
  std::string buffer_;
  int file_ = -1;
  std::size_t size_ = 0;
};

}  // namespace godwit::importers
