// Every row of the kernel table: one test for each family of ops/kernels/families.inc.
#include <gtest/gtest.h>
#include <set>

#include "runtime/cpu.h"
#include "tests/ops/kernels/check.h"

namespace godwit::support {
namespace {

// Checks the family's kernels of all ISAs that this machine runs.
template <class Function>
void check_rows(ops::Family<Function> family) {
  for (const ops::KernelInfo& info : ops::all_kernels()) {
    if (info.family != family.id || !cpu_supports(info.isa)) continue;
    SCOPED_TRACE(name_of(info));
    check(ops::Kernel<Function>{&info, function_of(family, info)});
  }
}

#ifndef NDEBUG
template <class Result, class Arguments>
void call_empty(Result (*function)(const Arguments&)) {
  function(Arguments{});
}
void call_empty(ops::PeakKernel* function) { function(-1); }

// Builds with assertions end where a kernel is given nothing.
template <class Function>
void check_refusal(ops::Family<Function> family) {
  for (const ops::KernelInfo& info : ops::all_kernels()) {
    if (info.family != family.id || !cpu_supports(info.isa)) continue;
    EXPECT_DEATH(call_empty(function_of(family, info)), "Assertion") << name_of(info);
    return;
  }
}
#endif

#ifdef NDEBUG
#define GODWIT_CHECK_REFUSAL(family)
#else
#define GODWIT_CHECK_REFUSAL(family) \
  TEST(KernelRowsDeathTest, family) { check_refusal(ops::families::family); }
#endif
#define GODWIT_KERNEL_FAMILY(family, name, type)                  \
  TEST(KernelRows, family) { check_rows(ops::families::family); } \
  GODWIT_CHECK_REFUSAL(family)
#define GODWIT_KERNEL_ROWS(object, family, ...)
#include "ops/kernels/families.inc"
#undef GODWIT_KERNEL_ROWS
#undef GODWIT_KERNEL_FAMILY

TEST(KernelTable, NamesAreUnique) {
  std::set<std::string> names;
  for (const ops::KernelInfo& info : ops::all_kernels()) {
    EXPECT_TRUE(names.insert(name_of(info)).second) << name_of(info);
  }
}

// Callers look kernels up without asking whether there are any.
TEST(KernelTable, EveryFamilyHasGenericRowsUnlessFasterOnesAreOptional) {
  const std::set<ops::KernelFamily> optional{ops::KernelFamily::gemm_maddubs,
                                             ops::KernelFamily::gemm_maddubs_groups,
                                             ops::KernelFamily::quantized_sparse_gemm};
  std::set<ops::KernelFamily> generic;
  for (const ops::KernelInfo& info : ops::all_kernels()) {
    if (info.isa == Isa::generic) generic.insert(info.family);
  }
  for (const ops::KernelFamily family : ops::all_families()) {
    EXPECT_NE(generic.contains(family), optional.contains(family)) << identifier_of(family);
  }
}

TEST(KernelTable, NamesSayFamilyTypeTileAndIsa) {
  const auto kernel = find_tile(ops::families::gemm, DType::f32, Isa::generic, 5);
  ASSERT_NE(kernel.info, nullptr);
  EXPECT_EQ(name_of(*kernel.info).substr(0, 11), "gemm_f32_5x");
  const auto* quantized = ops::find_kernel(ops::KernelFamily::quantized_gemm, DType::s8, Isa::generic);
  EXPECT_EQ(name_of(*quantized), "gemm_s8_6x8_generic");
  const auto* pool = ops::find_kernel(ops::KernelFamily::max_pool, DType::bf16, Isa::generic);
  EXPECT_EQ(name_of(*pool), "max_pool_bf16_4_generic");
}

}  // namespace
}  // namespace godwit::support
