// Tiles of products of matrices of floats.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

// Sizes and options of a call, beside those that are the kernel's own.
struct GemmCase {
  std::int64_t taps, depth, tiles, columns;
  bool bias, residual, real, streams;
};

void check_case(const ops::Kernel<ops::GemmKernel>& kernel, const GemmCase& c) {
  const ops::KernelInfo& info = *kernel.info;
  const DType from = info.kr == 1 ? DType::f32 : info.dtype;
  const DType to = c.real ? DType::f32 : info.dtype;
  const std::int64_t rows = info.mr * c.tiles, inner = c.depth * info.kr, stride = c.columns + 3;
  const std::int64_t packed = c.taps * c.depth * info.nr * info.kr;
  Elements a = Elements::random(from, c.taps * rows * inner, 1);
  Elements b = Elements::random(info.dtype, packed, 2), bias = Elements::random(DType::f32, info.nr, 3);
  Elements residual = Elements::random(to, rows * stride, 4), dst(to, rows * stride);
  // One row is no number from its first product on.
  a.set(0, kNan);
  std::vector<const void*> pointers;
  const auto a_at = [&](std::int64_t tile, std::int64_t t, std::int64_t r) {
    return ((tile * c.taps + t) * info.mr + r) * inner;
  };
  for (std::int64_t tile = 0; tile < c.tiles; ++tile) {
    for (std::int64_t t = 0; t < c.taps; ++t) {
      for (std::int64_t r = 0; r < info.mr; ++r) pointers.push_back(a.address(a_at(tile, t, r)));
    }
  }
  kernel({.a = pointers.data(),
          .b = b.data(),
          .bias = c.bias ? bias.as<float>() : nullptr,
          .residual = c.residual ? residual.data() : nullptr,
          .dst = dst.data(),
          .taps = c.taps,
          .depth = c.depth,
          .residual_stride = stride,
          .dst_stride = stride,
          .columns = c.columns,
          .tiles = c.tiles,
          .minimum = -1.5F,
          .maximum = kInf,
          .real = c.real,
          .ahead = c.streams ? b.data() : nullptr,
          .ahead_step = c.streams ? 4 : 0});
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < stride; ++column) {
      const std::int64_t at = row * stride + column;
      if (column >= c.columns) {
        EXPECT_EQ(dst.at(at), 0) << "beyond the columns of row " << row;
        continue;
      }
      double sum = c.bias ? bias.at(column) : 0, magnitude = std::abs(sum);
      if (c.residual) {
        sum += residual.at(at);
        magnitude += std::abs(residual.at(at));
      }
      for (std::int64_t t = 0; t < c.taps; ++t) {
        for (std::int64_t k = 0; k < inner; ++k) {
          // Element k % kr of step k / kr, of which each column has its own.
          const std::int64_t step = (t * c.depth + k / info.kr) * info.nr + column;
          const double product =
              a.at(a_at(row / info.mr, t, row % info.mr) + k) * b.at(step * info.kr + k % info.kr);
          sum += product;
          magnitude += std::abs(product);
        }
      }
      expect_near(dst.at(at), clamped(sum, -1.5, kInf), gamma(c.taps * inner + 2) * magnitude, to, at);
    }
  }
  dst.expect_guards();
}

}  // namespace

void check(const ops::Kernel<ops::GemmKernel>& kernel) {
  const std::int64_t nr = kernel.info->nr;
  const bool narrow = kernel.info->dtype != DType::f32;
  check_case(kernel, {1, 5, 1, nr, true, false, false, false});
  check_case(kernel, {2, 3, 2, nr, true, true, false, true});
  check_case(kernel, {3, 2, 2, nr - 1, false, true, narrow, false});
  check_case(kernel, {1, 4, 1, 1, false, false, narrow, true});
  check_case(kernel, {1, 1, 3, nr, false, true, narrow, false});
}

}  // namespace godwit::support
