// CPU features by CPUID, checked against what the operating system saves on a context switch.
#include "runtime/cpu.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <vector>

#include "runtime/cpu_system.h"
#include "runtime/error.h"
#include "runtime/knobs.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace godwit {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"generic", "avx2",        "avx_vnni",
                                                    "avx512",  "avx512_vnni", "avx512_bf16"};

#if defined(__x86_64__)

constexpr std::array kIsasOfBuild = {Isa::generic, Isa::avx2,        Isa::avx_vnni,
                                     Isa::avx512,  Isa::avx512_vnni, Isa::avx512_bf16};

enum Register : std::uint8_t { eax, ebx, ecx, edx };

// One CPUID bit, and an ISA that needs it; those that include that one need it too.
struct Feature {
  Isa isa;
  std::string_view name;
  unsigned leaf, subleaf;
  Register reg;
  unsigned bit;
};
constexpr std::array kFeatures = {
    Feature{Isa::avx2, "avx", 1, 0, ecx, 28},
    Feature{Isa::avx2, "fma", 1, 0, ecx, 12},
    Feature{Isa::avx2, "f16c", 1, 0, ecx, 29},
    Feature{Isa::avx2, "avx2", 7, 0, ebx, 5},
    Feature{Isa::avx_vnni, "avx_vnni", 7, 1, eax, 4},
    Feature{Isa::avx512, "avx512f", 7, 0, ebx, 16},
    Feature{Isa::avx512, "avx512dq", 7, 0, ebx, 17},
    Feature{Isa::avx512, "avx512bw", 7, 0, ebx, 30},
    Feature{Isa::avx512, "avx512vl", 7, 0, ebx, 31},
    Feature{Isa::avx512_vnni, "avx512_vnni", 7, 0, ecx, 11},
    Feature{Isa::avx512_bf16, "avx512_bf16", 7, 1, eax, 5},
};

bool has_bit(unsigned leaf, unsigned subleaf, Register reg, unsigned bit) {
  std::array<unsigned, 4> r{};
  if (subleaf > 0) {
    // A leaf's own subleaf 0 says how many subleaves are valid.
    if (__get_cpuid_count(leaf, 0, &r[eax], &r[ebx], &r[ecx], &r[edx]) == 0 || r[eax] < subleaf) return false;
  }
  if (__get_cpuid_count(leaf, subleaf, &r[eax], &r[ebx], &r[ecx], &r[edx]) == 0) return false;
  return ((r[reg] >> bit) & 1U) != 0;
}

// Which register files the operating system saves; 0 where it does not use XSAVE.
std::uint64_t saved_state() {
  if (!has_bit(1, 0, ecx, 27)) return 0;
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

// What keeps this machine from running `isa`, in words; empty when nothing does.
std::vector<std::string_view> missing_for(Isa isa) {
  std::vector<std::string_view> missing;
  for (const Feature& feature : kFeatures) {
    if (includes(isa, feature.isa) && !has_bit(feature.leaf, feature.subleaf, feature.reg, feature.bit)) {
      missing.push_back(feature.name);
    }
  }
  constexpr std::uint64_t kYmm = 0x06;         // SSE and AVX state
  constexpr std::uint64_t kZmm = 0xe0 | kYmm;  // opmask, upper halves, upper sixteen
  const std::uint64_t needed = isa >= Isa::avx512 ? kZmm : isa >= Isa::avx2 ? kYmm : 0;
  if ((saved_state() & needed) != needed) missing.push_back("support by the operating system");
  return missing;
}

#else

constexpr std::array kIsasOfBuild = {Isa::generic};

std::vector<std::string_view> missing_for(Isa isa) {
  if (isa == Isa::generic) return {};
  return {"the architecture"};
}

#endif

Isa best_of_machine() {
  Isa best = Isa::generic;
  for (const Isa isa : kIsasOfBuild) {
    if (cpu_supports(isa)) best = isa;
  }
  return best;
}

int affinity_cores() {
  // The kernel refuses a mask smaller than its own with EINVAL.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    cpu_set_t* mask = CPU_ALLOC(cpus);
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    CPU_ZERO_S(bytes, mask);
    const bool known = sched_getaffinity(0, bytes, mask) == 0;
    const bool too_small = !known && errno == EINVAL;
    const int count = known ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (known) return count;
    if (!too_small) break;
  }
  return 1;
}

}  // namespace

std::string_view name_of(Isa isa) { return kNames[static_cast<std::size_t>(isa)]; }

bool includes(Isa isa, Isa part) { return part == isa || (part < isa && part != Isa::avx_vnni); }

std::optional<Isa> isa_from_name(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Isa>(found - kNames.begin());
}

std::span<const Isa> isas_of_build() { return kIsasOfBuild; }

bool cpu_supports(Isa isa) { return missing_for(isa).empty(); }

Isa best_isa() {
  const std::optional<std::string> cap = knob("GODWIT_ISA");
  if (!cap) return best_of_machine();
  return with_context([] { return "GODWIT_ISA"; }, [&] { return require_isa(*cap); });
}

Isa require_isa(std::string_view name) {
  const std::optional<Isa> isa = isa_from_name(name);
  if (!isa || std::ranges::find(kIsasOfBuild, *isa) == kIsasOfBuild.end()) {
    std::vector<std::string_view> known;
    for (const Isa candidate : kIsasOfBuild) known.push_back(name_of(candidate));
    throw Error(fmt::format("{} instruction set '{}': expected one of {}",
                            isa ? "this build has no kernels for" : "unknown", name, fmt::join(known, ", ")));
  }
  if (const auto missing = missing_for(*isa); !missing.empty()) {
    throw Error(
        fmt::format("this machine cannot run instruction set '{}', it lacks {}; the best it runs is '{}'",
                    name, fmt::join(missing, ", "), name_of(best_of_machine())));
  }
  return *isa;
}

const CacheSizes& cache_sizes() {
  static const CacheSizes sizes = read_cache_sizes("/");
  return sizes;
}

std::string cpu_model() { return read_cpu_model("/"); }

int usable_cores() {
  return std::max(1, std::min(affinity_cores(), read_cgroup_cores("/").value_or(affinity_cores())));
}

}  // namespace godwit
