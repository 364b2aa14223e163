// Tensors of any element type whose elements tell where they come from, for ops that only move data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "runtime/tensor.h"

namespace godwit::support {

inline constexpr std::array kAllTypes{
#define GODWIT_DTYPE(name, type, onnx, numpy) DType::name,
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
};

// Element i is i, modulo 113 so that every type holds it (a prime, so that no dimension's stride hides an
// error); bools are true for every third.
inline Tensor counting(const Shape& shape, DType dtype = DType::f32) {
  Tensor tensor(TensorDesc{dtype, shape, Layout::nchw});
  visit_dtype(dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (T& value : tensor.mutable_values<T>()) {
      if constexpr (std::is_same_v<T, bool>) {
        value = i++ % 3 == 0;
      } else if constexpr (std::is_arithmetic_v<T>) {
        value = static_cast<T>(i++ % 113);
      } else {
        value = T(static_cast<float>(i++ % 113));
      }
    }
  });
  return tensor;
}

// What shapes, axes and bounds are given as.
inline Tensor integers(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

// Symbols that stand for unknown dimensions.
inline constexpr std::int64_t kBatch = kAnyDim - 1;
inline constexpr std::int64_t kOther = kAnyDim - 2;

}  // namespace godwit::support
