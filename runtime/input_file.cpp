// open, fstat, read: what a file is, is decided by its descriptor and not by its name.
#include "runtime/input_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit {
namespace {

class Descriptor {
 public:
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  explicit Descriptor(const std::string& path)
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (number_ < 0) throw Error(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

std::span<const std::byte> read_file(const std::string& path, std::int64_t limit,
                                     std::vector<std::byte>& buffer) {
  const Descriptor file(path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw Error(fmt::format("'{}' is not a regular file", path));
  }
  if (status.st_size > limit) {
    throw Error(fmt::format("'{}': the file has {}, more than the limit of {}", path,
                            counted(status.st_size, "byte"), limit));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (buffer.size() < size) buffer.resize(size);
  std::size_t have = 0;
  while (have < size) {
    const ::ssize_t got = ::read(file.number(), buffer.data() + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(fmt::format("cannot read '{}': {}", path, std::strerror(errno)), ErrorKind::failed);
    }
    if (got == 0) break;  // shrunk meanwhile
    have += static_cast<std::size_t>(got);
  }
  return std::span<const std::byte>(buffer).first(have);
}

}  // namespace godwit
