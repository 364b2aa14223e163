// Arguments of the kernels that normalise rows and columns of f32.
#pragma once

#include <cstdint>

namespace godwit::ops {

// mean = sum(src) / count, squares = sum((src - mean)²), in two passes; about 0 the mean counts as 0.
struct MomentsRow {
  const float* src;
  std::int64_t count;
  bool about_zero;
  float* mean;
  float* squares;
};
using MomentsKernel = void(const MomentsRow& row);

// dst[i] = (src[i] - mean) * factor * scale[i * step] + shift[i * step], steps 0 (repeated) or 1; dst may be
// src.
struct NormalizeRow {
  const float* src;
  const float* scale;
  const float* shift;
  float* dst;
  std::int64_t count;
  std::int64_t step;
  float mean, factor;
};
using NormalizeKernel = void(const NormalizeRow& row);

// Sums for each of `count` columns of `rows` rows that lie `stride` elements apart: sums[c] = sum(src -
// origin[c]), squares[c] = sum((src - origin[c])²).
struct ColumnMoments {
  const float* src;
  const float* origin;
  float* sums;
  float* squares;
  std::int64_t rows, stride, count;
};
using ColumnMomentsKernel = void(const ColumnMoments& columns);

}  // namespace godwit::ops
