// Tensors of any element type whose elements tell where they come from, for ops that only move data.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "runtime/tensor.h"

namespace godwit::support {

inline constexpr std::array kAllTypes{
#define GODWIT_DTYPE(name, type, onnx, numpy) DType::name,
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
};

// Element i is i, modulo 113 so that every type holds it (a prime, so that no dimension's stride hides an
// error); bools are true for every third, narrow types have i as their code, modulo 13 or 3 below 8 bits.
Tensor counting(const Shape& shape, DType dtype = DType::f32);

// A tensor of integers, as shapes, axes and bounds are given.
Tensor integers(std::initializer_list<std::int64_t> values);

// Symbols that stand for unknown dimensions.
inline constexpr std::int64_t kBatch = kAnyDim - 1;
inline constexpr std::int64_t kOther = kAnyDim - 2;

}  // namespace godwit::support
