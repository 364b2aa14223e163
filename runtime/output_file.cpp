// Temporary file, then rename.
#include "runtime/output_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "runtime/error.h"

namespace godwit {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 16;

// Names of temporary files; who takes one out by exchange() may use it.
std::array<std::atomic<const char*>, 100> incomplete;
static_assert(std::atomic<const char*>::is_always_lock_free);

int list(const char* name) {
  for (std::size_t i = 0; i < incomplete.size(); ++i) {
    const char* none = nullptr;
    if (incomplete[i].compare_exchange_strong(none, name)) return static_cast<int>(i);
  }
  return -1;
}

// Waits for ever where a handler has taken the name: it is about to end the process.
void unlist(int place) {
  if (place < 0 || incomplete[static_cast<std::size_t>(place)].exchange(nullptr) != nullptr) return;
  for (;;) ::pause();
}

// A rename asks the folder only: what the file's own mode forbids, even to root, is looked at before.
bool is_write_protected(const std::string& path, mode_t mode) {
  return (mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0 ||
         ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0;
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path) {
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    if (exists) {
      if (is_write_protected(path_, status.st_mode)) {
        throw Error(fmt::format("cannot write '{}': the file there is write-protected; name another", path_),
                    ErrorKind::failed);
      }
      // A link keeps its name: what it points at is what gets replaced.
      std::error_code ignored;
      const std::filesystem::path target = std::filesystem::canonical(path_, ignored);
      if (!target.empty()) path_ = target.string();
    }
    // The counter keeps two files of this process apart, the process id those of two processes.
    static std::atomic<unsigned> serial{0};
    temporary_ = fmt::format("{}.{}-{}.tmp", path_, ::getpid(), serial.fetch_add(1));
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    // Permissions stay as they were.
    if (exists && file_ >= 0 && ::fchmod(file_, status.st_mode & 0777) != 0) {
      const int reason = errno;
      ::close(std::exchange(file_, -1));
      ::unlink(temporary_.c_str());
      errno = reason;
    }
  }
  if (file_ < 0) {
    temporary_.clear();
    fail();
  }
  if (!temporary_.empty()) listed_ = list(temporary_.c_str());
}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  unlist(listed_);
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
    const ssize_t written = ::write(file_, data, std::min<std::size_t>(bytes, 1U << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    data += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void OutputFile::commit() {
  flush();
  const int closed = ::close(file_);
  file_ = -1;
  if (closed != 0) fail();  // where a full disk on a network may first be told
  if (!temporary_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
  unlist(std::exchange(listed_, -1));
  temporary_.clear();
}

void OutputFile::fail() const {
  throw Error(fmt::format("cannot write '{}': {}", path_, std::strerror(errno)), ErrorKind::failed);
}

void remove_incomplete_files() noexcept {
  for (std::atomic<const char*>& each : incomplete) {
    const char* name = each.exchange(nullptr);
    if (name != nullptr) ::unlink(name);
  }
}

}  // namespace godwit
