#include "tests/support/counting.h"

#include <type_traits>

namespace godwit::support {

Tensor counting(const Shape& shape, DType dtype) {
  Tensor tensor(TensorDesc{dtype, shape, Layout::nchw});
  visit_dtype(dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (T& value : tensor.mutable_values<T>()) {
      if constexpr (std::is_same_v<T, bool>) {
        value = i++ % 3 == 0;
      } else if constexpr (std::is_arithmetic_v<T>) {
        value = static_cast<T>(i++ % 113);
      } else if constexpr (is_narrow(dtype_of<T>)) {
        // Codes that are numbers in all of them.
        const auto code = static_cast<std::uint8_t>(i++ % (T::kBits == 8 ? 113 : T::kBits == 4 ? 13 : 3));
        if constexpr (requires { value.bits; })
          value.bits = code;
        else
          value = T(code);
      } else {
        value = T(static_cast<float>(i++ % 113));
      }
    }
  });
  return tensor;
}

Tensor integers(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace godwit::support
