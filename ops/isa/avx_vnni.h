// The architecture of AVX-VNNI: sums of four products of 8-bit integers in one instruction, on CPUs without
// AVX-512.
#pragma once

#include "ops/isa/avx2.h"

namespace godwit::ops {
namespace {

struct AvxVnni : Avx2 {
  static constexpr int kDotDepth = 4;
  // a: four u8, b: four s8 in each lane; exact, without saturation. By hand for the reason that avx512_vnni's
  // is; the prefix keeps the assembler from AVX-512's form of it.
  static GODWIT_INLINE S32 dot(S32 sum, S32 a, S32 b) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
  }
};

}  // namespace
}  // namespace godwit::ops
