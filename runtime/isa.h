// Instruction sets that kernels exist for, as ISA files see them too: an enumeration and nothing else.
#pragma once

#include <cstdint>

namespace godwit {

// Their order means nothing; rank and includes() of runtime/cpu.h do.
enum class Isa : std::uint8_t {
#define GODWIT_FEATURE(name, words, flag, detected)
#define GODWIT_ISA(name, processor, rank, included, features, flags) name,
#include "runtime/isa.inc"
#undef GODWIT_ISA
#undef GODWIT_FEATURE
};

}  // namespace godwit
