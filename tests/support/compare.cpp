#include "tests/support/compare.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace godwit::support {

double value_at(const Tensor& tensor, std::size_t i) {
  return visit_dtype(tensor.dtype(), [&]<class T>() -> double {
    const T value = static_cast<const T*>(tensor.data())[i];
    if constexpr (std::is_arithmetic_v<T>) {
      return static_cast<double>(value);
    } else {
      return static_cast<double>(static_cast<float>(value));
    }
  });
}

Tensor in_layout(const Tensor& tensor, Layout layout) {
  if (tensor.desc().layout == layout) return tensor;
  const Shape& shape = tensor.shape();
  Tensor copy(TensorDesc{tensor.dtype(), shape, layout});
  const std::size_t size = size_of(tensor.dtype());
  const std::int64_t channels = shape[1];
  const std::int64_t spatial = shape.product(2, shape.rank());
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const std::int64_t n = i / (channels * spatial), c = i / spatial % channels, s = i % spatial;
    const std::int64_t nhwc = (n * spatial + s) * channels + c;
    const std::int64_t from = layout == Layout::nhwc ? i : nhwc;
    const std::int64_t to = layout == Layout::nhwc ? nhwc : i;
    std::memcpy(static_cast<std::byte*>(copy.mutable_data()) + static_cast<std::size_t>(to) * size,
                static_cast<const std::byte*>(tensor.data()) + static_cast<std::size_t>(from) * size, size);
  }
  return copy;
}

Tensor stored(const Tensor& tensor, DType dtype) {
  Tensor result(TensorDesc{dtype, tensor.shape(), tensor.desc().layout});
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (is_float(dtype_of<T>)) {
      for (std::size_t i = 0; i < result.values<T>().size(); ++i) {
        result.mutable_values<T>()[i] = static_cast<T>(value_at(tensor, i));
      }
    }
  });
  return result;
}

void expect_close(const Tensor& actual, const Tensor& expected, const Bound& bound,
                  std::string_view implementation, std::size_t output) {
  ASSERT_EQ(actual.desc().to_string(), expected.desc().to_string());
  const bool floating = is_float(expected.dtype());
  std::size_t wrong = 0, worst = 0;
  double worst_excess = -1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(expected.shape().elements()); ++i) {
    const double want = value_at(expected, i);
    const double have = value_at(actual, i);
    const std::size_t size = size_of(expected.dtype());
    if (!floating) {
      // s64 and u64 do not fit into a double.
      if (std::memcmp(static_cast<const std::byte*>(actual.data()) + i * size,
                      static_cast<const std::byte*>(expected.data()) + i * size, size) == 0) {
        continue;
      }
    } else if (have == want || (std::isnan(have) && std::isnan(want))) {
      continue;
    }
    const double error = std::abs(have - want);
    const double allowed = floating ? bound({implementation, output, i, want}) : 0;
    if (error <= allowed && allowed < std::numeric_limits<double>::infinity()) continue;
    ++wrong;
    const double excess = std::isfinite(error) ? error - allowed : std::numeric_limits<double>::infinity();
    if (excess > worst_excess) {
      worst_excess = excess;
      worst = i;
    }
  }
  if (wrong == 0) return;
  const double want = value_at(expected, worst);
  ADD_FAILURE() << wrong << " of " << expected.shape().elements() << " elements of output " << output
                << " are wrong; worst is element " << worst << ": " << value_at(actual, worst)
                << ", expected " << want << " within "
                << (floating ? bound({implementation, output, worst, want}) : 0.0);
}

}  // namespace godwit::support
