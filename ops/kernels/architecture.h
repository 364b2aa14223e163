// Requirements of kernels on an architecture: types, sizes and functions, each with its meaning for one lane.
// All of them are tested against scalar code for every ISA (tests/ops/isa).
#pragma once

#include <concepts>

#include "ops/kernels/simd.h"

namespace godwit::ops::kernels {

// A step as compress_nonzeros() writes it; kernels have a type of their own with these members.
struct AnyStep {
  std::uint32_t bits, offset;
};

// Elements of type T as f32 lanes. load: exact. store: rounded half to even, subnormals included; a NaN stays
// one. 8-bit integers are stored from floats that are whole and in range.
template <class Arch, class T>
concept ReadsAndWrites = requires(const T* src, T* dst, typename Arch::F32 v) {
  { Arch::load(src) } -> std::same_as<typename Arch::F32>;
  { Arch::store(dst, v) } -> std::same_as<void>;
};

// Parts of vectors by masks, which an architecture may have for some types. load_first: the lanes from
// `count` on are those of `rest`, and nothing behind the part is read. store_first: nothing behind it is
// written. A count below 0 counts as 0.
template <class Arch, class T>
concept LoadsFirst = requires(const T* src, std::int64_t count, typename Arch::F32 rest) {
  { Arch::load_first(src, count, rest) } -> std::same_as<typename Arch::F32>;
};
template <class Arch, class T>
concept StoresFirst = requires(T* dst, typename Arch::F32 v, std::int64_t count) {
  { Arch::store_first(dst, v, count) } -> std::same_as<void>;
};

// Arithmetic on kWidth floats.
template <class Arch>
concept FloatVectors = requires(typename Arch::F32 a, typename Arch::F32 b, typename Arch::F32 c, float x) {
  requires Arch::kWidth >
  0;
  requires sizeof(typename Arch::F32) == Arch::kWidth * sizeof(float);
  { Arch::broadcast(x) } -> std::same_as<typename Arch::F32>;
  // Arithmetic of IEEE 754.
  { a + b } -> std::convertible_to<typename Arch::F32>;
  { a - b } -> std::convertible_to<typename Arch::F32>;
  { a* b } -> std::convertible_to<typename Arch::F32>;
  { a / b } -> std::convertible_to<typename Arch::F32>;
  // The second operand when either is NaN, and of two zeros.
  { Arch::max(a, b) } -> std::same_as<typename Arch::F32>;
  { Arch::min(a, b) } -> std::same_as<typename Arch::F32>;
  // The larger; NaN when either is.
  { Arch::max_or_nan(a, b) } -> std::same_as<typename Arch::F32>;
  // Half to even, of |a| < 2^22.
  { Arch::round(a) } -> std::same_as<typename Arch::F32>;
  // 2^a for whole a in [-126, 127]; 0 for -127, infinity for 128.
  { Arch::exp2_whole(a) } -> std::same_as<typename Arch::F32>;
  // a·b + c, rounded once or, where the ISA cannot, twice; both alike.
  { Arch::fma(a, b, c) } -> std::same_as<typename Arch::F32>;
  { Arch::fma_scalar(x, x, x) } -> std::same_as<float>;
};

// Lane i of the result: lane index[i] of the vector, 0 <= index[i] < kWidth.
template <class Arch>
concept Permutes = requires(typename Arch::F32 v, typename Arch::S32 index) {
  { Arch::permute(v, index) } -> std::same_as<typename Arch::F32>;
};

// Arithmetic on as many 32-bit integers. S32 may be a plain register: only these functions take it.
template <class Arch>
concept IntegerVectors = requires(typename Arch::S32 a, typename Arch::F32 v, const void* src, void* dst,
                                  std::uint8_t* bytes) {
  requires sizeof(typename Arch::S32) == Arch::kWidth * sizeof(std::int32_t);
  { Arch::load_i32(src) } -> std::same_as<typename Arch::S32>;
  { Arch::store_i32(dst, a) } -> std::same_as<void>;
  // The 32 bits at src in every lane.
  { Arch::broadcast_i32(src) } -> std::same_as<typename Arch::S32>;
  { Arch::zero_i32() } -> std::same_as<typename Arch::S32>;
  // Modulo 2^32.
  { Arch::add_i32(a, a) } -> std::same_as<typename Arch::S32>;
  { Arch::to_float(a) } -> std::same_as<typename Arch::F32>;
  // Takes whole floats below 2^31 in magnitude.
  { Arch::to_i32(v) } -> std::same_as<typename Arch::S32>;
  // Half to even, of floats below 2^22 in magnitude.
  { Arch::round_i32(v) } -> std::same_as<typename Arch::S32>;
  // Integers from 0 to 255 as bytes, those of all vectors next to each other. With kStoresClamp any below
  // 2^31 - 255 in magnitude, held inside that range.
  requires std::same_as<decltype(Arch::kStoresClamp), const bool>;
  requires requires(const typename Arch::S32(&one)[1], const typename Arch::S32(&two)[2]) {
    Arch::store_bytes(bytes, one);
    Arch::store_bytes(bytes, two);
  };
  // a + the sum of kDotDepth products: of two signed 16-bit halves, or of four bytes, unsigned in the
  // second operand and signed in the third. Exact, modulo 2^32.
  requires Arch::kDotDepth == 2 || Arch::kDotDepth == 4;
  { Arch::dot(a, a, a) } -> std::same_as<typename Arch::S32>;
};

// The bits of lanes that are not zero (a NaN is not), each with its place in the vector times `stride` beyond
// `offset`, one after the other. kWidth steps are written; those behind the returned end mean nothing.
template <class Arch>
concept CompressesNonzeros = requires(AnyStep* to, typename Arch::F32 v, typename Arch::S32 a,
                                      std::uint32_t offset) {
  { Arch::compress_nonzeros(to, v, offset, offset) } -> std::same_as<AnyStep*>;
  { Arch::compress_nonzeros(to, a, offset, offset) } -> std::same_as<AnyStep*>;
};

template <class Arch>
concept Architecture =
    FloatVectors<Arch> && Permutes<Arch> && IntegerVectors<Arch> && CompressesNonzeros<Arch> &&
    ReadsAndWrites<Arch, float> && ReadsAndWrites<Arch, Float16Bits> && ReadsAndWrites<Arch, BFloat16Bits> &&
    ReadsAndWrites<Arch, std::uint8_t> && ReadsAndWrites<Arch, std::int8_t> && requires {
  // Sizes of GEMM tiles: the height of those of two vectors, and steps for each turn of the loop.
  requires Arch::kTileRows >
  0;
  requires Arch::kTileSteps == 1 || Arch::kTileSteps == 2;
};

// Sums of products of bytes by way of 16 bits, which an architecture may have on top: exact where every sum
// fits into 16 bits.
template <class Arch>
concept HasMaddubs = Architecture<Arch> && requires(typename Arch::S32 a, const void* b) {
  // u8 in a times s8 at b, each product added to its neighbour's: twice as many 16-bit lanes.
  { Arch::maddubs(a, b) } -> std::same_as<typename Arch::S32>;
  // Such sums added to those of the first operand.
  { Arch::add_maddubs(a, a, b) } -> std::same_as<typename Arch::S32>;
  // Each 16-bit lane added to its neighbour: 32-bit lanes.
  { Arch::sum_pairs(a) } -> std::same_as<typename Arch::S32>;
  // The first operand + sum_pairs(maddubs(a, b)).
  { Arch::dot_maddubs(a, a, b) } -> std::same_as<typename Arch::S32>;
};

// Products of pairs of bfloat16, which an architecture may have on top: sum + a.high·b.high, then +
// a.low·b.low, each exact and added with one rounding. Subnormals count as 0, for store(BFloat16Bits*) as
// well.
template <class Arch>
concept HasPairs = Architecture<Arch> && requires(typename Arch::F32 sum, typename Arch::S32 a) {
  { Arch::dot_pairs(sum, a, a) } -> std::same_as<typename Arch::F32>;
};

}  // namespace godwit::ops::kernels
