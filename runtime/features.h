// Instruction sets as sets of CPU features: the rows of isa.inc as data, and the questions of cpu.h answered
// for any set of features, so that tests can make machines up.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/isa.h"

namespace godwit {

enum class Feature : std::uint8_t {
#define GODWIT_FEATURE(name, words, flag, detected) name,
#define GODWIT_ISA(name, processor, rank, included, features, flags)
#include "runtime/isa.inc"
#undef GODWIT_ISA
#undef GODWIT_FEATURE
};

enum class Processor : std::uint8_t { any, x86_64 };

// A set of at most 64 values of an enumeration.
template <class Enum>
class EnumSet {
 public:
  constexpr EnumSet() = default;
  constexpr EnumSet(std::initializer_list<Enum> values) {
    for (const Enum value : values) bits_ |= bit(value);
  }
  constexpr bool contains(Enum value) const { return (bits_ & bit(value)) != 0; }
  constexpr bool contains(EnumSet other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr EnumSet operator|(EnumSet other) const { return EnumSet(bits_ | other.bits_); }
  constexpr bool operator==(const EnumSet&) const = default;

 private:
  constexpr explicit EnumSet(std::uint64_t bits) : bits_(bits) {}
  static constexpr std::uint64_t bit(Enum value) { return std::uint64_t{1} << static_cast<unsigned>(value); }
  std::uint64_t bits_ = 0;
};

using FeatureSet = EnumSet<Feature>;
using IsaSet = EnumSet<Isa>;

struct FeatureRow {
  Feature feature;
  std::string_view words;  // in errors: "avx512f"
  std::string_view flag;   // of the compiler; empty where it needs none
  bool (*detected)();      // on this machine
};
std::span<const FeatureRow> feature_rows();

struct IsaRow {
  Isa isa;
  std::string_view name;
  Processor processor;
  int rank;
  IsaSet included;      // directly
  FeatureSet features;  // beyond those of the included ones
};
// Rows of all processors, in the order of the list.
std::span<const IsaRow> isa_rows();
const IsaRow& row_of(Isa isa);

// All features that an ISA needs, those of included ISAs among them.
FeatureSet features_of(Isa isa);

// Features of this machine, detected once.
FeatureSet machine_features();

// The features that a machine with `present` lacks for `isa`, in words; empty when it runs it.
std::vector<std::string_view> missing_for(Isa isa, FeatureSet present);
// The ISA of the highest rank in this build that such a machine runs.
Isa best_isa(FeatureSet present);
// The name → ISA; throws Error naming the known ones when unknown, and what the machine lacks.
Isa require_isa(std::string_view name, FeatureSet present);

}  // namespace godwit
