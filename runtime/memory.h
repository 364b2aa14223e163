// Aligned blocks of memory, the arena that a plan's tensors share, and read-only mapped files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace godwit {

// Every block starts on a cache line, which is also the widest vector of any ISA here.
inline constexpr std::size_t kAlignment = 64;

constexpr std::size_t align_up(std::size_t bytes, std::size_t alignment = kAlignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

// A block of `bytes` aligned to kAlignment and padded to a multiple of it; contents undefined.
// Throws Error (ErrorKind::failed) when the system refuses, and for a block of 1 GiB or more that
// available_bytes() and free swap do not hold: the system would promise it and end the process when it is
// filled.
std::shared_ptr<std::byte> allocate_aligned(std::size_t bytes);

// One block from which a plan's tensors take fixed offsets.
class Arena {
 public:
  Arena() = default;
  explicit Arena(std::size_t bytes) : block_(allocate_aligned(bytes)), bytes_(bytes) {}
  std::byte* at(std::size_t offset) const { return block_.get() + offset; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<std::byte> block_;
  std::size_t bytes_ = 0;
};

// A file mapped read-only for as long as the object lives. Throws Error naming the path: absent, not a
// regular file, unreadable. An empty file maps to size 0 and a null pointer.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  // Gives the pages wholly inside [offset, offset + bytes) back to the system; they are read again on the
  // next use.
  void release(std::size_t offset, std::size_t bytes) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Memory that may still be taken without swapping: what the system says is available, less where the cgroup
// (v2) allows less; the largest number there is where the system does not say.
std::size_t available_bytes();

// The most memory this process has had resident so far, in bytes (VmHWM); 0 where the system does not say.
std::size_t peak_resident_bytes();

}  // namespace godwit
