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
#include "runtime/huge_pages.h"

namespace godwit {
namespace {

// Smaller blocks are not worth a look at what is available.
constexpr std::size_t kLargeBlock = std::size_t{1} << 30;

constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

// The first number of a file, or of the line that `key` begins; kUnknown where there is none.
std::size_t number_in(const std::string& path, const std::string& key = "") {
  std::ifstream file(path);
  std::string word;
  while (!key.empty() && file >> word && word != key) {
  }
  std::size_t value = 0;
  return file >> value ? value : kUnknown;
}

std::size_t bytes_in_meminfo(const std::string& key) {
  const std::size_t kib = number_in("/proc/meminfo", key);
  return kib == kUnknown ? kUnknown : kib * 1024;
}

// Throws Error for a block that could never be filled.
void require_room(std::size_t bytes) {
  const std::size_t available = available_bytes(), swap = bytes_in_meminfo("SwapFree:");
  if (available == kUnknown || swap == kUnknown || bytes <= available + swap) return;
  throw Error(
      fmt::format("out of memory: cannot allocate {} bytes, {} are available", bytes, available + swap),
      ErrorKind::failed);
}

}  // namespace

std::size_t available_bytes() {
  const std::string cgroup = "/sys/fs/cgroup/memory.";
  std::size_t available = bytes_in_meminfo("MemAvailable:");
  const std::size_t limit = number_in(cgroup + "max"), used = number_in(cgroup + "current");
  if (limit != kUnknown && used != kUnknown) {
    std::size_t left = limit > used ? limit - used : 0;
    // Cached files count as used, and go when memory is wanted.
    for (const char* cached : {"active_file", "inactive_file"}) {
      const std::size_t bytes = number_in(cgroup + "stat", cached);
      if (bytes != kUnknown) left += bytes;
    }
    available = std::min(available, left);
  }
  return available;
}

std::shared_ptr<std::byte> allocate_aligned(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) {
    throw Error(fmt::format("cannot allocate {} bytes", bytes), ErrorKind::failed);
  }
  const std::size_t padded = align_up(std::max<std::size_t>(bytes, 1));
  if (padded >= kLargeBlock) require_room(padded);
  // Large blocks in huge pages: weights stream through them, and a small page ends after 32 steps of a
  // kernel.
  if (padded >= 2 * kHugePage) {
    if (auto block = map_huge_pages(align_up(padded, kHugePage))) return block;
  } else if (void* block = std::aligned_alloc(kAlignment, padded)) {
    return {static_cast<std::byte*>(block), [](std::byte* p) { std::free(p); }};
  }
  throw Error(fmt::format("out of memory: cannot allocate {} bytes", padded), ErrorKind::failed);
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
      throw Error(fmt::format("cannot map '{}': {}", path, std::strerror(reason)), ErrorKind::failed);
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
