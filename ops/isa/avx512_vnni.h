// The architecture of AVX-512 VNNI: sums of four products of 8-bit integers in one instruction.
#pragma once

#include "ops/isa/avx512.h"

namespace godwit::ops {
namespace {

struct Avx512Vnni : Avx512 {
  static constexpr int kDotDepth = 4;
  // a: four u8, b: four s8 in each lane; exact, without saturation. By hand, since GCC 12 moves accumulators
  // to memory and back around the intrinsic.
  static GODWIT_INLINE S32 dot(S32 sum, S32 a, S32 b) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
};

}  // namespace
}  // namespace godwit::ops
