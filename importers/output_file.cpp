// Buffered writes to a temporary file, then one rename.
#include "importers/output_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "runtime/error.h"

namespace godwit::importers {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 16;

}  // namespace

OutputFile::OutputFile(const std::string& path)
    : path_(path), temporary_(fmt::format("{}.{}.tmp", path, ::getpid())) {
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file_ < 0) fail("cannot create");
  buffer_.reserve(kBuffer);
}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, std::size_t bytes) {
  size_ += bytes;
  if (buffer_.size() + bytes > kBuffer) flush();
  if (bytes > kBuffer) {
    write_through(static_cast<const char*>(data), bytes);
  } else {
    buffer_.append(static_cast<const char*>(data), bytes);
  }
}

void OutputFile::pad_to(std::size_t alignment) {
  write(std::string((alignment - size_ % alignment) % alignment, '\0'));
}

void OutputFile::flush() {
  write_through(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void OutputFile::write_through(const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = ::write(file_, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write");
    data += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void OutputFile::commit() {
  flush();
  const int file = std::exchange(file_, -1);
  if (::close(file) != 0) fail("cannot write");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot create");
  temporary_.clear();
}

void OutputFile::fail(const char* what) const {
  throw Error(fmt::format("{} '{}': {}", what, path_, std::strerror(errno)), Fault::failed);
}

}  // namespace godwit::importers
