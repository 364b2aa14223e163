// Mapping blocks at huge pages' boundaries, and the advice for them.
#include "runtime/huge_pages.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <sys/mman.h>

namespace godwit {
namespace {

// A huge page takes 0.1 to 0.2 ms to be cleared. It takes ten to thirty times as long where a virtual
// machine's host has to find its memory first. Small pages do not wait: they come from what the guest freed
// last.
constexpr std::chrono::microseconds kSlowHugePage{1000};

constexpr std::size_t kPagesPerProbe = 8;
constexpr std::size_t kMostProbes = 4;

// Time that other programs have the core does not count; what the host takes for a page does.
constexpr auto thread_cpu_time = [] {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::nanoseconds(std::chrono::seconds(now.tv_sec)) + std::chrono::nanoseconds(now.tv_nsec);
};

}  // namespace

bool advise_huge_pages(std::byte* block, std::size_t bytes,
                       FunctionRef<std::chrono::nanoseconds()> cpu_time) {
  ::madvise(block, bytes, MADV_HUGEPAGE);  // advice only: without it the block works as well
  const std::size_t probes = std::clamp<std::size_t>(bytes / kHugePage / kPagesPerProbe, 1, kMostProbes);
  for (std::size_t probe = 0; probe < probes; ++probe) {
    const std::chrono::nanoseconds before = cpu_time();
    *static_cast<volatile std::byte*>(block + probe * kHugePage) = std::byte{};
    if (cpu_time() - before < kSlowHugePage) return true;
  }
  const std::size_t touched = probes * kHugePage;
  ::madvise(block + touched, bytes - touched, MADV_NOHUGEPAGE);
  return false;
}

std::shared_ptr<std::byte> map_huge_pages(std::size_t bytes) {
  // The library's allocator would hand out memory again whose pages are small already.
  void* mapped =
      ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(mapped);
  const std::size_t past = reinterpret_cast<std::uintptr_t>(begin) % kHugePage;
  const std::size_t front = past == 0 ? 0 : kHugePage - past;
  if (front > 0) ::munmap(begin, front);
  std::byte* block = begin + front;
  ::munmap(block + bytes, kHugePage - front);
  advise_huge_pages(block, bytes, thread_cpu_time);
  return {block, [bytes](std::byte* p) { ::munmap(p, bytes); }};
}

}  // namespace godwit
