// Sums and means over neighbouring axes: what is kept in front, what is reduced, what is kept behind. Columns
// are summed vector by vector; rows, where nothing is kept behind, by themselves.
#include <algorithm>
#include <array>
#include <optional>

#include "ops/algorithms/implementations.h"
#include "ops/axes.h"
#include "ops/kernel_table.h"
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

struct Spans {
  std::int64_t outer = 1, reduced = 1, inner = 1;
};

// Nullopt where the reduced axes are not known or do not lie side by side in memory.
std::optional<Spans> spans_of(const NodeView& node) {
  const TensorDesc& src = node.input(0);
  const int rank = src.shape.rank();
  std::array<bool, kMaxRank> gone{};
  IntegerList axes{std::vector<std::int64_t>{}, 0};
  if (node.has_input(1)) axes = integer_list(node, 1, "axes");
  if (!axes.values) return std::nullopt;
  for (const int axis : normalize_axes(*axes.values, rank)) gone[static_cast<std::size_t>(axis)] = true;
  if (axes.values->empty()) gone.fill(!reduces_nothing(node));
  std::array<int, kMaxRank> order{};
  for (int i = 0; i < rank; ++i) order[static_cast<std::size_t>(i)] = i;
  if (src.layout == Layout::nhwc) std::rotate(order.begin() + 1, order.begin() + 2, order.begin() + rank);
  Spans spans;
  bool seen = false, closed = false;
  for (int i = 0; i < rank; ++i) {
    const int axis = order[static_cast<std::size_t>(i)];
    const std::int64_t size = src.shape[axis];
    if (size == 1) continue;
    if (gone[static_cast<std::size_t>(axis)]) {
      if (closed) return std::nullopt;
      seen = true;
      spans.reduced *= size;
    } else {
      closed = seen;
      (seen ? spans.inner : spans.outer) *= size;
    }
  }
  return spans;
}

class Reduce final : public Executable {
 public:
  Reduce(const NodeView& node, const PrepareContext& context, bool mean)
      : spans_(*spans_of(node)),
        mean_(mean),
        columns_(find_kernel(families::sum_columns, DType::f32, context.target.isa)),
        rows_(find_kernel(families::moments, DType::f32, context.target.isa)) {}

  std::string kernel() const override { return name_of(spans_.inner == 1 ? *rows_.info : *columns_.info); }
  bool reads_constant(std::size_t i) const override { return i == 0; }

  void run(const RunArgs& args, const Worker& worker) const override {
    const auto* src = static_cast<const float*>(args.src[0]);
    auto* dst = static_cast<float*>(args.dst[0]);
    if (spans_.inner == 1) return run_rows(src, dst, worker.share(spans_.outer, 16));
    constexpr std::int64_t kBlock = 64;  // whole vectors of every ISA, whole cache lines
    const std::int64_t blocks = (spans_.inner + kBlock - 1) / kBlock;
    const Worker::Range share = worker.share(spans_.outer * blocks);
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      const std::int64_t outer = i / blocks, first = i % blocks * kBlock;
      columns_({.src = src + outer * spans_.reduced * spans_.inner + first,
                .dst = dst + outer * spans_.inner + first,
                .rows = spans_.reduced,
                .stride = spans_.inner,
                .channels = std::min(kBlock, spans_.inner - first),
                .scale = mean_ ? 1.0F / static_cast<float>(spans_.reduced) : 1.0F});
    }
  }

 private:
  void run_rows(const float* src, float* dst, const Worker::Range& share) const {
    float squares = 0;
    for (std::int64_t row = share.begin; row < share.end; ++row) {
      rows_({.src = src + row * spans_.reduced,
             .count = spans_.reduced,
             .about_zero = false,
             .mean = dst + row,
             .squares = &squares});
      if (!mean_) dst[row] *= static_cast<float>(spans_.reduced);
    }
  }

  Spans spans_;
  bool mean_;
  Kernel<ColumnSumKernel> columns_;
  Kernel<MomentsKernel> rows_;
};

std::string reject(const NodeView& node, const Target&) {
  if (node.input(0).dtype != DType::f32) return "needs f32";
  if (node.shape(0).elements() == 0) return "has nothing to compute";
  if (!node.epilogue.empty()) return "has no epilogue";
  const TensorDesc& dst = node.outputs[0];
  const bool last = node.input(0).layout == Layout::nhwc;
  const bool any_order =
      dst.shape.rank() < 3 || dst.shape[1] == 1 || dst.shape.product(2, dst.shape.rank()) == 1;
  if (!any_order && (last || dst.layout == Layout::nhwc)) return "needs ONNX's order";
  if (!spans_of(node)) return "needs constant axes that lie side by side in memory";
  return {};
}

constexpr std::string_view kSentence = "columns by vectors, or rows where the last axes go";

}  // namespace

const Implementation reduce_mean_spans{
    "reduce_mean_spans", kSentence, reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<Reduce>(node, context, true);
    }};
const Implementation reduce_sum_spans{
    "reduce_sum_spans", kSentence, reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<Reduce>(node, context, false);
    }};

}  // namespace godwit::ops
