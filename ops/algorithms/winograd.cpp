// Winograd's filter transform.
#include "ops/algorithms/winograd.h"

#include <algorithm>
#include <cstring>

namespace godwit::ops {
namespace {

constexpr double kFilter2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
constexpr double kFilter4[6][3] = {{1.0 / 4, 0, 0},
                                   {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                   {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                   {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                   {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                   {0, 0, 1}};

// As many filters at a time as vectorise well.
constexpr int kTogether = 8;

template <int Edge>
void transform(const double (&g)[Edge][3], const WinogradFilters& filters) {
  for (int first = 0; first < filters.padded; first += kTogether) {
    const int here = std::min(filters.padded - first, kTogether);
    double in[9][kTogether] = {};
    for (int c = 0; c < std::min(filters.count - first, kTogether); ++c) {
      for (int tap = 0; tap < 9; ++tap)
        in[tap][c] = static_cast<double>(filters.src[(first + c) * filters.src_stride + tap]);
    }
    double rows[Edge][3][kTogether];
    for (int i = 0; i < Edge; ++i) {
      for (int j = 0; j < 3; ++j) {
        for (int c = 0; c < kTogether; ++c)
          rows[i][j][c] = g[i][0] * in[j][c] + g[i][1] * in[3 + j][c] + g[i][2] * in[6 + j][c];
      }
    }
    for (int i = 0; i < Edge; ++i) {
      for (int j = 0; j < Edge; ++j) {
        float u[kTogether];
        for (int c = 0; c < kTogether; ++c)
          u[c] =
              static_cast<float>(rows[i][0][c] * g[j][0] + rows[i][1][c] * g[j][1] + rows[i][2][c] * g[j][2]);
        std::memcpy(filters.dst + (i * Edge + j) * filters.dst_plane + first, u,
                    static_cast<std::size_t>(here) * sizeof(float));
      }
    }
  }
}

}  // namespace

void winograd_filters(std::int64_t m, const WinogradFilters& filters) {
  if (m == 2) {
    transform(kFilter2, filters);
  } else {
    transform(kFilter4, filters);
  }
}

}  // namespace godwit::ops
