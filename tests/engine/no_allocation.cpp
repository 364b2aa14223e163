// Session::run() takes no memory: malloc and its kin are counted while it runs.
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <gtest/gtest.h>

#include "engine/session.h"
#include "runtime/memory.h"
#include "tests/engine/helpers.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GODWIT_COUNTS_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GODWIT_COUNTS_MALLOC 0
#endif
#endif
#if !defined(GODWIT_COUNTS_MALLOC)
#if defined(__GLIBC__)
#define GODWIT_COUNTS_MALLOC 1
#else
#define GODWIT_COUNTS_MALLOC 0
#endif
#endif

namespace {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};

[[maybe_unused]] void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#if GODWIT_COUNTS_MALLOC
// Definitions in the program come before the library's; operator new ends here as well.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t number, std::size_t bytes) noexcept {
  count();
  return __libc_calloc(number, bytes);
}
void* realloc(void* old, std::size_t bytes) noexcept {
  count();
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) noexcept {
  count();
  *result = __libc_memalign(alignment, bytes);
  return *result == nullptr ? ENOMEM : 0;
}
}
#endif

namespace godwit::engine {
namespace {

TEST(NoAllocation, WhileASessionRuns) {
  if (!GODWIT_COUNTS_MALLOC) GTEST_SKIP() << "malloc cannot be replaced under this C library or sanitizer";
  GraphBuilder b;
  ValueId x = b.input("x", {2, 8, 9, 9});
  x = b.node("Relu", "relu", {b.conv("conv", x, {16, 8, 3, 3}, {{"pads", ints({1, 1, 1, 1})}})});
  x = b.node("Relu", "depthwise", {b.conv("dw", x, {16, 1, 3, 3}, {{"group", std::int64_t{16}}})});
  x = b.node("AveragePool", "pool", {x}, {{"kernel_shape", ints({2, 2})}});
  x = b.node("Concat", "both", {x, b.node("Sigmoid", "sigmoid", {x})}, {{"axis", std::int64_t{1}}});
  x = b.node("Transpose", "moved", {x}, {{"perm", ints({0, 2, 3, 1})}});
  x = b.node("ReduceMean", "mean", {x, b.integers("axes", {1, 2})}, {{"keepdims", std::int64_t{0}}});
  x = b.node("MatMul", "fc", {x, b.constant("w", whole_numbers({32, 6}, 1))});
  b.output(b.node("Softmax", "y", {x}));
  const Graph graph = b.build();
  const std::vector<Tensor> inputs{whole_numbers({2, 8, 9, 9}, 1)};

  CompileOptions references;
  for (const Pass& pass : pipeline()) references.disabled_passes.emplace_back(pass.name);
  for (const CompileOptions& options : {CompileOptions{}, references}) {
    const auto plan = compile(graph, options);
    for (const int threads : {1, 2}) {
      Session session(plan, {.threads = threads, .profile = true});
      std::vector<Tensor> results{Tensor(plan->outputs()[0].desc)};
      allocations = 0;
      counting = true;
      session.run(inputs, results);
      session.run(inputs);
      counting = false;
      EXPECT_EQ(allocations.load(), 0) << threads << " threads";
    }
  }

  // A size that only the data decides.
  GraphBuilder bounded;
  const ValueId found = bounded.node("NonZero", "found", {bounded.input("x", {4, 5})});
  bounded.output(found).output(bounded.node("Transpose", "pairs", {found}));
  Session counts(compile(bounded.build()), {.threads = 2});
  const std::vector<Tensor> numbers{whole_numbers({4, 5}, 1)};
  allocations = 0;
  counting = true;
  counts.run(numbers);
  counting = false;
  EXPECT_EQ(allocations.load(), 0) << "with a bounded size";

  // A batch, by every schedule.
  GraphBuilder open;
  const ValueId image = open.input("image", {open.graph().symbol("N"), 8, 9, 9});
  open.output(open.node("Relu", "last", {open.conv("first", image, {16, 8, 3, 3})}));
  const auto batch = compile(open.build(), {.shapes = {{"image", {3, 8, 9, 9}}}});
  ASSERT_NE(batch->one_image(), nullptr);
  const std::vector<Tensor> images{whole_numbers({3, 8, 9, 9}, 1)};
  for (const BatchSchedule schedule : possible_schedules(*batch, 2)) {
    Session session(batch, {.threads = 2, .profile = true, .schedule = schedule});
    allocations = 0;
    counting = true;
    for (int run = 0; run < 3; ++run) session.run(images);
    counting = false;
    EXPECT_EQ(allocations.load(), 0) << name_of(schedule);
  }

  allocations = 0;
  counting = true;
  (void)allocate_aligned(64);
  counting = false;
  EXPECT_EQ(allocations.load(), 2)
      << "the count itself works: a block from the library, its owner by operator new";
}

}  // namespace
}  // namespace godwit::engine
