// Tiles of products of matrices of 8-bit integers: exact.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

struct QuantizedCase {
  std::int64_t taps, tiles, columns;
  bool bias, residual, streams;
};

constexpr std::int64_t kDepth = 11;
// Groups of 1, 2, 3 and 4 steps that kDepth steps are divided into.
constexpr std::uint16_t kGroups[ops::kLargestGroup] = {2, 1, 1, 1};

// The largest weight whose sums of products fit into the 16 bits that a family keeps them in.
int largest_weight(ops::KernelFamily family) {
  if (family == ops::KernelFamily::gemm_maddubs) return 32767 / (2 * 255);
  if (family == ops::KernelFamily::gemm_maddubs_groups) return 32767 / (2 * ops::kLargestGroup * 255);
  return 128;
}

void check_case(const ops::Kernel<ops::QuantizedGemmKernel>& kernel, const QuantizedCase& c,
                const ops::QuantizedFinish* finish) {
  const ops::KernelInfo& info = *kernel.info;
  const bool wide = info.kr == 2;
  const bool grouped = info.family == ops::KernelFamily::gemm_maddubs_groups;
  const DType to = finish == nullptr ? DType::s32 : stored_by(*finish);
  const std::int64_t rows = info.mr * c.tiles, inner = kDepth * info.kr, stride = c.columns + 5;
  const int largest = largest_weight(info.family);
  Elements a = Elements::random(wide ? DType::s16 : DType::u8, c.taps * rows * inner, 1, 0, 255);
  Elements b = Elements::random(wide ? DType::s16 : DType::s8, c.taps * kDepth * info.nr * info.kr, 2,
                                -largest, std::min(largest, 127));
  Elements bias = Elements::random(DType::s32, info.nr, 3, -9999, 9999);
  Elements scale = Elements::random(DType::f32, info.nr, 4, 1e-4, 2e-3);
  Elements residual = Elements::random(DType::u8, rows * stride, 5, 0, 255), dst(to, rows * stride);
  std::vector<const void*> pointers;
  const auto a_at = [&](std::int64_t tile, std::int64_t t, std::int64_t r) {
    return ((tile * c.taps + t) * info.mr + r) * inner;
  };
  for (std::int64_t tile = 0; tile < c.tiles; ++tile) {
    for (std::int64_t t = 0; t < c.taps; ++t) {
      for (std::int64_t r = 0; r < info.mr; ++r) pointers.push_back(a.address(a_at(tile, t, r)));
    }
  }
  // Step i of the panel lies at steps[i] in a row of A.
  std::vector<std::uint16_t> steps, groups;
  for (std::int64_t t = 0; t < c.taps; ++t) {
    for (std::int64_t i = 0; i < kDepth; ++i)
      steps.push_back(static_cast<std::uint16_t>(grouped ? (i * 4 + t) % kDepth : i));
    groups.insert(groups.end(), std::begin(kGroups), std::end(kGroups));
  }
  kernel({.a = pointers.data(),
          .b = b.data(),
          .bias = c.bias ? bias.as<std::int32_t>() : nullptr,
          .scale = scale.as<float>(),
          .residual = c.residual ? residual.as<std::uint8_t>() : nullptr,
          .dst = dst.data(),
          .finish = finish,
          .taps = c.taps,
          .depth = kDepth,
          .residual_stride = stride,
          .dst_stride = stride,
          .columns = c.columns,
          .tiles = c.tiles,
          .steps = grouped ? steps.data() : nullptr,
          .groups = grouped ? groups.data() : nullptr,
          .ahead = c.streams ? b.data() : nullptr,
          .ahead_step = c.streams ? 4 : 0,
          .ahead_tile = 0});
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < stride; ++column) {
      const std::int64_t at = row * stride + column;
      if (column >= c.columns) {
        EXPECT_EQ(dst.at(at), 0) << "beyond the columns of row " << row;
        continue;
      }
      double sum = c.bias ? bias.at(column) : 0;
      for (std::int64_t t = 0; t < c.taps; ++t) {
        for (std::int64_t k = 0; k < inner; ++k) {
          const std::int64_t panel_step = t * kDepth + k / info.kr;
          const std::int64_t from = steps[static_cast<std::size_t>(panel_step)] * info.kr + k % info.kr;
          sum += a.at(a_at(row / info.mr, t, row % info.mr) + from) *
                 b.at((panel_step * info.nr + column) * info.kr + k % info.kr);
        }
      }
      if (finish == nullptr) {
        EXPECT_EQ(dst.at(at), sum) << at;
        continue;
      }
      const float expected =
          finish_quantized(*finish, static_cast<std::int32_t>(sum), static_cast<float>(scale.at(column)),
                           c.residual ? residual.as<std::uint8_t>(at) : nullptr);
      EXPECT_EQ(dst.at(at), expected) << at;
    }
  }
  dst.expect_guards();
}

}  // namespace

void check(const ops::Kernel<ops::QuantizedGemmKernel>& kernel) {
  const std::int64_t nr = kernel.info->nr;
  check_case(kernel, {2, 2, nr, true, false, false}, nullptr);
  for (const ops::QuantizedFinish& finish : finishes()) {
    check_case(kernel, {1, 2, nr, true, false, true}, &finish);
    check_case(kernel, {2, 1, nr, true, true, false}, &finish);
    check_case(kernel, {1, 1, nr - 1, false, true, false}, &finish);
    check_case(kernel, {1, 2, 1, true, false, false}, &finish);
  }
}

}  // namespace godwit::support
