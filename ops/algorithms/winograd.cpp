// Winograd's filter transform.
#include "ops/algorithms/winograd.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace godwit::ops {
namespace {

// The number of filters at a time that vectorises well.
constexpr int kTogether = 8;
using Values = std::array<double, kTogether>;  // the same value of each filter

// One dimension of the transform, out = G g; G's rows after the first come in pairs that differ in the sign
// of the middle column.
void transform_line(const Values& g0, const Values& g1, const Values& g2, std::array<Values, 4>& out) {
  for (std::size_t c = 0; c < kTogether; ++c) {
    const double even = (g0[c] + g2[c]) * 0.5;
    const double odd = g1[c] * 0.5;
    out[0][c] = g0[c];
    out[1][c] = even + odd;
    out[2][c] = even - odd;
    out[3][c] = g2[c];
  }
}
void transform_line(const Values& g0, const Values& g1, const Values& g2, std::array<Values, 6>& out) {
  for (std::size_t c = 0; c < kTogether; ++c) {
    const double even = (g0[c] + g2[c]) * (-1.0 / 6);
    const double odd = g1[c] * (1.0 / 6);
    const double even2 = g0[c] * (1.0 / 24) + g2[c] * (1.0 / 6);
    const double odd2 = g1[c] * (1.0 / 12);
    out[0][c] = g0[c] * (1.0 / 4);
    out[1][c] = even - odd;
    out[2][c] = even + odd;
    out[3][c] = even2 + odd2;
    out[4][c] = even2 - odd2;
    out[5][c] = g2[c];
  }
}

template <std::size_t Edge>
void transform(const WinogradFilters& filters) {
  for (int first = 0; first < filters.padded; first += kTogether) {
    std::array<Values, 9> in{};
    for (int c = 0; c < std::min(filters.count - first, kTogether); ++c) {
      const float* filter = filters.src + (first + c) * filters.src_stride;
      for (std::size_t tap = 0; tap < 9; ++tap)
        in[tap][static_cast<std::size_t>(c)] = static_cast<double>(filter[tap]);
    }
    std::array<std::array<Values, Edge>, 3> columns;
    for (std::size_t j = 0; j < 3; ++j) transform_line(in[j], in[3 + j], in[6 + j], columns[j]);
    float* dst = filters.dst + first;
    for (std::size_t i = 0; i < Edge; ++i) {
      std::array<Values, Edge> row;
      transform_line(columns[0][i], columns[1][i], columns[2][i], row);
      for (std::size_t j = 0; j < Edge; ++j, dst += filters.dst_plane) {
        std::array<float, kTogether> u;
        for (std::size_t c = 0; c < kTogether; ++c) u[c] = static_cast<float>(row[j][c]);
        // A copy of a size known here is two stores.
        if (filters.padded - first >= kTogether) {
          std::memcpy(dst, u.data(), sizeof(u));
        } else {
          std::memcpy(dst, u.data(), static_cast<std::size_t>(filters.padded - first) * sizeof(float));
        }
      }
    }
  }
}

}  // namespace

void winograd_filters(std::int64_t m, const WinogradFilters& filters) {
  if (m == 2) {
    transform<4>(filters);
  } else {
    transform<6>(filters);
  }
}

}  // namespace godwit::ops
