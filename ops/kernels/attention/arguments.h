// Arguments of the kernels between the two products of attention.
#pragma once

#include <cstdint>

namespace godwit::ops {

// A panel of a transposed matrix: dst[d * width + r] = src[r * stride + d] for `rows` rows of `depth`
// elements, 0 for the rows from there to `width`.
struct TransposedPanel {
  const float* src;
  float* dst;
  std::int64_t stride;
  std::int64_t rows, depth;
  std::int64_t width;  // a multiple of 4
};
using TransposedPanelKernel = void(const TransposedPanel& panel);

// One row of scores made weights, in place: with t[i] = scores[i] * scale + mask[i], scores[i] = e^(t[i] -
// max t); sum of them.
struct AttentionRow {
  float* scores;
  const float* mask;  // or null
  std::int64_t count;
  float scale;
  float* sum;
};
using AttentionRowKernel = void(const AttentionRow& row);

}  // namespace godwit::ops
