#include "tests/support/winograd_bound.h"

#include <cmath>
#include <vector>

#include "tests/support/compare.h"

namespace godwit::support {
namespace {

// Absolute values of the matrices of F(m×m, 3×3) for interpolation points 0, ±1, (±2,) ∞; edge = m + 2.
struct WinogradMatrices {
  std::int64_t m, edge;
  std::vector<double> input;   // |Bᵀ| (edge, edge)
  std::vector<double> filter;  // |G| (edge, 3)
  std::vector<double> output;  // |Aᵀ| (m, edge)
};

const WinogradMatrices& winograd_matrices(std::int64_t m) {
  static const WinogradMatrices two{
      2,
      4,
      {1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1},
      {1, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0, 1},
      {1, 1, 1, 0, 0, 1, 1, 1},
  };
  static const WinogradMatrices four{
      4,
      6,
      {4, 0, 5, 0, 1, 0, 0, 4, 4, 1, 1, 0, 0, 4, 4, 1, 1, 0,
       0, 2, 1, 2, 1, 0, 0, 2, 1, 2, 1, 0, 0, 4, 0, 5, 0, 1},
      {1. / 4, 0, 0, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 24, 1. / 12, 1. / 6, 1. / 24,
       1. / 12, 1. / 6, 0, 0, 1},
      {1, 1, 1, 1, 1, 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 4, 4, 0, 0, 1, 1, 8, 8, 1},
  };
  return m == 2 ? two : four;
}

// matrix (rows, inner) times data (inner, inner) times the matrix transposed.
std::vector<double> two_sided(const std::vector<double>& matrix, std::int64_t rows, std::int64_t inner,
                              const std::vector<double>& data) {
  std::vector<double> result(static_cast<std::size_t>(rows * rows));
  for (std::int64_t i = 0; i < rows * rows; ++i) {
    for (std::int64_t k = 0; k < inner * inner; ++k) {
      const double factor = matrix[static_cast<std::size_t>(i / rows * inner + k / inner)] *
                            matrix[static_cast<std::size_t>(i % rows * inner + k % inner)];
      result[static_cast<std::size_t>(i)] += factor * data[static_cast<std::size_t>(k)];
    }
  }
  return result;
}

}  // namespace

Tensor winograd_magnitudes(std::int64_t m, const Tensor& src, const Tensor& weights, const Shape& dst,
                           std::int64_t pad_h, std::int64_t pad_w) {
  const WinogradMatrices& matrices = winograd_matrices(m);
  const std::int64_t edge = matrices.edge, channels = src.shape()[1], height = src.shape()[2],
                     width = src.shape()[3];
  Tensor result(TensorDesc{DType::f64, dst, Layout::nchw});
  const auto transformed_filter = [&](std::int64_t oc, std::int64_t c) {
    std::vector<double> filter(9);
    for (std::size_t k = 0; k < 9; ++k) {
      filter[k] = std::abs(value_at(weights, static_cast<std::size_t>((oc * channels + c) * 9) + k));
    }
    return two_sided(matrices.filter, edge, 3, filter);
  };
  const auto transformed_tile = [&](std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
    std::vector<double> tile(static_cast<std::size_t>(edge * edge));
    for (std::int64_t k = 0; k < edge * edge; ++k) {
      const std::int64_t ih = h - pad_h + k / edge, iw = w - pad_w + k % edge;
      if (ih < 0 || ih >= height || iw < 0 || iw >= width) continue;
      tile[static_cast<std::size_t>(k)] =
          std::abs(value_at(src, static_cast<std::size_t>(((n * channels + c) * height + ih) * width + iw)));
    }
    return two_sided(matrices.input, edge, edge, tile);
  };
  for (std::int64_t n = 0; n < dst[0]; ++n) {
    for (std::int64_t h = 0; h < dst[2]; h += m) {
      for (std::int64_t w = 0; w < dst[3]; w += m) {
        std::vector<std::vector<double>> tiles;
        for (std::int64_t c = 0; c < channels; ++c) tiles.push_back(transformed_tile(n, c, h, w));
        for (std::int64_t oc = 0; oc < dst[1]; ++oc) {
          std::vector<double> sums(static_cast<std::size_t>(edge * edge));
          for (std::int64_t c = 0; c < channels; ++c) {
            const auto filter = transformed_filter(oc, c);
            for (std::size_t k = 0; k < sums.size(); ++k)
              sums[k] += filter[k] * tiles[static_cast<std::size_t>(c)][k];
          }
          const auto outputs = two_sided(matrices.output, m, edge, sums);
          for (std::int64_t i = 0; i < m * m; ++i) {
            const std::int64_t oh = h + i / m, ow = w + i % m;
            if (oh >= dst[2] || ow >= dst[3]) continue;
            const std::int64_t at = ((n * dst[1] + oc) * dst[2] + oh) * dst[3] + ow;
            result.mutable_values<double>()[static_cast<std::size_t>(at)] =
                outputs[static_cast<std::size_t>(i)];
          }
        }
      }
    }
  }
  return result;
}

}  // namespace godwit::support
