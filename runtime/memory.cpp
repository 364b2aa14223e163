// Memory from the system: aligned blocks and mapped files.
#include "runtime/memory.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <limits>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

namespace godwit {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

std::shared_ptr<std::byte> allocate_aligned(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) {
    throw Error(fmt::format("cannot allocate {} bytes", bytes), Fault::failed);
  }
  const std::size_t padded = align_up(std::max<std::size_t>(bytes, 1));
  // Large blocks in huge pages: weights stream through them, and a small page ends after 32 steps of a
  // kernel.
  const bool huge = padded >= 2 * kHugePage;
  void* block = huge ? std::aligned_alloc(kHugePage, align_up(padded, kHugePage))
                     : std::aligned_alloc(kAlignment, padded);
  if (block == nullptr)
    throw Error(fmt::format("out of memory: cannot allocate {} bytes", padded), Fault::failed);
  if (huge) ::madvise(block, padded, MADV_HUGEPAGE);  // advice only: without it the block works as well
  return {static_cast<std::byte*>(block), [](std::byte* p) { std::free(p); }};
}

MappedFile::MappedFile(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer; it is refused below.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw Error(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    throw Error(fmt::format("'{}' is not a regular file", path));
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) {
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    const int reason = errno;
    ::close(file);
    if (mapped == MAP_FAILED)
      throw Error(fmt::format("cannot map '{}': {}", path, std::strerror(reason)), Fault::failed);
    data_ = static_cast<const std::byte*>(mapped);
  } else {
    ::close(file);
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::size_t offset, std::size_t bytes) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = align_up(offset, page);
  const std::size_t end = std::min(offset + bytes, size_) / page * page;
  if (data_ != nullptr && end > begin)
    ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

std::size_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  }
  return 0;
}

}  // namespace godwit
