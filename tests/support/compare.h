// Reading tensors of any type and layout in tests, and holding two of them against each other.
#pragma once

#include <cstddef>
#include <gtest/gtest.h>
#include <string_view>
#include <vector>

#include "runtime/tensor.h"
#include "tests/support/tolerance.h"

namespace godwit::support {

// The value of element `i`, whatever its type.
double value_at(const Tensor& tensor, std::size_t i);

template <class T>
std::vector<T> values_of(const Tensor& tensor) {
  EXPECT_EQ(tensor.dtype(), dtype_of<T>);
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

// A copy whose bytes lie in the given order; rank 3 to 5 only.
Tensor in_layout(const Tensor& tensor, Layout layout);

// The numbers of a tensor of floats as another float.
Tensor stored(const Tensor& tensor, DType dtype);

// Every element of `actual` (nchw) within `bound` of `expected`; NaN equals NaN. Reports the worst element
// only.
void expect_close(const Tensor& actual, const Tensor& expected, const Bound& bound,
                  std::string_view implementation = "", std::size_t output = 0);

}  // namespace godwit::support
