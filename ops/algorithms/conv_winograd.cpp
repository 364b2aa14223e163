// 3×3 convolution of stride 1 by Winograd's minimal filtering: transformed input tiles and weights meet in
// one GEMM for each of the (m + 2)² points, and the results are transformed back with the epilogue.
#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"
#include "ops/algorithms/winograd.h"
#include "runtime/memory.h"

namespace godwit::ops {
namespace {

// One cache line between planes: without it, planes whose size is a multiple of 4 KiB would share their L1
// sets.
constexpr std::int64_t kPlanePad = kAlignment / sizeof(float);

// Tiles that workers transform together before each of them multiplies its share of the panels.
constexpr std::int64_t kSharedTiles = 64;

struct TileGrid {
  std::int64_t m, edge, planes;
  std::int64_t high, wide, tiles;  // tiles over all images
};

TileGrid grid_of(const ConvGeometry& g, std::int64_t m) {
  const std::int64_t high = (g.h.output + m - 1) / m;
  const std::int64_t wide = (g.w.output + m - 1) / m;
  return {m, m + 2, (m + 2) * (m + 2), high, wide, g.batch * high * wide};
}

class ConvWinograd final : public Executable {
 public:
  ConvWinograd(const NodeView& node, const PrepareContext& context, std::int64_t m)
      : geometry_(conv_geometry(node)),
        grid_(grid_of(geometry_, m)),
        kernels_(gemm_kernels(context.target.isa)),
        layout_{geometry_.oc, grid_.planes * geometry_.ic, kernels_.nr},
        epilogue_(node.epilogue),
        residual_index_(node.inputs.size() - 1),
        zeros_(static_cast<std::size_t>(geometry_.ic), 0.0F) {
    const Isa isa = context.target.isa;
    const bool small = m == 2;
    input_ = find_function<WinogradInputFunction>(
        small ? KernelFamily::winograd2_input : KernelFamily::winograd4_input, DType::f32, isa);
    output_ = find_function<WinogradOutputFunction>(
        small ? KernelFamily::winograd2_output : KernelFamily::winograd4_output, DType::f32, isa);
    const Tensor& weights = *node.inputs[1].constant;
    weights_ = context.weights.get(
        weights, fmt::format("winograd{}_panels_{}", m, layout_.nr), layout_.bytes(),
        [&](std::byte* dst) { pack(weights, context.threads, reinterpret_cast<float*>(dst)); });
    if (node.own_inputs() > 2 && node.has_input(2)) {
      const auto values = node.inputs[2].constant->values<float>();
      bias_.assign(values.begin(), values.end());
      bias_.resize(static_cast<std::size_t>(layout_.panels() * layout_.nr), 0.0F);
    }
    // Transformed input of one block stays in half the L2; a little more rather than a second, small block.
    const auto tile_bytes =
        static_cast<std::int64_t>(grid_.planes * geometry_.ic) * std::int64_t{sizeof(float)};
    block_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(cache_sizes().l2 / 2) / tile_bytes,
                                      kernels_.mr, kSharedTiles);
    const std::int64_t image = grid_.high * grid_.wide;
    if (image <= block_ * 3 / 2 && image <= kSharedTiles) block_ = std::max(block_, image);
  }

  bool may_overwrite_residual() const override { return true; }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t i) const override { return i > 2; }

  Scratch scratch() const override {
    const std::int64_t mine = src_floats(block_) + product_floats();
    return {.shared = static_cast<std::size_t>(src_floats(kSharedTiles)) * sizeof(float),
            .per_worker = static_cast<std::size_t>(mine) * sizeof(float)};
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    auto* mine = reinterpret_cast<float*>(args.worker_scratch);
    float* product = mine + src_floats(block_);
    if (grid_.tiles >= kernels_.mr * worker.count) {
      // Enough tiles for everybody: each worker transforms and multiplies its own.
      const Worker::Range share = worker.share(grid_.tiles);
      const std::int64_t count = share.end - share.begin;
      const std::int64_t blocks = (count + block_ - 1) / block_;
      for (std::int64_t b = 0; b < blocks; ++b) {
        const std::int64_t first = share.begin + count * b / blocks;
        const std::int64_t last = share.begin + count * (b + 1) / blocks;
        transform(args, mine, first, first, last);
        multiply(args, mine, product, first, last - first, {0, layout_.panels()});
      }
      return;
    }
    // Few tiles: together transform them, then each worker multiplies all of them by its part of the weights.
    auto* shared = reinterpret_cast<float*>(args.shared_scratch);
    for (std::int64_t first = 0; first < grid_.tiles; first += block_) {
      const std::int64_t count = std::min(block_, grid_.tiles - first);
      const Worker::Range part = worker.share(count);
      transform(args, shared, first, first + part.begin, first + part.end);
      worker.barrier();
      multiply(args, shared, product, first, count, worker.share(layout_.panels()));
      if (first + block_ < grid_.tiles) worker.barrier();
    }
  }

 private:
  std::int64_t src_plane(std::int64_t tiles) const { return tiles * geometry_.ic + kPlanePad; }
  std::int64_t src_floats(std::int64_t tiles) const { return grid_.planes * src_plane(tiles); }
  std::int64_t product_plane() const { return block_ * kernels_.nr + kPlanePad; }
  std::int64_t product_floats() const { return grid_.planes * product_plane(); }

  // (oc, ic, 3, 3) to panels of (planes, ic, nr), all columns of a panel at a time; threads share the panels.
  void pack(const Tensor& weights, int threads, float* dst) const {
    const Tensor resident = weights.resident();
    const float* src = resident.values<float>().data();
    const std::int64_t ic = geometry_.ic;
    run_team(threads, [&](const Worker& worker) {
      const Worker::Range panels = worker.share(layout_.panels());
      for (std::int64_t p = panels.begin; p < panels.end; ++p) {
        const int width = layout_.width(p);
        const auto columns = static_cast<int>(std::min<std::int64_t>(width, geometry_.oc - p * layout_.nr));
        for (std::int64_t i = 0; i < ic; ++i) {
          winograd_filters(grid_.m, {.src = src + (p * layout_.nr * ic + i) * 9,
                                     .src_stride = ic * 9,
                                     .dst = dst + layout_.offset(p) + i * width,
                                     .dst_plane = ic * width,
                                     .count = columns,
                                     .padded = width});
        }
      }
    });
  }

  struct TileAt {
    std::int64_t n, h, w;  // image, first output row and column
  };
  TileAt at(std::int64_t tile) const {
    const std::int64_t image = grid_.high * grid_.wide;
    return {tile / image, tile % image / grid_.wide * grid_.m, tile % grid_.wide * grid_.m};
  }

  // Tiles [first, last) into planes whose first row is tile `origin`.
  void transform(const RunArgs& args, float* planes, std::int64_t origin, std::int64_t first,
                 std::int64_t last) const {
    const ConvGeometry& g = geometry_;
    const auto* src = static_cast<const float*>(args.src[0]);
    const float* pixels[kMaxPlanes];
    const std::int64_t block =
        planes == reinterpret_cast<float*>(args.shared_scratch) ? kSharedTiles : block_;
    for (std::int64_t t = first; t < last; ++t) {
      const TileAt tile = at(t);
      const float* image = src + tile.n * g.h.input * g.w.input * g.ic;
      for (std::int64_t i = 0; i < grid_.edge; ++i) {
        const std::int64_t ih = tile.h - g.h.pad_begin + i;
        for (std::int64_t j = 0; j < grid_.edge; ++j) {
          const std::int64_t iw = tile.w - g.w.pad_begin + j;
          const bool inside = ih >= 0 && ih < g.h.input && iw >= 0 && iw < g.w.input;
          pixels[i * grid_.edge + j] = inside ? image + (ih * g.w.input + iw) * g.ic : zeros_.data();
        }
      }
      input_(
          {.src = pixels, .dst = planes + (t - origin) * g.ic, .plane = src_plane(block), .channels = g.ic});
    }
  }

  // Tiles [first, first + count), already in `planes`, by the given panels, into dst.
  void multiply(const RunArgs& args, const float* planes, float* product, std::int64_t first,
                std::int64_t count, Worker::Range panels) const {
    const std::int64_t ic = geometry_.ic;
    const std::int64_t block =
        planes == reinterpret_cast<float*>(args.shared_scratch) ? kSharedTiles : block_;
    const std::int64_t mr = kernels_.mr;
    const std::int64_t steps = (count + mr - 1) / mr;
    const void* rows[GemmKernels::kMaxRows];
    for (std::int64_t p = panels.begin; p < panels.end; ++p) {
      const int width = layout_.width(p);
      const auto& by_rows = kernels_.by_rows[layout_.half(p) ? 0 : 1];
      const float* weights = reinterpret_cast<const float*>(weights_.get()) + layout_.offset(p);
      for (std::int64_t plane = 0; plane < grid_.planes; ++plane) {
        GemmTile gemm{};
        gemm.a = rows;
        gemm.b = weights + plane * ic * width;
        gemm.taps = 1;
        gemm.depth = ic;
        gemm.dst_stride = width;
        gemm.columns = width;
        gemm.minimum = -std::numeric_limits<float>::infinity();
        gemm.maximum = std::numeric_limits<float>::infinity();
        for (std::int64_t s = 0; s < steps; ++s) {
          const std::int64_t begin = count * s / steps;
          const auto height = static_cast<int>(count * (s + 1) / steps - begin);
          for (int r = 0; r < height; ++r) rows[r] = planes + plane * src_plane(block) + (begin + r) * ic;
          gemm.dst = product + plane * product_plane() + begin * width;
          by_rows[height](gemm);
        }
      }
      finish(args, product, first, count, p);
    }
  }

  // The products of one panel back to output pixels.
  void finish(const RunArgs& args, const float* product, std::int64_t first, std::int64_t count,
              std::int64_t panel) const {
    const ConvGeometry& g = geometry_;
    const int width = layout_.width(panel);
    const std::int64_t column = panel * layout_.nr;
    const auto* residual =
        epilogue_.residual ? static_cast<const float*>(args.src[residual_index_]) : nullptr;
    float* dst[kMaxOutputs];
    const float* added[kMaxOutputs];
    for (std::int64_t t = 0; t < count; ++t) {
      const TileAt tile = at(first + t);
      for (std::int64_t i = 0; i < grid_.m; ++i) {
        for (std::int64_t j = 0; j < grid_.m; ++j) {
          const bool inside = tile.h + i < g.h.output && tile.w + j < g.w.output;
          const std::int64_t pixel = (tile.n * g.h.output + tile.h + i) * g.w.output + tile.w + j;
          dst[i * grid_.m + j] = inside ? static_cast<float*>(args.dst[0]) + pixel * g.oc + column : nullptr;
          added[i * grid_.m + j] = inside && residual != nullptr ? residual + pixel * g.oc + column : nullptr;
        }
      }
      output_({.src = product + t * width,
               .plane = product_plane(),
               .dst = dst,
               .residual = residual != nullptr ? added : nullptr,
               .bias = bias_.empty() ? nullptr : bias_.data() + column,
               .channels = std::min<std::int64_t>(width, g.oc - column),
               .minimum = epilogue_.minimum,
               .maximum = epilogue_.maximum});
    }
  }

  static constexpr std::size_t kMaxPlanes = 36;
  static constexpr std::size_t kMaxOutputs = 16;

  ConvGeometry geometry_;
  TileGrid grid_;
  const GemmKernels& kernels_;
  PanelLayout layout_;
  Epilogue epilogue_;
  std::size_t residual_index_;
  std::vector<float> zeros_;
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;
  WinogradInputFunction* input_ = nullptr;
  WinogradOutputFunction* output_ = nullptr;
  std::int64_t block_ = 1;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  const ConvGeometry g = conv_geometry(node);
  if (g.group != 1) return "needs a single group";
  if (g.h.kernel != 3 || g.w.kernel != 3) return "needs a 3×3 kernel";
  if (g.h.stride != 1 || g.w.stride != 1 || g.h.dilation != 1 || g.w.dilation != 1) {
    return "needs stride and dilation 1";
  }
  return {};
}

template <std::int64_t M>
double cost(const NodeView& node, const Target& target) {
  return winograd_cost(conv_geometry(node), M, target.isa);
}

template <std::int64_t M>
std::unique_ptr<Executable> prepare(const NodeView& node, const PrepareContext& context) {
  return std::make_unique<ConvWinograd>(node, context, M);
}

}  // namespace

const Implementation conv_winograd4{"conv_winograd4", "F(4×4, 3×3): 4 times fewer multiplications", reject,
                                    prepare<4>, cost<4>};
const Implementation conv_winograd2{"conv_winograd2", "F(2×2, 3×3): 2.25 times fewer multiplications", reject,
                                    prepare<2>, cost<2>};

}  // namespace godwit::ops
