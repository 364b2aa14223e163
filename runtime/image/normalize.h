// Rows of pixels to the values that a network takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/image/row_kernels.h"

namespace godwit::image {

struct Pipeline;

// A table of what each pixel value becomes in each of the network's channels.
template <class T>
using ValueTable = std::array<std::array<T, 256>, 3>;

// Pixels of (columns, 3) to their values, `kStep` apart in each channel; `order` has the byte of each
// channel.
template <std::size_t kStep, class T>
void look_up_row(const std::uint8_t* pixels, std::size_t columns, const ValueTable<T>& table,
                 const std::array<std::size_t, 3>& order, std::size_t channel_stride, T* dst) {
  const std::uint8_t* first = pixels + order[0];
  const std::uint8_t* second = pixels + order[1];
  const std::uint8_t* third = pixels + order[2];
  T* dst1 = dst + channel_stride;
  T* dst2 = dst1 + channel_stride;
  for (std::size_t x = 0; x < columns; ++x) {
    dst[x * kStep] = table[0][first[3 * x]];
    dst1[x * kStep] = table[1][second[3 * x]];
    dst2[x * kStep] = table[2][third[3 * x]];
  }
}

// A pipeline's values computed instead of looked up, where that gives the table's bits for every pixel.
class RowArithmetic {
 public:
  RowArithmetic(const Pipeline& pipeline, const ValueTable<float>& table, const RowKernels& kernels);

  // False: the values have to be looked up.
  bool is_exact() const { return kernel_ != nullptr; }
  // dst: (columns, 3). Requires is_exact().
  void run(const std::uint8_t* pixels, std::size_t columns, const ValueTable<float>& table, float* dst) const;

 private:
  NormalizeFactors factors_;
  decltype(RowKernels::normalize) kernel_ = nullptr;
};

}  // namespace godwit::image
