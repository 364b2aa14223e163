// AttentionViews (internal): attention whose queries, keys, values and results are heads anywhere inside of
// tensors, as exporters split, reshape and transpose them; with a constant or computed mask.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/attention.h"
#include "ops/axes.h"
#include "ops/known_ops.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array kViews{"query", "key", "value", "result"};

std::span<const std::int64_t> list_of(const Attributes& attributes, const char* name, std::size_t count) {
  const std::span<const std::int64_t> values = attributes.integers(name);
  if (values.size() != count)
    throw Error(fmt::format("attribute '{}' has {} values, expected {}", name, values.size(), count));
  if (std::ranges::any_of(values, [](std::int64_t value) { return value < 0 || value > INT32_MAX; }))
    throw Error(fmt::format("attribute '{}' has a value below 0 or beyond 31 bits", name));
  return values;
}

HeadView view_of(const Attributes& attributes, const char* name) {
  const auto values = list_of(attributes, name, 4);
  return {values[0], values[1], values[2], values[3]};
}

// Throws Error where a view reaches beyond its tensor.
void require_inside(const char* what, std::int64_t elements, const HeadView& view,
                    std::array<std::int64_t, 4> sizes) {
  const std::array<std::int64_t, 4> steps{view.batch, view.head, view.row, 1};
  std::int64_t last = view.offset;
  for (std::size_t i = 0; i < 4; ++i) last = work_sum({last, work_product({sizes[i] - 1, steps[i]})});
  if (last >= elements)
    throw Error(fmt::format("attribute '{}' reaches element {} of a tensor of {}", what, last, elements));
}

std::vector<TensorDesc> infer_views(const NodeView& node) {
  require_one_dtype(node, std::array{DType::f32});
  const AttentionViews v = attention_views_of(node.attributes);
  const std::array sizes{v.batch, v.heads, v.kv_heads, v.queries, v.keys, v.size, v.value_size};
  if (std::ranges::any_of(sizes, [](std::int64_t size) { return size < 1; }) || v.heads % v.kv_heads != 0)
    throw Error("attribute 'sizes' has a 0, or heads that do not divide into those of keys");
  const auto dims = node.attributes.integers("shape");
  Shape shape;
  for (const std::int64_t dim : dims.first(std::min<std::size_t>(dims.size(), kMaxRank))) shape.append(dim);
  if (dims.size() > kMaxRank || !shape.known() ||
      shape.elements() != work_product({v.batch, v.heads, v.queries, v.value_size}))
    throw Error("attribute 'shape' has another number of elements than the heads");
  const std::array<std::array<std::int64_t, 4>, 4> extents{{{v.batch, v.heads, v.queries, v.size},
                                                            {v.batch, v.kv_heads, v.keys, v.size},
                                                            {v.batch, v.kv_heads, v.keys, v.value_size},
                                                            {v.batch, v.heads, v.queries, v.value_size}}};
  const std::array views{v.query, v.key, v.value, v.result};
  for (std::size_t i = 0; i < 4; ++i) {
    if (i < 3 && !node.shape(i).known()) continue;
    const std::int64_t elements = i < 3 ? node.shape(i).elements() : shape.elements();
    require_inside(kViews[i], elements, views[i], extents[i]);
  }
  if (v.mask && !node.has_input(3)) throw Error("attribute 'mask' describes an operand that is not there");
  if (v.mask && node.shape(3).known()) {
    require_inside("mask", node.shape(3).elements(), {0, v.mask->batch, v.mask->head, v.mask->row},
                   {v.mask->period, v.heads, v.queries, v.keys});
  }
  return {{DType::f32, shape, Layout::nchw}};
}

// Scores of one query, computed as often as they are needed, so that nothing is allocated.
class Query {
 public:
  Query(const AttentionViews& views, std::span<const TensorView> src, std::int64_t batch, std::int64_t head,
        std::int64_t row)
      : views_(views) {
    const std::int64_t group = head / (views.heads / views.kv_heads);
    query_ = src[0].as<const float>() + at(views.query, batch, head) + row * views.query.row;
    keys_ = src[1].as<const float>() + at(views.key, batch, group);
    values_ = src[2].as<const float>() + at(views.value, batch, group);
    if (views.mask)
      mask_ = src[3].as<const float>() + batch % views.mask->period * views.mask->batch +
              head * views.mask->head + row * views.mask->row;
  }

  double score(std::int64_t key) const {
    double sum = 0;
    for (std::int64_t d = 0; d < views_.size; ++d)
      sum += static_cast<double>(query_[d]) * static_cast<double>(keys_[key * views_.key.row + d]);
    sum *= static_cast<double>(views_.scale);
    return mask_ == nullptr ? sum : sum + static_cast<double>(mask_[key]);
  }
  double value(std::int64_t key, std::int64_t d) const {
    return static_cast<double>(values_[key * views_.value.row + d]);
  }

 private:
  static std::int64_t at(const HeadView& view, std::int64_t batch, std::int64_t head) {
    return view.offset + batch * view.batch + head * view.head;
  }
  const AttentionViews& views_;
  const float *query_ = nullptr, *keys_ = nullptr, *values_ = nullptr, *mask_ = nullptr;
};

void attend(const AttentionViews& views, const Query& query, float* dst) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::int64_t j = 0; j < views.keys; ++j) {
    const double score = query.score(j);
    largest = std::isnan(largest) || largest > score ? largest : score;
  }
  for (std::int64_t j = 0; j < views.keys; ++j) sum += std::exp(query.score(j) - largest);
  constexpr std::int64_t kPart = 256;
  std::array<double, kPart> sums;
  for (std::int64_t begin = 0; begin < views.value_size; begin += kPart) {
    const std::int64_t count = std::min(kPart, views.value_size - begin);
    sums.fill(0);
    for (std::int64_t j = 0; j < views.keys; ++j) {
      const double weight = std::exp(query.score(j) - largest) / sum;
      for (std::int64_t d = 0; d < count; ++d)
        sums[static_cast<std::size_t>(d)] += weight * query.value(j, begin + d);
    }
    for (std::int64_t d = 0; d < count; ++d)
      dst[begin + d] = static_cast<float>(sums[static_cast<std::size_t>(d)]);
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const AttentionViews views = attention_views_of(node.attributes);
  const HeadView& to = views.result;
  for (std::int64_t b = 0; b < views.batch; ++b) {
    for (std::int64_t h = 0; h < views.heads; ++h) {
      for (std::int64_t i = 0; i < views.queries; ++i) {
        attend(views, Query(views, src, b, h, i),
               dst[0].as<float>() + to.offset + b * to.batch + h * to.head + i * to.row);
      }
    }
  }
}

Cost cost_views(const NodeView& node) {
  const AttentionViews v = attention_views_of(node.attributes);
  const std::int64_t scores = work_product({v.batch, v.heads, v.queries, v.keys});
  Cost cost;
  cost.macs = work_product({scores, work_sum({v.size, v.value_size})});
  // A scale, a mask, and for the softmax a difference, an exponential, a sum and a quotient.
  cost.flops = work_sum({work_product({2, cost.macs}), work_product({v.mask ? 6 : 5, scores})});
  return cost;
}

}  // namespace

AttentionViews attention_views_of(const Attributes& attributes) {
  const auto sizes = list_of(attributes, "sizes", 7);
  AttentionViews views{.batch = sizes[0],
                       .heads = sizes[1],
                       .kv_heads = sizes[2],
                       .queries = sizes[3],
                       .keys = sizes[4],
                       .size = sizes[5],
                       .value_size = sizes[6],
                       .query = view_of(attributes, kViews[0]),
                       .key = view_of(attributes, kViews[1]),
                       .value = view_of(attributes, kViews[2]),
                       .result = view_of(attributes, kViews[3]),
                       .mask = std::nullopt,
                       .scale = attributes.real("scale", 1)};
  if (attributes.has("mask")) {
    const auto mask = list_of(attributes, "mask", 4);
    if (mask[0] < 1) throw Error("attribute 'mask' repeats after 0 matrices");
    views.mask = MaskView{mask[0], mask[1], mask[2], mask[3]};
  }
  return views;
}

void set_attention_views(Attributes& attributes, const AttentionViews& views, const Shape& result) {
  using List = std::vector<std::int64_t>;
  attributes.set("sizes", List{views.batch, views.heads, views.kv_heads, views.queries, views.keys,
                               views.size, views.value_size});
  const std::array all{views.query, views.key, views.value, views.result};
  for (std::size_t i = 0; i < all.size(); ++i)
    attributes.set(kViews[i], List{all[i].offset, all[i].batch, all[i].head, all[i].row});
  if (views.mask)
    attributes.set("mask", List{views.mask->period, views.mask->batch, views.mask->head, views.mask->row});
  attributes.set("scale", views.scale);
  List shape;
  for (int i = 0; i < result.rank(); ++i) shape.push_back(result[i]);
  attributes.set("shape", std::move(shape));
}

const OpDef& op_attention_views() {
  static const OpDef def{
      .name = "AttentionViews",
      .domain = "godwit",
      .sentence = "attention over heads that lie anywhere inside of tensors",
      .min_inputs = 3,
      .max_inputs = 4,
      .attributes = {{"sizes", AttributeType::integers, true},
                     {"query", AttributeType::integers, true},
                     {"key", AttributeType::integers, true},
                     {"value", AttributeType::integers, true},
                     {"result", AttributeType::integers, true},
                     {"mask", AttributeType::integers},
                     {"shape", AttributeType::integers, true},
                     {"scale", AttributeType::real}},
      .infer = infer_views,
      .reference = reference,
      .cost = cost_views,
      .implementations = {&attention_views},
  };
  return def;
}

}  // namespace godwit::ops
