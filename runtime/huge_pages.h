// Large blocks of memory in huge pages, each block by a measurement of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "runtime/threads.h"

namespace godwit {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Asks for huge pages for a block that begins at one and consists of whole ones; true where that stays. Its
// first page is touched, and where that was slow another one, 1 in 8 of the block's and 4 at most. Where all
// are slow, the rest of this block goes to small pages: no block costs more than these. `cpu_time` is the
// calling thread's.
bool advise_huge_pages(std::byte* block, std::size_t bytes, FunctionRef<std::chrono::nanoseconds()> cpu_time);

// A block of its own from the system, zeros, in huge pages unless they are slow to get. `bytes` is a multiple
// of kHugePage. Null where the system refuses.
std::shared_ptr<std::byte> map_huge_pages(std::size_t bytes);

}  // namespace godwit
