// The functions of an architecture behind plain pointers: tests call code for an ISA without being built for
// it.
#pragma once

#include <cstdint>

namespace godwit::ops::probe {

// Operands and result of one call on one vector: lanes of f32 or s32, or elements of the type in the name.
struct Call {
  const void* a = nullptr;
  const void* b = nullptr;
  const void* c = nullptr;
  void* dst = nullptr;
  std::int64_t count = 0;                // of lanes, for parts of vectors; steps written by compress_nonzeros
  std::uint32_t offset = 0, stride = 0;  // of compress_nonzeros
};

struct Function {
  const char* name;
  void (*run)(Call& call);
};

struct Probe {
  const char* architecture;
  int width;
  int dot_depth;
  bool stores_clamp;
  bool flushes_subnormals;  // of bfloat16
  const Function* functions;
  int count;
};

// Those of one ISA: its own architecture, and what it starts from where that is xsimd.
struct Probes {
  const Probe* probes;
  int count;
};

}  // namespace godwit::ops::probe
