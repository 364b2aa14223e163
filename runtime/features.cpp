// Detection of CPU features, and what follows from isa.inc for machines that have them.
#include "runtime/features.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/nearest_name.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace godwit {
namespace {

enum Register : std::uint8_t { eax, ebx, ecx, edx };

#if defined(__x86_64__)

constexpr Processor kProcessor = Processor::x86_64;

bool cpuid(unsigned leaf, unsigned subleaf, Register reg, unsigned bit) {
  std::array<unsigned, 4> r{};
  if (subleaf > 0) {
    // A leaf's own subleaf 0 says how many subleaves are valid.
    if (__get_cpuid_count(leaf, 0, &r[eax], &r[ebx], &r[ecx], &r[edx]) == 0 || r[eax] < subleaf) return false;
  }
  if (__get_cpuid_count(leaf, subleaf, &r[eax], &r[ebx], &r[ecx], &r[edx]) == 0) return false;
  return ((r[reg] >> bit) & 1U) != 0;
}

// True when the operating system saves these register files on a context switch, which it says by XSAVE.
bool saved(std::uint64_t registers) {
  if (!cpuid(1, 0, ecx, 27)) return false;
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (((static_cast<std::uint64_t>(high) << 32) | low) & registers) == registers;
}

#else

constexpr Processor kProcessor = Processor::any;

bool cpuid(unsigned, unsigned, Register, unsigned) { return false; }
bool saved(std::uint64_t) { return false; }

#endif

constexpr FeatureRow kFeatures[] = {
#define GODWIT_FEATURE(name, words, flag, detected) {Feature::name, words, flag, [] { return detected; }},
#define GODWIT_ISA(name, processor, rank, included, features, flags)
#include "runtime/isa.inc"
#undef GODWIT_ISA
#undef GODWIT_FEATURE
};
static_assert(std::size(kFeatures) <= 64);

// A list of the table in parentheses, as the arguments of a call.
constexpr FeatureSet features_in(auto... features) { return {features...}; }
constexpr IsaSet isas_in(auto... isas) { return {isas...}; }

constexpr auto kIsas = [] {
  return std::to_array<IsaRow>({
#define GODWIT_FEATURE(name, words, flag, detected)
#define GODWIT_ISA(name, processor, rank, included, features, flags) \
  {Isa::name,                                                        \
   #name,                                                            \
   Processor::processor,                                             \
   rank,                                                             \
   [] {                                                              \
     using enum Isa;                                                 \
     return isas_in included;                                        \
   }(),                                                              \
   [] {                                                              \
     using enum Feature;                                             \
     return features_in features;                                    \
   }()},
#include "runtime/isa.inc"
#undef GODWIT_ISA
#undef GODWIT_FEATURE
  });
}();
static_assert(kIsas.size() <= 64);

// By ISA: itself, what it includes, and what those do.
constexpr auto kIncluded = [] {
  std::array<IsaSet, kIsas.size()> sets{};
  for (std::size_t i = 0; i < kIsas.size(); ++i) sets[i] = IsaSet{kIsas[i].isa} | kIsas[i].included;
  for (std::size_t step = 0; step < kIsas.size(); ++step) {
    for (IsaSet& set : sets) {
      for (std::size_t i = 0; i < kIsas.size(); ++i) {
        if (set.contains(kIsas[i].isa)) set = set | sets[i];
      }
    }
  }
  return sets;
}();

constexpr bool runs_here(const IsaRow& row) {
  return row.processor == Processor::any || row.processor == kProcessor;
}

// By rank.
constexpr auto kIsasOfBuild = [] {
  std::array<Isa, static_cast<std::size_t>(std::ranges::count_if(kIsas, runs_here))> isas{};
  auto end = isas.begin();
  for (const IsaRow& row : kIsas) {
    if (runs_here(row)) *end++ = row.isa;
  }
  std::ranges::sort(isas, {}, [](Isa isa) { return kIsas[static_cast<std::size_t>(isa)].rank; });
  return isas;
}();

}  // namespace

std::span<const FeatureRow> feature_rows() { return kFeatures; }

std::span<const IsaRow> isa_rows() { return kIsas; }

const IsaRow& row_of(Isa isa) { return kIsas[static_cast<std::size_t>(isa)]; }

FeatureSet features_of(Isa isa) {
  FeatureSet all;
  for (const IsaRow& row : kIsas) {
    if (includes(isa, row.isa)) all = all | row.features;
  }
  return all;
}

FeatureSet machine_features() {
  static const FeatureSet features = [] {
    FeatureSet present;
    for (const FeatureRow& row : kFeatures) {
      if (row.detected()) present = present | FeatureSet{row.feature};
    }
    return present;
  }();
  return features;
}

std::vector<std::string_view> missing_for(Isa isa, FeatureSet present) {
  std::vector<std::string_view> missing;
  if (!runs_here(row_of(isa))) missing.emplace_back("the architecture");
  const FeatureSet needed = features_of(isa);
  for (const FeatureRow& row : kFeatures) {
    if (needed.contains(row.feature) && !present.contains(row.feature)) missing.push_back(row.words);
  }
  return missing;
}

Isa best_isa(FeatureSet present) {
  Isa best = Isa::generic;
  for (const Isa isa : kIsasOfBuild) {
    if (present.contains(features_of(isa))) best = isa;
  }
  return best;
}

Isa require_isa(std::string_view name, FeatureSet present) {
  const std::optional<Isa> isa = isa_from_name(name);
  if (!isa || std::ranges::find(kIsasOfBuild, *isa) == kIsasOfBuild.end()) {
    std::vector<std::string_view> known;
    for (const Isa candidate : kIsasOfBuild) known.push_back(name_of(candidate));
    throw Error(fmt::format("{} instruction set '{}': expected one of {}{}",
                            isa ? "this build has no kernels for" : "unknown", name, fmt::join(known, ", "),
                            did_you_mean(name, known)));
  }
  if (const auto missing = missing_for(*isa, present); !missing.empty()) {
    throw Error(
        fmt::format("this machine cannot run instruction set '{}', it lacks {}; the best it runs is '{}'",
                    name, fmt::join(missing, ", "), name_of(best_isa(present))));
  }
  return *isa;
}

std::string_view name_of(Isa isa) { return row_of(isa).name; }

int rank_of(Isa isa) { return row_of(isa).rank; }

bool includes(Isa isa, Isa part) { return kIncluded[static_cast<std::size_t>(isa)].contains(part); }

std::optional<Isa> isa_from_name(std::string_view name) {
  const auto row = std::ranges::find(kIsas, name, &IsaRow::name);
  if (row == kIsas.end()) return std::nullopt;
  return row->isa;
}

std::span<const Isa> isas_of_build() { return kIsasOfBuild; }

}  // namespace godwit
