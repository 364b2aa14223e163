// Winograd's filter transform.
#include "ops/algorithms/winograd.h"

namespace godwit::ops {
namespace {

constexpr double kFilter2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
constexpr double kFilter4[6][3] = {{1.0 / 4, 0, 0},
                                   {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                   {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                   {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                   {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                   {0, 0, 1}};

template <int Edge>
void transform(const double (&g)[Edge][3], const float* filter, float* dst) {
  double rows[Edge][3];
  for (int i = 0; i < Edge; ++i) {
    for (int j = 0; j < 3; ++j)
      rows[i][j] = g[i][0] * filter[j] + g[i][1] * filter[3 + j] + g[i][2] * filter[6 + j];
  }
  for (int i = 0; i < Edge; ++i) {
    for (int j = 0; j < Edge; ++j) {
      dst[i * Edge + j] =
          static_cast<float>(rows[i][0] * g[j][0] + rows[i][1] * g[j][1] + rows[i][2] * g[j][2]);
    }
  }
}

}  // namespace

void winograd_filter(std::int64_t m, const float* filter, float* dst) {
  if (m == 2) {
    transform(kFilter2, filter, dst);
  } else {
    transform(kFilter4, filter, dst);
  }
}

}  // namespace godwit::ops
