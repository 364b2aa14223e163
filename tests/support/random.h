// Tensors of random numbers that are the same on every machine.
#pragma once

#include <cstdint>
#include <type_traits>

#include "runtime/tensor.h"

namespace godwit::support {

// SplitMix64; the standard library's distributions differ between implementations, so none of them is used.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  // In [0, 1), a multiple of 2^-53.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // In [low, high].
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

// Uniform in [low, high); integers take both ends.
template <class T = float>
Tensor random_tensor(const Shape& shape, std::uint64_t seed, double low = -1, double high = 1) {
  Random random(seed);
  Tensor tensor(TensorDesc{dtype_of<T>, shape, Layout::nchw});
  for (T& value : tensor.mutable_values<T>()) {
    if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(random.integer(static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)));
    } else {
      value = static_cast<T>(random.uniform(low, high));
    }
  }
  return tensor;
}

}  // namespace godwit::support
