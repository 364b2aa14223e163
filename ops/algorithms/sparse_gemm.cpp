// Blocks of rows, parts of the inner dimension and groups of panels around the kernels that skip zeros.
#include "ops/algorithms/sparse_gemm.h"

#include <algorithm>

namespace godwit::ops {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// A part's depth is a multiple of every ISA's vectors.
constexpr std::int64_t kWhole = 16;

// Rows that read the same weights from the L1: more of them would save little.
constexpr std::int64_t kMostRows = 256;

// Runs of a block, which fill a quarter of the L2.
constexpr std::int64_t kMostRuns = 8192;

// Lists are a little longer than a few rows let expect.
constexpr double kReserve = 1.15;

std::size_t after(std::size_t begin, std::int64_t count, std::size_t bytes) {
  return begin + align_up(static_cast<std::size_t>(count) * bytes);
}

}  // namespace

SparseBlocking::SparseBlocking(const SparseKernelSizes& kernels, const GemmShape& shape, int step_bytes) {
  const std::int64_t all = std::max<std::int64_t>(ceil_div(shape.columns, kernels.panel), 1);
  panels = ceil_div(all, ceil_div(all, SparseKernelSizes::kMaxPanels));
  const std::int64_t width = panels * kernels.panel;
  const std::int64_t fits =
      static_cast<std::int64_t>(cache_sizes().l1d * 3 / 4 / sizeof(float)) / width / kWhole * kWhole;
  const std::int64_t least = std::max<std::int64_t>(ceil_div(shape.depth, std::max(fits, kWhole)), 1);
  depth = std::max(ceil_div(ceil_div(shape.depth, least), kWhole) * kWhole, kWhole);
  tap_parts = std::max<std::int64_t>(ceil_div(shape.depth, depth), 1);
  parts = shape.taps * tap_parts;
  rows = std::clamp<std::int64_t>(std::min(shape.rows, kMostRuns / parts), 1, kMostRows);
  const auto room = static_cast<std::int64_t>(cache_sizes().l2 / 2 / sizeof(SparseStep));
  steps = shape.taps > 1 ? shape.depth : std::max(std::min(rows * shape.depth, room), shape.depth);
  steps += kSparseSlack;

  const bool dst_f32 = step_bytes < static_cast<int>(sizeof(float));
  runs_begin = after(0, rows * shape.taps, sizeof(const void*));
  steps_begin = after(runs_begin, rows * parts, sizeof(SparseRun));
  sums_begin = after(steps_begin, steps, sizeof(SparseStep));
  widened_begin = after(sums_begin, parts > 1 ? rows * width : 0, sizeof(float));
  scratch_bytes = after(widened_begin, dst_f32 ? depth * width : 0, sizeof(float));
}

std::size_t SparsePixels::scratch_bytes(std::int64_t count, const GemmShape& shape,
                                        const SparseBlocking& blocking) {
  return after(after(0, count * blocking.tap_parts, sizeof(SparseRun)), count * shape.depth + kSparseSlack,
               sizeof(SparseStep));
}

SparseWalk::SparseWalk(const SparseWork& work, Worker::Range panels, std::byte* scratch)
    : work_(work),
      blocking_(*work.kernels, work.shape, work.layout.step_bytes),
      panels_(panels),
      pointers_(reinterpret_cast<const void**>(scratch)),
      runs_(reinterpret_cast<SparseRun*>(scratch + blocking_.runs_begin)),
      steps_(reinterpret_cast<SparseStep*>(scratch + blocking_.steps_begin)),
      sums_(scratch + blocking_.sums_begin),
      widened_(reinterpret_cast<float*>(scratch + blocking_.widened_begin)) {}

std::int64_t SparseWalk::count_steps(const void* row) const {
  return work_.kernels->nonzeros({.src = row, .count = work_.numbers, .step_bytes = 0, .dst = steps_}) -
         steps_;
}

std::int64_t SparseWalk::likely_rows() const {
  if (work_.shape.taps > 1) return blocking_.rows;
  const double row = density_ * kReserve * static_cast<double>(work_.shape.depth) + 1;
  const double rows =
      std::min(static_cast<double>(blocking_.steps) / row, static_cast<double>(blocking_.rows));
  return std::max<std::int64_t>(static_cast<std::int64_t>(rows), 1);
}

// One run for each part, `stride` from the next one. Returns where the steps end.
SparseStep* SparseWalk::find_steps(const void* row, SparseStep* steps, SparseRun* runs,
                                   std::int64_t stride) const {
  const auto step_bytes = static_cast<std::uint32_t>(work_.layout.nr * static_cast<int>(sizeof(float)));
  for (std::int64_t part = 0; part < blocking_.tap_parts; ++part) {
    const std::int64_t first = part * blocking_.depth * work_.step_numbers;
    SparseStep* const end = work_.kernels->nonzeros(
        {.src = static_cast<const std::byte*>(row) + first * work_.number_bytes,
         .count = std::min(blocking_.depth * work_.step_numbers, work_.numbers - first),
         .step_bytes = step_bytes,
         .dst = steps});
    runs[part * stride] = {steps, end - steps};
    steps = end;
  }
  return steps;
}

std::int64_t SparseWalk::multiply(std::int64_t first, std::int64_t rows) {
  SparseStep* next = steps_;
  std::int64_t found = 0;
  for (; found < rows && steps_ + blocking_.steps - next >= work_.shape.depth + kSparseSlack; ++found)
    next = find_steps(pointers_[found], next, runs_ + found, rows);
  block_rows_ = rows;  // as runs lie, whether there was room for all of them or not
  multiply_rows(first, found);
  return found;
}

void SparseWalk::find_steps(const SparsePixels& pixels, const Worker& worker) const {
  auto* runs = reinterpret_cast<SparseRun*>(pixels.scratch);
  auto* steps = reinterpret_cast<SparseStep*>(pixels.scratch +
                                              after(0, pixels.count * blocking_.tap_parts, sizeof *runs));
  const Worker::Range share = worker.share(pixels.count);
  steps += share.begin * work_.shape.depth;
  SparseStep* const end = steps + (share.end - share.begin) * work_.shape.depth;
  for (std::int64_t p = share.begin; p < share.end; ++p) {
    const std::byte* const pixel = pixels.data + p * pixels.bytes;
    SparseRun* const to = runs + p * blocking_.tap_parts;
    if (end - steps >= work_.shape.depth + kSparseSlack) {
      steps = find_steps(pixel, steps, to, 1);
      continue;
    }
    // A kernel writes behind its last step, where the next worker's steps lie.
    const std::int64_t count = find_steps(pixel, steps_, to, 1) - steps_;
    std::copy_n(steps_, count, steps);
    for (std::int64_t part = 0; part < blocking_.tap_parts; ++part)
      to[part].begin = steps + (to[part].begin - steps_);
    steps += count;
  }
}

void SparseWalk::multiply(const SparsePixels& pixels, std::int64_t first, std::int64_t rows) {
  const auto* runs = reinterpret_cast<const SparseRun*>(pixels.scratch);
  const std::byte* const end = pixels.data + pixels.count * pixels.bytes;
  for (std::int64_t i = 0; i < work_.shape.taps * rows; ++i) {
    const auto* pixel = static_cast<const std::byte*>(pointers_[i]);
    const std::int64_t tap = i / rows, row = i % rows;
    const bool inside = pixel >= pixels.data && pixel < end;
    const SparseRun* from =
        inside ? runs + (pixel - pixels.data) / pixels.bytes * blocking_.tap_parts : nullptr;
    for (std::int64_t part = 0; part < blocking_.tap_parts; ++part) {
      runs_[(tap * blocking_.tap_parts + part) * rows + row] = inside ? from[part] : SparseRun{steps_, 0};
    }
  }
  block_rows_ = rows;
  multiply_rows(first, rows);
}

void SparseWalk::multiply_rows(std::int64_t first, std::int64_t rows) {
  // Half a panel goes by itself.
  const std::int64_t whole = panels_.end - (work_.layout.half(panels_.end - 1) ? 1 : 0);
  const std::int64_t panels = whole - panels_.begin;
  const std::int64_t groups = ceil_div(panels, blocking_.panels);
  for (std::int64_t g = 0; g < groups; ++g) {
    multiply_panels(first, rows,
                    {panels_.begin + panels * g / groups, panels_.begin + panels * (g + 1) / groups});
  }
  if (whole < panels_.end) multiply_panels(first, rows, {whole, panels_.end});
}

std::int64_t SparseWalk::begin_of(std::int64_t part) const {
  return part / blocking_.tap_parts * work_.shape.depth + part % blocking_.tap_parts * blocking_.depth;
}

std::int64_t SparseWalk::depth_of(std::int64_t part) const {
  return std::min(blocking_.depth, work_.shape.depth - part % blocking_.tap_parts * blocking_.depth);
}

const std::byte* SparseWalk::weights_of(std::int64_t panel, std::int64_t part) const {
  return work_.weights +
         (work_.layout.offset(panel) + begin_of(part) * work_.layout.width(panel)) * work_.layout.step_bytes;
}

void SparseWalk::multiply_panels(std::int64_t first, std::int64_t rows, Worker::Range panels) {
  const PanelLayout& layout = work_.layout;
  const int width = layout.width(panels.begin);
  SparseTile tile{};
  tile.count = rows;
  tile.sums = sums_;
  tile.columns = std::min((panels.end - panels.begin) * width, layout.columns - panels.begin * layout.nr);
  const bool streams =
      work_.dst_f32 == nullptr && !layout.half(panels.begin) && layout.bytes() > cache_sizes().l2 / 2;
  for (std::int64_t part = 0; part < blocking_.parts; ++part) {
    tile.rows = runs_ + part * block_rows_;
    tile.first = part == 0;
    tile.last = part + 1 == blocking_.parts;
    if (work_.dst_f32 != nullptr) {
      const std::int64_t numbers = depth_of(part) * width;
      for (std::int64_t p = panels.begin; p < panels.end; ++p)
        work_.dst_f32->convert(weights_of(p, part), numbers, widened_ + (p - panels.begin) * numbers);
      tile.b = widened_;
      tile.panel_bytes = numbers * static_cast<std::int64_t>(sizeof(float));
    } else {
      tile.b = weights_of(panels.begin, part);
      tile.panel_bytes = layout.nr * layout.inner * layout.step_bytes;
    }
    // Behind the last part come the next panels.
    tile.ahead_step = 0;
    if (streams && (!tile.last || panels.end < panels_.end)) {
      tile.ahead = tile.last ? weights_of(panels.end, 0) : weights_of(panels.begin, part + 1);
      tile.ahead_step = ceil_div(blocking_.depth * layout.nr * layout.step_bytes, rows);
    }
    run_kernel(tile, first, panels);
  }
}

namespace {

SparseWork work_of(const GemmCall& call, const SparseGemmKernels& kernels) {
  SparseWork work;
  work.shape = call.shape;
  work.layout = {call.shape.columns, call.shape.inner(), call.tiles->nr, call.tiles->step_bytes};
  work.weights = call.weights;
  work.kernels = &kernels;
  work.numbers = call.shape.depth;
  work.number_bytes = static_cast<int>(call.format->bytes(1));
  if (call.tiles->step_bytes < static_cast<int>(sizeof(float))) work.dst_f32 = call.format;
  return work;
}

}  // namespace

SparseGemm::SparseGemm(const GemmCall& call, const SparseGemmKernels& kernels, Worker::Range panels,
                       std::byte* scratch)
    : SparseWalk(work_of(call, kernels), panels, scratch), call_(call), kernels_(kernels) {}

double SparseGemm::most_nonzero(const SparseGemmKernels& kernels, std::int64_t columns) {
  constexpr double kSparse = 1.3, kDense = 1.9, kLook = 0.9;
  const double vectors = static_cast<double>(columns) * 2 / kernels.panel;
  return kSparse / kDense - kLook * kSparse / vectors;
}

void SparseGemm::run_kernel(const SparseTile& part, std::int64_t first, Worker::Range panels) const {
  const std::int64_t column = panels.begin * work_.layout.nr;
  const auto size = static_cast<std::int64_t>(size_of(call_.dst_dtype));
  SparseRealTile tile{};
  static_cast<SparseTile&>(tile) = part;
  tile.bias = call_.bias == nullptr ? nullptr : call_.bias + column;
  if (call_.residual != nullptr) {
    tile.residual =
        static_cast<const std::byte*>(call_.residual) + (first * call_.residual_stride + column) * size;
  }
  tile.dst = static_cast<std::byte*>(call_.dst) + (first * call_.dst_stride + column) * size;
  tile.residual_stride = call_.residual_stride;
  tile.dst_stride = call_.dst_stride;
  tile.minimum = call_.minimum;
  tile.maximum = call_.maximum;
  tile.real = call_.dst_dtype == DType::f32;
  const bool half = work_.layout.half(panels.begin);
  kernels_.by_panels[half ? 0 : panels.end - panels.begin](tile);
}

}  // namespace godwit::ops
