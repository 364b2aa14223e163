// Whole files into memory that is used again: for many small ones, quicker than mapping each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace godwit {

// The bytes of a regular file, which lie in `buffer` (grown where needed, never shrunk) until the next call.
// Never waits: a FIFO is refused. Throws Error naming the path: absent, unreadable, not a regular file, more
// than `limit` bytes.
std::span<const std::byte> read_file(const std::string& path, std::int64_t limit,
                                     std::vector<std::byte>& buffer);

}  // namespace godwit
