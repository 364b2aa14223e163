// Pooling, channels-last: per output pixel the pointers to its window's pixels, then vectors of channels.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "ops/algorithms/conv_geometry.h"
#include "ops/algorithms/conv_rows.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/kernel_table.h"
#include "ops/pooling.h"
#include "ops/quantized.h"

namespace godwit::ops {
namespace {

struct PoolGeometry {
  std::int64_t batch, channels;
  Window window;
  WindowAxis d, h, w;  // the window's

  bool is_volume() const { return d.input > 1 || d.kernel > 1 || d.output > 1; }
  // Lines of the result, (N, D, H) counted through.
  std::int64_t lines() const { return batch * d.output * h.output; }
  WindowPosition position_of(std::int64_t line, std::int64_t ow) const {
    return {line / h.output % d.output, line % h.output, ow};
  }
};

PoolGeometry geometry_of(const NodeView& node) {
  const Window window = pool_window(node);
  return {node.shape(0)[0], node.shape(0)[1], window, window.d(), window.h(), window.w()};
}

// Pointers to the pixels inside the image under the window of output pixel ow of line `line`, and their
// number.
std::int64_t fill_window(const PoolGeometry& g, const Pixels& src, std::int64_t line, std::int64_t ow,
                         const void** pointers) {
  const auto* data = static_cast<const std::byte*>(src.data);
  const WindowPosition at = g.position_of(line, ow);
  const std::int64_t volume = line / g.h.output / g.d.output * g.d.input;
  std::int64_t count = 0;
  for (std::int64_t kd = 0; kd < g.d.kernel; ++kd) {
    const std::int64_t id = g.d.position(at.d, kd);
    if (!g.d.contains(id)) continue;
    const std::int64_t image = (volume + id) * g.h.input - src.first_line;
    for (std::int64_t kh = 0; kh < g.h.kernel; ++kh) {
      const std::int64_t ih = g.h.position(at.h, kh);
      if (!g.h.contains(ih)) continue;
      for (std::int64_t kw = 0; kw < g.w.kernel; ++kw) {
        const std::int64_t iw = g.w.position(ow, kw);
        if (g.w.contains(iw)) pointers[count++] = data + ((image + ih) * g.w.input + iw) * src.pixel_bytes;
      }
    }
  }
  return count;
}

// Reads windows through pointers to their pixels.
class WindowExecutable : public Executable {
 public:
  explicit WindowExecutable(const NodeView& node) : geometry_(geometry_of(node)) {}

  Scratch scratch() const override {
    return {.shared = 0,
            .per_worker = static_cast<std::size_t>(geometry_.window.taps()) * sizeof(const void*)};
  }

 protected:
  // By what an average is divided whose window has `inside` pixels in the image.
  std::int64_t divisor(bool count_pads, std::int64_t line, std::int64_t ow, std::int64_t inside) const {
    return count_pads ? count_taps(geometry_.window, geometry_.position_of(line, ow), true) : inside;
  }

  PoolGeometry geometry_;
};

// The same line by line.
class LinePool : public WindowExecutable, public RowStreaming {
 public:
  using WindowExecutable::WindowExecutable;

  void run(const RunArgs& args, const Worker& worker) const final {
    run_rows(args, {.lines = worker.share(geometry_.lines()), .src = args.src[0], .dst = args.dst[0]});
  }
  const RowStreaming* row_streaming() const final { return geometry_.is_volume() ? nullptr : this; }
  Worker::Range rows_read(Worker::Range lines) const final { return ops::rows_read(geometry_.h, lines); }
};

class PoolExecutable final : public LinePool {
 public:
  PoolExecutable(const NodeView& node, const PrepareContext& context, Family<PoolKernel> family)
      : LinePool(node),
        kernel_(find_kernel(family, node.input(0).dtype, context.target.isa)),
        average_(family == families::sum_pool),
        count_pads_(average_ && node.attributes.flag("count_include_pad", false)),
        empty_(static_cast<std::size_t>(geometry_.channels) * size_of(kernel_.info->dtype)) {
    const double value = average_ ? 0.0 : -std::numeric_limits<double>::infinity();
    const TensorView view{{kernel_.info->dtype, {geometry_.channels}, Layout::nchw}, empty_.data()};
    for (std::int64_t c = 0; c < geometry_.channels; ++c) set_real(view, c, value);
  }

  std::string kernel() const override { return name_of(*kernel_.info); }

  void run_rows(const RunArgs& args, const RowPart& part) const override {
    const PoolGeometry& g = geometry_;
    const auto pixel_bytes = static_cast<std::int64_t>(empty_.size());
    const Pixels src{part.src, pixel_bytes, nullptr, part.src_line};
    auto** taps = reinterpret_cast<const void**>(args.worker_scratch);
    PoolPixel pixel{.src = taps, .dst = nullptr, .taps = 0, .channels = g.channels, .scale = 1.0F};
    for (std::int64_t line = part.lines.begin; line < part.lines.end; ++line) {
      for (std::int64_t ow = 0; ow < g.w.output; ++ow) {
        pixel.taps = fill_window(g, src, line, ow, taps);
        pixel.dst =
            static_cast<std::byte*>(part.dst) + ((line - part.dst_line) * g.w.output + ow) * pixel_bytes;
        if (pixel.taps == 0) {
          std::memcpy(pixel.dst, empty_.data(), empty_.size());
          continue;
        }
        if (average_) {
          pixel.scale = 1.0F / static_cast<float>(divisor(count_pads_, line, ow, pixel.taps));
        }
        kernel_(pixel);
      }
    }
  }

 private:
  Kernel<PoolKernel> kernel_;
  bool average_;
  bool count_pads_;
  std::vector<std::byte> empty_;  // the result of a window wholly in the padding
};

// The maximum of 8-bit numbers.
class BytePool final : public LinePool {
 public:
  BytePool(const NodeView& node, const PrepareContext& context)
      : LinePool(node),
        kernel_(find_kernel(families::quantized_max_pool, node.input(0).dtype, context.target.isa)),
        lowest_(node.input(0).dtype == DType::s8 ? std::byte{0x80} : std::byte{0}) {}

  std::string kernel() const override { return name_of(*kernel_.info); }

  void run_rows(const RunArgs& args, const RowPart& part) const override {
    const PoolGeometry& g = geometry_;
    auto** taps = reinterpret_cast<const void**>(args.worker_scratch);
    BytePoolPixel pixel{.src = taps, .dst = nullptr, .taps = 0, .channels = g.channels};
    const Pixels src{part.src, g.channels, nullptr, part.src_line};
    for (std::int64_t line = part.lines.begin; line < part.lines.end; ++line) {
      for (std::int64_t ow = 0; ow < g.w.output; ++ow) {
        pixel.taps = fill_window(g, src, line, ow, taps);
        auto* dst =
            static_cast<std::byte*>(part.dst) + ((line - part.dst_line) * g.w.output + ow) * g.channels;
        pixel.dst = dst;
        if (pixel.taps == 0) {
          std::fill_n(dst, g.channels, lowest_);
        } else {
          kernel_(pixel);
        }
      }
    }
  }

 private:
  Kernel<BytePoolKernel> kernel_;
  std::byte lowest_;
};

// The mean of 8-bit numbers; blocks of channels are shared among the workers, since one image may have one
// output pixel only.
class ByteAverage final : public WindowExecutable {
 public:
  ByteAverage(const NodeView& node, const PrepareContext& context)
      : WindowExecutable(node),
        count_pads_(node.attributes.flag("count_include_pad", false)),
        kernel_(find_kernel(families::quantized_sum_pool, DType::u8, context.target.isa)) {
    const std::vector<TensorView> operands = constant_operands(node, kNoWeights);
    end_ = quantized_end(node, operands, RequantizeOperand::dst_scale);
    src_scale_ = constant_scale(node, RequantizeOperand::src_scale);
    zero_point_ = quantized_term(operands, RequantizeOperand::src_scale).zero_point;
  }

  std::string kernel() const override { return name_of(*kernel_.info); }
  bool reads_constant(std::size_t i) const override { return i == RequantizeOperand::src; }

  void run(const RunArgs& args, const Worker& worker) const override {
    constexpr std::int64_t kBlock = 64;  // channels: whole vectors of every ISA
    const PoolGeometry& g = geometry_;
    const std::int64_t blocks = (g.channels + kBlock - 1) / kBlock;
    const std::int64_t number_bytes = end_.finish.real ? std::int64_t{sizeof(float)} : 1;
    auto** taps = reinterpret_cast<const void**>(args.worker_scratch);
    BytePoolSum pixel{};
    pixel.src = taps;
    pixel.finish = &end_.finish;
    const Worker::Range share = worker.share(g.lines() * g.w.output * blocks);
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      const std::int64_t at = i / blocks, line = at / g.w.output, ow = at % g.w.output;
      if (i == share.begin || i % blocks == 0) {
        pixel.taps = fill_window(g, {args.src[0], g.channels}, line, ow, taps);
        pixel.zero = static_cast<float>(pixel.taps) * zero_point_;
        const std::int64_t pixels = divisor(count_pads_, line, ow, pixel.taps);
        pixel.factor = average_factor(src_scale_, end_.step, std::max<std::int64_t>(pixels, 1));
        pixel.dst = static_cast<std::byte*>(args.dst[0]) + at * g.channels * number_bytes;
      }
      pixel.first = i % blocks * kBlock;
      pixel.last = std::min(pixel.first + kBlock, g.channels);
      kernel_(pixel);
    }
  }

 private:
  bool count_pads_;
  Kernel<BytePoolSumKernel> kernel_;
  QuantizedEnd end_;
  float src_scale_ = 1, zero_point_ = 0;
};

std::string reject_layout(const NodeView& node) {
  if (node.input(0).layout != Layout::nhwc || node.outputs[0].layout != Layout::nhwc)
    return "needs nhwc tensors";
  if (node.output_count > 1) return "gives no indices";
  if (node.shape(0).elements() == 0 || node.outputs[0].shape.elements() == 0) return "has nothing to compute";
  return {};
}

std::string reject_bytes(const NodeView& node, const Target&) {
  if (node.input(0).dtype != DType::u8 && node.input(0).dtype != DType::s8) return "needs u8 or s8";
  return reject_layout(node);
}

std::string reject_byte_average(const NodeView& node, const Target&) {
  for (std::size_t i = 1; i < node.own_inputs(); ++i) {
    if (!known_or_absent(node, i)) return "needs scales and zero points known at compile time";
  }
  if (std::string reason = reject_layout(node); !reason.empty()) return reason;
  const PoolGeometry g = geometry_of(node);
  if (work_product({g.d.kernel, g.h.kernel, g.w.kernel}) > kMostAveraged)
    return "is for windows of up to 65,536 pixels";
  return {};
}

std::string reject_nhwc(const NodeView& node, const Target&) {
  if (!is_kernel_float(node.input(0).dtype)) return "needs f32, f16 or bf16";
  return reject_layout(node);
}

bool is_no_volume(const NodeView& node) { return node.shape(0).rank() < 5; }

// Sums columns of (H·W, C), blocks of channels shared among the workers.
class GlobalAverage final : public Executable {
 public:
  GlobalAverage(const NodeView& node, const PrepareContext& context)
      : batch_(node.shape(0)[0]),
        channels_(node.shape(0)[1]),
        pixels_(node.shape(0).product(2, node.shape(0).rank())),
        kernel_(find_kernel(families::sum_columns, node.input(0).dtype, context.target.isa)) {}

  std::string kernel() const override { return name_of(*kernel_.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    constexpr std::int64_t kBlock = 64;  // channels: whole vectors of every ISA, whole cache lines
    const std::int64_t blocks = (channels_ + kBlock - 1) / kBlock;
    const auto size = static_cast<std::int64_t>(size_of(kernel_.info->dtype));
    const Worker::Range share = worker.share(batch_ * blocks);
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      const std::int64_t n = i / blocks;
      const std::int64_t c = i % blocks * kBlock;
      kernel_({.src = static_cast<const std::byte*>(args.src[0]) + (n * pixels_ * channels_ + c) * size,
               .dst = static_cast<std::byte*>(args.dst[0]) + (n * channels_ + c) * size,
               .rows = pixels_,
               .stride = channels_,
               .channels = std::min(kBlock, channels_ - c),
               .scale = 1.0F / static_cast<float>(pixels_)});
    }
  }

 private:
  std::int64_t batch_, channels_, pixels_;
  Kernel<ColumnSumKernel> kernel_;
};

// The largest of columns of (pixels, C), blocks of channels shared among the workers. Some pixels at a time
// are compared with the largest so far.
class GlobalMax final : public Executable {
 public:
  GlobalMax(const NodeView& node, const PrepareContext& context)
      : batch_(node.shape(0)[0]),
        channels_(node.shape(0)[1]),
        pixels_(node.shape(0).product(2, node.shape(0).rank())),
        kernel_(find_kernel(families::max_pool, node.input(0).dtype, context.target.isa)) {}

  std::string kernel() const override { return name_of(*kernel_.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    constexpr std::int64_t kBlock = 64;  // channels: whole vectors of every ISA, whole cache lines
    constexpr std::int64_t kPixels = 64;
    const std::int64_t blocks = (channels_ + kBlock - 1) / kBlock;
    const auto size = static_cast<std::int64_t>(size_of(kernel_.info->dtype));
    const void* pointers[kPixels + 1];
    const Worker::Range share = worker.share(batch_ * blocks);
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      const std::int64_t n = i / blocks, c = i % blocks * kBlock;
      const auto* src = static_cast<const std::byte*>(args.src[0]) + (n * pixels_ * channels_ + c) * size;
      PoolPixel pixel{.src = pointers,
                      .dst = static_cast<std::byte*>(args.dst[0]) + (n * channels_ + c) * size,
                      .taps = 0,
                      .channels = std::min(kBlock, channels_ - c),
                      .scale = 1.0F};
      for (std::int64_t p = 0; p < pixels_;) {
        pixel.taps = 0;
        if (p > 0) pointers[pixel.taps++] = pixel.dst;
        for (const std::int64_t end = std::min(p + kPixels, pixels_); p < end; ++p)
          pointers[pixel.taps++] = src + p * channels_ * size;
        kernel_(pixel);
      }
    }
  }

 private:
  std::int64_t batch_, channels_, pixels_;
  Kernel<PoolKernel> kernel_;
};

}  // namespace

const Implementation global_max_pool_nhwc{
    "global_max_pool_nhwc", "the largest of columns, blocks of channels", reject_nhwc,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<GlobalMax>(node, context);
    }};

const Implementation max_pool_nhwc{
    "max_pool_nhwc",
    "the window's pixels by pointer, vectors of channels",
    reject_nhwc,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<PoolExecutable>(node, context, families::max_pool);
    },
    nullptr,
    is_no_volume};

const Implementation max_pool_bytes{
    "max_pool_bytes",
    "8-bit numbers: the window's pixels by pointer, vectors of channels",
    reject_bytes,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<BytePool>(node, context);
    },
    nullptr,
    is_no_volume};

const Implementation average_pool_nhwc{
    "average_pool_nhwc",
    "the window's pixels by pointer, vectors of channels",
    reject_nhwc,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<PoolExecutable>(node, context, families::sum_pool);
    },
    nullptr,
    is_no_volume};

const Implementation average_pool_bytes{
    "average_pool_bytes", "8-bit numbers: the window's pixels by pointer, vectors of channels",
    reject_byte_average,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ByteAverage>(node, context);
    }};

const Implementation global_average_pool_nhwc{
    "global_average_pool_nhwc", "sums of columns, blocks of channels", reject_nhwc,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<GlobalAverage>(node, context);
    }};

}  // namespace godwit::ops
