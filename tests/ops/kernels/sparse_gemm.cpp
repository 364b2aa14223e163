// Products that skip zeros, and the kernels that find what is not zero.
#include <bit>

#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {
namespace {

constexpr std::int64_t kRows = 3, kDepth = 10;
constexpr int kPanels = ops::SparseKernelSizes::kMaxPanels;

// The panels that a kernel reads: their columns, and how many of them.
struct Panels {
  explicit Panels(const ops::KernelInfo& info) {
    const auto* full = ops::find_kernel(info.family, info.dtype, info.isa);
    const std::int64_t panel = full->nr / kPanels;
    columns = std::min<std::int64_t>(panel, info.nr);
    count = info.nr / columns;
    step_bytes = panel * ops::kStepBytes;
  }
  std::int64_t columns, count;
  std::int64_t step_bytes;  // of a whole panel, which kernels of half a panel halve
};

// Rows of steps, two of three of them zero; step s of row r has the 32 bits at (r * kDepth + s) in A.
struct Steps {
  // bytes: from one step's weights to the next one's.
  Steps(Elements& a, std::int64_t bytes, std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = 0; r < kRows; ++r) {
      const std::size_t first = steps.size();
      for (std::int64_t s = begin; s < end; ++s) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, a.as<std::byte>((r * kDepth + s) * ops::kStepBytes), sizeof bits);
        if (bits != 0) steps.push_back({bits, static_cast<std::uint32_t>((s - begin) * bytes)});
      }
      sizes.push_back(static_cast<std::int64_t>(steps.size() - first));
    }
    const ops::SparseStep* at = steps.data();
    for (const std::int64_t size : sizes) {
      runs.push_back({at, size});
      at += size;
    }
  }
  std::vector<ops::SparseStep> steps;
  std::vector<std::int64_t> sizes;
  std::vector<ops::SparseRun> runs;
};

// Calls the kernel with all of the inner dimension, and in two parts with sums between them.
// run(tile, begin, end): one part.
template <class Tile, class Run>
void in_parts(Tile tile, std::int64_t nr, const Run& run) {
  tile.first = tile.last = true;
  run(tile, 0, kDepth);
  Elements sums(DType::f32, kRows * nr);
  tile.sums = sums.data();
  tile.last = false;
  run(tile, 0, kDepth / 2);
  tile.first = false;
  tile.last = true;
  run(tile, kDepth / 2, kDepth);
  sums.expect_guards();
}

}  // namespace

void check(const ops::Kernel<ops::SparseGemmKernel>& kernel) {
  const ops::KernelInfo& info = *kernel.info;
  const Panels panels(info);
  Elements a = Elements::random(DType::f32, kRows * kDepth, 1);
  for (std::int64_t i = 0; i < a.count(); ++i) {
    if (i % 3 != 1) a.set(i, 0);
  }
  a.set(1, kNan);  // of row 0
  Elements b = Elements::random(DType::f32, panels.count * kDepth * panels.columns, 2);
  Elements bias = Elements::random(DType::f32, info.nr, 3);
  for (const std::int64_t columns : {std::int64_t{info.nr}, std::int64_t{info.nr} - 1, std::int64_t{1}}) {
    for (const bool real : {false, true}) {
      const std::int64_t stride = columns + 3;
      const DType to = real ? DType::f32 : info.dtype;
      Elements residual = Elements::random(to, kRows * stride, 4), dst(to, kRows * stride);
      ops::SparseRealTile tile{};
      tile.count = kRows;
      tile.panel_bytes = kDepth * panels.columns * ops::kStepBytes;
      tile.columns = columns;
      tile.bias = bias.as<float>();
      tile.residual = real ? nullptr : residual.data();
      tile.dst = dst.data();
      tile.residual_stride = tile.dst_stride = stride;
      tile.minimum = -1.5F;
      tile.maximum = kInf;
      tile.real = real;
      tile.ahead = b.data();
      tile.ahead_step = 64;
      in_parts(tile, info.nr, [&](ops::SparseRealTile& part, std::int64_t begin, std::int64_t end) {
        const Steps steps(a, panels.step_bytes, begin, end);
        part.rows = steps.runs.data();
        part.b = b.address(begin * panels.columns);
        kernel(part);
        if (!part.last) return;
        for (std::int64_t r = 0; r < kRows; ++r) {
          for (std::int64_t c = 0; c < stride; ++c) {
            const std::int64_t at = r * stride + c;
            if (c >= columns) {
              EXPECT_EQ(dst.at(at), 0) << "beyond the columns of row " << r;
              continue;
            }
            double sum = bias.at(c) + (real ? 0 : residual.at(at));
            double magnitude = std::abs(bias.at(c)) + (real ? 0 : std::abs(residual.at(at)));
            for (std::int64_t k = 0; k < kDepth; ++k) {
              const std::int64_t weight =
                  (c / panels.columns * kDepth + k) * panels.columns + c % panels.columns;
              const double product = a.at(r * kDepth + k) * b.at(weight);
              sum += product;
              magnitude += std::abs(product);
            }
            expect_near(dst.at(at), clamped(sum, -1.5, kInf), gamma(kDepth + 2) * magnitude, to, at);
          }
        }
        dst.expect_guards();
      });
    }
  }
}

void check(const ops::Kernel<ops::SparseQuantizedKernel>& kernel) {
  const ops::KernelInfo& info = *kernel.info;
  const Panels panels(info);
  Elements a = Elements::random(DType::u8, kRows * kDepth * 4, 1, 0, 255);
  for (std::int64_t i = 0; i < a.count(); ++i) {
    if (i / 4 % 3 != 1) a.set(i, 0);
  }
  // Sums of two products fit into 16 bits.
  Elements b = Elements::random(DType::s8, panels.count * kDepth * panels.columns * 4, 2, -63, 63);
  Elements bias = Elements::random(DType::s32, info.nr, 3, -9999, 9999);
  Elements scale = Elements::random(DType::f32, info.nr, 4, 1e-4, 2e-3);
  for (const std::int64_t columns : {std::int64_t{info.nr}, std::int64_t{info.nr} - 1, std::int64_t{1}}) {
    for (const ops::QuantizedFinish& finish : finishes()) {
      for (const bool with_residual : {false, true}) {
        const std::int64_t stride = columns + 3;
        Elements residual = Elements::random(DType::u8, kRows * stride, 5, 0, 255);
        Elements dst(stored_by(finish), kRows * stride);
        ops::SparseQuantizedTile tile{};
        tile.count = kRows;
        tile.panel_bytes = kDepth * panels.columns * ops::kStepBytes;
        tile.columns = columns;
        tile.bias = bias.as<std::int32_t>();
        tile.scale = scale.as<float>();
        tile.residual = with_residual ? residual.as<std::uint8_t>() : nullptr;
        tile.dst = dst.data();
        tile.finish = &finish;
        tile.residual_stride = tile.dst_stride = stride;
        in_parts(tile, info.nr, [&](ops::SparseQuantizedTile& part, std::int64_t begin, std::int64_t end) {
          const Steps steps(a, panels.step_bytes, begin, end);
          part.rows = steps.runs.data();
          part.b = b.address(begin * panels.columns * 4);
          kernel(part);
          if (!part.last) return;
          for (std::int64_t r = 0; r < kRows; ++r) {
            for (std::int64_t c = 0; c < stride; ++c) {
              const std::int64_t at = r * stride + c;
              if (c >= columns) {
                EXPECT_EQ(dst.at(at), 0) << "beyond the columns of row " << r;
                continue;
              }
              double sum = bias.at(c);
              for (std::int64_t k = 0; k < kDepth * 4; ++k) {
                const std::int64_t weight =
                    (c / panels.columns * kDepth + k / 4) * panels.columns + c % panels.columns;
                sum += a.at(r * kDepth * 4 + k) * b.at(weight * 4 + k % 4);
              }
              const float expected =
                  finish_quantized(finish, static_cast<std::int32_t>(sum), static_cast<float>(scale.at(c)),
                                   with_residual ? residual.as<std::uint8_t>(at) : nullptr);
              EXPECT_EQ(dst.at(at), expected) << at;
            }
          }
          dst.expect_guards();
        });
      }
    }
  }
}

void check(const ops::Kernel<ops::NonzeroKernel>& kernel) {
  const DType dtype = kernel.info->dtype;
  const std::int64_t in_step = dtype == DType::u8 ? 4 : 1;
  for (const std::int64_t steps : counts_around(kernel.info->nr)) {
    // The last step of bytes is not whole.
    const std::int64_t count = steps * in_step - (in_step > 1 ? 1 : 0);
    for (const int zeros : {0, 2, 3}) {
      Elements src = dtype == DType::u8 ? Elements::random(dtype, count, 1, 1, 255)
                                        : Elements::random(dtype, count, 1, 1, 2);
      for (std::int64_t i = 0; i < count; ++i) {
        if (zeros == 3 || (zeros == 2 && i / in_step % 3 != 1)) src.set(i, zeros == 3 ? -0.0 : 0.0);
      }
      if (is_float(dtype) && zeros == 2) src.set(0, kNan);
      std::vector<ops::SparseStep> expected;
      for (std::int64_t s = 0; s < steps; ++s) {
        std::uint32_t bits = 0;
        if (in_step == 1) {
          bits = src.at(s) == 0 ? 0 : std::bit_cast<std::uint32_t>(static_cast<float>(src.at(s)));
        } else {
          const std::int64_t left = std::min<std::int64_t>(4, count - s * 4);
          std::memcpy(&bits, src.as<std::uint8_t>(s * 4), static_cast<std::size_t>(left));
        }
        if (bits != 0) expected.push_back({bits, static_cast<std::uint32_t>(s * 24)});
      }
      std::vector<ops::SparseStep> dst(static_cast<std::size_t>(steps) + ops::kSparseSlack + 1, {7, 7});
      const ops::SparseStep* end =
          kernel({.src = src.data(), .count = count, .step_bytes = 24, .dst = dst.data()});
      ASSERT_EQ(end - dst.data(), static_cast<std::ptrdiff_t>(expected.size())) << steps;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(dst[i].offset, expected[i].offset) << i;
        const float value = std::bit_cast<float>(expected[i].bits);
        if (in_step == 1 && std::isnan(value)) {
          EXPECT_TRUE(std::isnan(std::bit_cast<float>(dst[i].bits)));
        } else {
          EXPECT_EQ(dst[i].bits, expected[i].bits) << i;
        }
      }
      EXPECT_EQ(dst.back().bits, 7U) << "behind the slack";
    }
  }
}

}  // namespace godwit::support
