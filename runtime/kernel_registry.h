// Kernels of several ISAs as a table, which CMake makes from the files that there are (godwit_isa_table in
// cmake/GodwitKernels.cmake), and the choice among them.
#pragma once

#include <span>

#include "runtime/cpu.h"

namespace godwit {

// The kernels of one object and their ISA. An ISA may have several objects, or none.
template <class Kernels>
struct OfIsa {
  Isa isa;
  const Kernels* kernels;
};

// The entry of the ISA of the highest rank that `cap` includes; null where none is.
template <class Kernels>
const OfIsa<Kernels>* best_of(std::span<const OfIsa<Kernels>> all, Isa cap) {
  const OfIsa<Kernels>* best = nullptr;
  for (const OfIsa<Kernels>& each : all) {
    if (includes(cap, each.isa) && (best == nullptr || rank_of(each.isa) > rank_of(best->isa))) best = &each;
  }
  return best;
}

}  // namespace godwit
