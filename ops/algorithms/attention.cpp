// Attention on the GEMM core, head by head: keys and values are packed into panels, then for each tile of
// queries scores, weights and results follow each other, so that no score leaves the caches.
#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"

namespace godwit::ops {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kFloat = sizeof(float);

// Elements from one row to the next where rows of `elements` lie one behind the other, in whole lines of the
// cache and a few lines apart where they would collide.
std::int64_t spread(std::int64_t elements) {
  constexpr std::int64_t kLine = 64 / kFloat;
  const std::int64_t rounded = (elements + kLine - 1) / kLine * kLine;
  return rows_collide(rounded * kFloat) ? rounded + kLine : rounded;
}

class FusedAttention final : public Executable {
 public:
  // The mask is operand 3.
  FusedAttention(const AttentionViews& views, const PrepareContext& context)
      : views_(views),
        kernels_(gemm_kernels(context.target.isa)),
        keys_{views.keys, views.size, kernels_.nr, kernels_.step_bytes},
        values_{views.value_size, views.keys, kernels_.nr, kernels_.step_bytes},
        score_stride_(spread(keys_.panels() * kernels_.nr)),
        query_stride_(rows_collide(views.query.row * kFloat) ? spread(views.size) : 0),
        transpose_(find_function(families::transposed_panel, DType::f32, context.target.isa)),
        weigh_(find_function(families::attention_row, DType::f32, context.target.isa)),
        multiply_(find_function(families::mul, DType::f32, context.target.isa)) {}

  Scratch scratch() const override {
    return {
        .shared = 0,
        .per_worker = align_up(keys_.bytes()) + align_up(values_.bytes()) + score_bytes() + query_bytes()};
  }
  std::string kernel() const override { return name_of(*kernels_.full); }

  void run(const RunArgs& args, const Worker& worker) const override {
    const std::int64_t tiles = (views_.queries + kernels_.mr - 1) / kernels_.mr;
    const Worker::Range share = worker.share(views_.batch * views_.heads * tiles);
    std::int64_t packed = -1;
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      const std::int64_t group = views_.heads / views_.kv_heads;
      const Head head{i / tiles / views_.heads, i / tiles % views_.heads};
      const std::int64_t pair = head.batch * views_.kv_heads + head.head / group;
      if (pair != packed) pack(args, {head.batch, head.head / group});
      packed = pair;
      // Tiles of nearly equal height rather than full ones and a small last one.
      const std::int64_t tile = i % tiles;
      attend(args, head, {views_.queries * tile / tiles, views_.queries * (tile + 1) / tiles});
    }
  }

 private:
  struct Head {
    std::int64_t batch, head;
  };

  std::size_t score_bytes() const {
    return align_up(static_cast<std::size_t>(kernels_.mr * score_stride_ * kFloat));
  }
  std::size_t query_bytes() const {
    return align_up(static_cast<std::size_t>(kernels_.mr * query_stride_ * kFloat));
  }
  // A worker's scratch memory, part by part.
  std::byte* packed_keys(const RunArgs& args) const { return args.worker_scratch; }
  std::byte* packed_values(const RunArgs& args) const { return packed_keys(args) + align_up(keys_.bytes()); }
  float* scores(const RunArgs& args) const {
    return reinterpret_cast<float*>(packed_values(args) + align_up(values_.bytes()));
  }
  float* queries(const RunArgs& args) const {
    return reinterpret_cast<float*>(reinterpret_cast<std::byte*>(scores(args)) + score_bytes());
  }

  static std::int64_t at(const HeadView& view, const Head& head) {
    return view.offset + head.batch * view.batch + head.head * view.head;
  }

  void pack(const RunArgs& args, const Head& head) const {
    const auto* keys = static_cast<const float*>(args.src[1]) + at(views_.key, head);
    auto* to = reinterpret_cast<float*>(packed_keys(args));
    for (std::int64_t p = 0; p < keys_.panels(); ++p) {
      const std::int64_t first = p * keys_.nr;
      transpose_({.src = keys + first * views_.key.row,
                  .dst = to + keys_.offset(p),
                  .stride = views_.key.row,
                  .rows = std::min<std::int64_t>(keys_.width(p), views_.keys - first),
                  .depth = views_.size,
                  .width = keys_.width(p)});
    }
    const auto* values = static_cast<const float*>(args.src[2]) + at(views_.value, head);
    to = reinterpret_cast<float*>(packed_values(args));
    for (std::int64_t p = 0; p < values_.panels(); ++p) {
      const std::int64_t first = p * values_.nr, width = values_.width(p);
      const std::int64_t columns = std::min(width, views_.value_size - first);
      float* panel = to + values_.offset(p);
      for (std::int64_t row = 0; row < views_.keys; ++row, panel += width) {
        std::copy_n(values + row * views_.value.row + first, columns, panel);
        std::fill(panel + columns, panel + width, 0.0F);
      }
    }
  }

  void attend(const RunArgs& args, const Head& head, const Worker::Range& rows) const {
    const auto height = static_cast<int>(rows.end - rows.begin);
    const auto* query =
        static_cast<const float*>(args.src[0]) + at(views_.query, head) + rows.begin * views_.query.row;
    const void* pointers[GemmTileSizes::kMaxRows];
    for (int r = 0; r < height; ++r) {
      const float* from = query + r * views_.query.row;
      pointers[r] = from;
      if (query_stride_ == 0) continue;
      pointers[r] = std::copy_n(from, views_.size, queries(args) + r * query_stride_) - views_.size;
    }
    float* weights = scores(args);
    multiply(keys_, packed_keys(args), pointers, height, weights, score_stride_, keys_.panels() * keys_.nr);

    float shares[GemmTileSizes::kMaxRows];
    for (int r = 0; r < height; ++r) {
      const std::int64_t row = rows.begin + r;
      float* begin = weights + r * score_stride_;
      pointers[r] = begin;
      float sum = 0;
      weigh_({.scores = begin,
              .mask = mask_of(args, head, row),
              .count = views_.keys,
              .scale = views_.scale,
              .sum = &sum});
      shares[r] = 1.0F / sum;
    }
    float* dst = static_cast<float*>(args.dst[0]) + at(views_.result, head) + rows.begin * views_.result.row;
    multiply(values_, packed_values(args), pointers, height, dst, views_.result.row, views_.value_size);
    for (int r = 0; r < height; ++r) {
      float* row = dst + r * views_.result.row;
      multiply_({.lhs = row,
                 .rhs = &shares[r],
                 .dst = row,
                 .count = views_.value_size,
                 .lhs_step = 1,
                 .rhs_step = 0,
                 .minimum = -kInfinity,
                 .maximum = kInfinity});
    }
  }

  const float* mask_of(const RunArgs& args, const Head& head, std::int64_t row) const {
    if (!views_.mask) return nullptr;
    const MaskView& mask = *views_.mask;
    return static_cast<const float*>(args.src[3]) + head.batch % mask.period * mask.batch +
           head.head * mask.head + row * mask.row;
  }

  // Rows by a packed matrix, of whose columns the first `columns` are written.
  void multiply(const PanelLayout& layout, const std::byte* panels, const void* const* rows, int height,
                float* dst, std::int64_t stride, std::int64_t columns) const {
    GemmTile tile{};
    tile.a = rows;
    tile.taps = 1;
    tile.depth = layout.inner;
    tile.dst_stride = stride;
    tile.tiles = 1;
    tile.minimum = -kInfinity;
    tile.maximum = kInfinity;
    tile.real = true;
    for (std::int64_t p = 0; p < layout.panels(); ++p) {
      tile.b = panels + layout.offset(p) * layout.step_bytes;
      tile.ahead = tile.b;
      tile.dst = dst + p * layout.nr;
      tile.columns = std::min<std::int64_t>(layout.width(p), columns - p * layout.nr);
      kernels_.by_rows[layout.half(p) ? 0 : 1][height](tile);
    }
  }

  AttentionViews views_;
  const GemmKernels& kernels_;
  PanelLayout keys_, values_;  // of the transposed keys (size × keys) and the values (keys × value size)
  std::int64_t score_stride_;  // elements between rows of scores
  std::int64_t query_stride_;  // between copied queries; 0: they are read where they lie
  TransposedPanelKernel* transpose_;
  AttentionRowKernel* weigh_;
  BinaryKernel* multiply_;
};

// Elements of a mask of up to four dimensions between neighbours along one of batch, heads and queries.
std::int64_t mask_step(const Shape& mask, int from_right) {
  const int axis = mask.rank() - 1 - from_right;
  return axis < 0 || mask[axis] == 1 ? 0 : mask.product(axis + 1, mask.rank());
}

std::string reject_heads(const NodeView& node, const Target&) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.has_input(i) && node.input(i).dtype != DType::f32) return "needs f32";
    if (node.has_input(i) && node.input(i).layout != Layout::nchw) return "needs nchw";
  }
  for (std::size_t i = 4; i < 7; ++i) {
    if (node.has_input(i)) return "has no cache and no lengths";
  }
  if (node.output_count > 1) return "gives neither caches nor scores";
  if (node.attributes.real("softcap", 0) != 0.0F) return "has no cap";
  if (node.attributes.flag("is_causal", false)) return "takes masks as operands only";
  const Shape &q = node.shape(0), &k = node.shape(1);
  if (node.outputs[0].shape.elements() == 0 || q.elements() == 0 || k.elements() == 0)
    return "has nothing to compute";
  if (node.has_input(3)) {
    const Shape& mask = node.shape(3);
    if (mask[mask.rank() - 1] != k[k.rank() - 2]) return "needs a mask of all keys";
  }
  return {};
}

std::unique_ptr<Executable> prepare_heads(const NodeView& node, const PrepareContext& context) {
  const TensorView src[3] = {{node.input(0), nullptr}, {node.input(1), nullptr}, {node.input(2), nullptr}};
  const AttentionSizes sizes = attention_sizes(node, src);
  const auto view = [&](const Shape& shape, std::int64_t heads) {
    const HeadStrides strides = head_strides(shape, heads);
    return HeadView{0, strides.batch, strides.head, strides.row};
  };
  AttentionViews views{.batch = sizes.batch,
                       .heads = sizes.heads,
                       .kv_heads = sizes.kv_heads,
                       .queries = sizes.queries,
                       .keys = sizes.keys,
                       .size = sizes.size,
                       .value_size = sizes.value_size,
                       .query = view(node.shape(0), sizes.heads),
                       .key = view(node.shape(1), sizes.kv_heads),
                       .value = view(node.shape(2), sizes.kv_heads),
                       .result = view(node.outputs[0].shape, sizes.heads),
                       .mask = std::nullopt,
                       .scale = static_cast<float>(attention_scale(node, sizes.size))};
  if (node.has_input(3)) {
    const Shape& mask = node.shape(3);
    views.mask = MaskView{sizes.batch, mask_step(mask, 3), mask_step(mask, 2), mask_step(mask, 1)};
  }
  return std::make_unique<FusedAttention>(views, context);
}

std::string accept(const NodeView&, const Target&) { return {}; }

constexpr std::string_view kSentence = "head by head on the GEMM core, scores of a tile of queries at a time";

}  // namespace

const Implementation attention_heads{"attention_heads", kSentence, reject_heads, prepare_heads};
const Implementation attention_views{
    "attention_views", kSentence, accept,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<FusedAttention>(attention_views_of(node.attributes), context);
    }};

}  // namespace godwit::ops
