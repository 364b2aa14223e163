// Attention: values weighted by a softmax of products of queries and keys, which a cap (softcap), a mask,
// causality and the length of what is no padding change in this order. Weights of keys that are all masked
// are NaN.
#include "ops/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/broadcast.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {

HeadStrides head_strides(const Shape& shape, std::int64_t heads) {
  if (shape.rank() == 4) return {shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3]};
  return {shape[1] * shape[2], shape[2] / heads, shape[2]};
}

AttentionSizes attention_sizes(const NodeView& node, std::span<const TensorView> src) {
  const Shape &q = src[0].desc.shape, &k = src[1].desc.shape, &v = src[2].desc.shape;
  const bool flat = q.rank() == 3;
  AttentionSizes sizes{};
  sizes.batch = q[0];
  sizes.heads = flat ? node.attributes.integer("q_num_heads", 1) : q[1];
  sizes.kv_heads = flat ? node.attributes.integer("kv_num_heads", 1) : k[1];
  sizes.queries = flat ? q[1] : q[2];
  sizes.keys = flat ? k[1] : k[2];
  sizes.size = flat ? q[2] / sizes.heads : q[3];
  sizes.value_size = flat ? v[2] / sizes.kv_heads : v[3];
  sizes.past = src.size() > 4 && src[4].present() ? src[4].desc.shape[2] : 0;
  return sizes;
}

double attention_scale(const NodeView& node, std::int64_t size) {
  if (node.attributes.has("scale")) return static_cast<double>(node.attributes.real("scale", 1));
  return 1 / std::sqrt(static_cast<double>(size));
}

namespace {

constexpr std::array<std::string_view, 3> kOperands{"Q", "K", "V"};

// Batch, heads, rows and the size of a head, as far as they are known.
std::array<std::int64_t, 4> heads_of(const NodeView& node, std::size_t i, std::int64_t heads) {
  const Shape& shape = node.shape(i);
  if (!shape.ranked()) return {kAnyDim, heads > 0 ? heads : kAnyDim, kAnyDim, kAnyDim};
  if (shape.rank() == 4) {
    if (heads > 0) require_dim(fmt::format("the number of heads of {}", kOperands[i]), shape[1], heads);
    return {shape[0], shape[1], shape[2], shape[3]};
  }
  if (heads < 1) throw Error("operands of three dimensions need attributes 'q_num_heads' and 'kv_num_heads'");
  if (is_known(shape[2]) && shape[2] % heads != 0)
    throw Error(fmt::format("{} has {}, which {} heads do not divide", kOperands[i],
                            counted(shape[2], "column"), heads));
  return {shape[0], heads, shape[1], is_known(shape[2]) ? shape[2] / heads : kAnyDim};
}

void check_types(const NodeView& node) {
  std::vector<Operand> numbers(node.inputs.begin(), node.inputs.end());
  const bool truth = node.has_input(3) && node.input(3).dtype == DType::boolean;
  if (truth) numbers[3] = {};
  if (numbers.size() > 6) numbers[6] = {};
  NodeView alike = node;
  alike.inputs = numbers;
  require_one_dtype(alike, kFloatTypes);
  if (node.has_input(6) && node.input(6).dtype != DType::s64)
    throw Error(fmt::format("input 6 is {}, expected s64", name_of(node.input(6).dtype)));
}

void check_attributes(const NodeView& node) {
  const std::int64_t mode = node.attributes.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    throw Error(fmt::format("attribute 'qk_matmul_output_mode' is {}, expected 0 to 3", mode));
  for (const char* name : {"q_num_heads", "kv_num_heads"}) {
    if (node.attributes.has(name) && node.attributes.integer(name, 1) < 1)
      throw Error(
          fmt::format("attribute '{}' is {}, expected at least 1", name, node.attributes.integer(name, 1)));
  }
  if (node.has_input(4) != node.has_input(5))
    throw Error("past_key and past_value are needed both, or neither");
}

std::vector<TensorDesc> infer_attention(const NodeView& node) {
  check_types(node);
  check_attributes(node);
  for (std::size_t i = 0; i < 3; ++i) require_rank(node, i, 3, 4);
  for (std::size_t i = 1; i < 3; ++i) {
    if (node.shape(0).ranked() && node.shape(i).ranked() && node.shape(0).rank() != node.shape(i).rank())
      throw Error(fmt::format("{} has {}, expected {} as Q", kOperands[i],
                              counted(node.shape(i).rank(), "dimension"), node.shape(0).rank()));
  }
  const auto q = heads_of(node, 0, node.attributes.integer("q_num_heads", 0));
  const auto k = heads_of(node, 1, node.attributes.integer("kv_num_heads", 0));
  const auto v = heads_of(node, 2, node.attributes.integer("kv_num_heads", 0));
  require_dim("the batch of K", k[0], q[0]);
  require_dim("the batch of V", v[0], q[0]);
  require_dim("the number of heads of V", v[1], k[1]);
  require_dim("the number of rows of V", v[2], k[2]);
  require_dim("the size of a head of K", k[3], q[3]);
  if (is_known(q[1]) && is_known(k[1]) && (k[1] == 0 || q[1] % k[1] != 0))
    throw Error(fmt::format("{} heads of Q cannot share {} heads of K", q[1], k[1]));
  std::int64_t past = 0;
  for (std::size_t i = 4; i <= 5; ++i) {
    if (!node.has_input(i)) continue;
    require_rank(node, i, 4, 4);
    const Shape& cache = node.shape(i);
    if (i == 4) past = cache.ranked() ? cache[2] : kAnyDim;
    if (!cache.ranked()) continue;
    require_dim(fmt::format("the batch of input {}", i), cache[0], q[0]);
    require_dim(fmt::format("the number of heads of input {}", i), cache[1], k[1]);
    require_dim(fmt::format("the length of input {}", i), cache[2], past);
    require_dim(fmt::format("the size of a head of input {}", i), cache[3], i == 4 ? k[3] : v[3]);
  }
  const std::int64_t all = sum_of(std::array{past, k[2]});
  if (node.has_input(3) && node.shape(3).ranked()) {
    require_rank(node, 3, 1, 4);
    Shape mask = node.shape(3);
    const int last = mask.rank() - 1;
    // A mask for fewer keys masks the rest.
    if (is_known(mask[last]) && is_known(all) && mask[last] < all) mask[last] = all;
    require_broadcasts_to(mask, {q[0], q[1], q[2], all}, "attn_mask");
  }
  if (node.has_input(6)) {
    require_rank(node, 6, 1, 1);
    if (node.shape(6).ranked()) require_dim("the length of nonpad_kv_seqlen", node.shape(6)[0], q[0]);
  }
  const DType dtype = node.input(0).dtype;
  Shape dst{q[0], q[1], q[2], v[3]};
  if (node.shape(0).rank() == 3) dst = Shape{q[0], q[2], product_of(std::array{q[1], v[3]})};
  if (!node.shape(0).ranked()) dst = Shape::unranked();
  std::vector<TensorDesc> descs{{dtype, dst, Layout::nchw},
                                {dtype, {q[0], k[1], all, k[3]}, Layout::nchw},
                                {dtype, {q[0], k[1], all, v[3]}, Layout::nchw},
                                {dtype, {q[0], q[1], q[2], all}, Layout::nchw}};
  descs.resize(node.output_count);
  return descs;
}

// All that a head of one image reads.
class Head {
 public:
  Head(const NodeView& node, std::span<const TensorView> src, std::int64_t batch, std::int64_t head)
      : src_(src), sizes_(attention_sizes(node, src)), batch_(batch), head_(head) {
    const std::int64_t group = head / (sizes_.heads / sizes_.kv_heads);
    query_ = first_row(src[0], sizes_.heads, head, query_step_);
    key_ = first_row(src[1], sizes_.kv_heads, group, key_step_);
    value_ = first_row(src[2], sizes_.kv_heads, group, value_step_);
    cache_ = (batch * sizes_.kv_heads + group) * sizes_.past;
    scale_ = attention_scale(node, sizes_.size);
    cap_ = static_cast<double>(node.attributes.real("softcap", 0));
    mode_ = node.attributes.integer("qk_matmul_output_mode", 0);
    causal_ = node.attributes.flag("is_causal", false);
    valid_ = present(6) ? src[6].as<const std::int64_t>()[batch] : sizes_.all_keys();
    // Keys before the first query's own.
    before_ = sizes_.past;
    if (present(6) && !present(4)) before_ = valid_ - sizes_.queries;
  }

  const AttentionSizes& sizes() const { return sizes_; }
  std::int64_t mode() const { return mode_; }

  double key(std::int64_t j, std::int64_t d) const {
    if (j < sizes_.past) return real_at(src_[4], (cache_ + j) * sizes_.size + d);
    return real_at(src_[1], key_ + (j - sizes_.past) * key_step_ + d);
  }
  double value(std::int64_t j, std::int64_t d) const {
    if (j < sizes_.past) return real_at(src_[5], (cache_ + j) * sizes_.value_size + d);
    return real_at(src_[2], value_ + (j - sizes_.past) * value_step_ + d);
  }
  // The product of query i and key j, capped and masked; up to step `mode` of those that change it.
  double score(std::int64_t i, std::int64_t j, std::int64_t mode) const {
    double sum = 0;
    for (std::int64_t d = 0; d < sizes_.size; ++d)
      sum += real_at(src_[0], query_ + i * query_step_ + d) * key(j, d);
    sum *= scale_;
    if (mode >= 1 && cap_ > 0) sum = std::tanh(sum / cap_) * cap_;
    return mode >= 2 ? sum + bias(i, j) : sum;
  }

 private:
  bool present(std::size_t i) const { return src_.size() > i && src_[i].present(); }

  std::int64_t first_row(const TensorView& tensor, std::int64_t heads, std::int64_t head,
                         std::int64_t& step) const {
    const HeadStrides strides = head_strides(tensor.desc.shape, heads);
    step = strides.row;
    return batch_ * strides.batch + head * strides.head;
  }

  double bias(std::int64_t i, std::int64_t j) const {
    constexpr double kNever = -std::numeric_limits<double>::infinity();
    if (j >= valid_ || (causal_ && j > i + before_)) return kNever;
    if (!present(3)) return 0;
    const Shape& mask = src_[3].desc.shape;
    const std::int64_t columns = mask[mask.rank() - 1];
    if (columns != 1 && j >= columns) return kNever;
    // Keys that the mask does not reach count as columns here, so that offsets stay those of the mask.
    const Shape all{sizes_.batch, sizes_.heads, sizes_.queries, std::max(columns, std::int64_t{1})};
    const std::int64_t at = broadcast_offset({batch_, head_, i, columns == 1 ? 0 : j}, all, mask);
    if (src_[3].desc.dtype == DType::boolean) return src_[3].as<const bool>()[at] ? 0 : kNever;
    return real_at(src_[3], at);
  }

  std::span<const TensorView> src_;
  AttentionSizes sizes_;
  std::int64_t batch_, head_;
  std::int64_t query_ = 0, key_ = 0, value_ = 0, cache_ = 0;
  std::int64_t query_step_ = 0, key_step_ = 0, value_step_ = 0;
  double scale_ = 1, cap_ = 0;
  std::int64_t mode_ = 0, valid_ = 0, before_ = 0;
  bool causal_ = false;
};

// One row: the scores are computed once for their maximum, once for the sum, and once for each part of the
// result.
void attend(const Head& head, std::int64_t i, const TensorView& dst, std::int64_t first,
            const TensorView* scores, std::int64_t first_score) {
  const std::int64_t keys = head.sizes().all_keys();
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::int64_t j = 0; j < keys; ++j) {
    const double score = head.score(i, j, 2);
    largest = std::isnan(largest) || largest > score ? largest : score;
  }
  for (std::int64_t j = 0; j < keys; ++j) sum += std::exp(head.score(i, j, 2) - largest);
  const auto weight = [&](std::int64_t j) { return std::exp(head.score(i, j, 2) - largest) / sum; };
  for (std::int64_t j = 0; j < keys && scores != nullptr; ++j)
    set_real(*scores, first_score + j, head.mode() == 3 ? weight(j) : head.score(i, j, head.mode()));
  constexpr std::int64_t kPart = 256;
  std::array<double, kPart> sums;
  for (std::int64_t begin = 0; begin < head.sizes().value_size; begin += kPart) {
    const std::int64_t count = std::min(kPart, head.sizes().value_size - begin);
    sums.fill(0);
    for (std::int64_t j = 0; j < keys; ++j) {
      const double factor = weight(j);
      for (std::int64_t d = 0; d < count; ++d)
        sums[static_cast<std::size_t>(d)] += factor * head.value(j, begin + d);
    }
    for (std::int64_t d = 0; d < count; ++d)
      set_real(dst, first + begin + d, sums[static_cast<std::size_t>(d)]);
  }
}

// Caches with the new rows behind the old ones.
void write_caches(const Head& head, std::span<const TensorView> dst, std::int64_t group) {
  const AttentionSizes& sizes = head.sizes();
  const std::int64_t first = group * sizes.all_keys();
  for (std::int64_t j = 0; j < sizes.all_keys(); ++j) {
    for (std::int64_t d = 0; d < sizes.size && dst.size() > 1 && dst[1].present(); ++d)
      set_real(dst[1], (first + j) * sizes.size + d, head.key(j, d));
    for (std::int64_t d = 0; d < sizes.value_size && dst.size() > 2 && dst[2].present(); ++d)
      set_real(dst[2], (first + j) * sizes.value_size + d, head.value(j, d));
  }
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const AttentionSizes sizes = attention_sizes(node, src);
  const HeadStrides to = head_strides(dst[0].desc.shape, sizes.heads);
  const std::int64_t shared = sizes.heads / std::max(sizes.kv_heads, std::int64_t{1});
  const bool wants_scores = dst.size() > 3 && dst[3].present();
  for (std::int64_t b = 0; b < sizes.batch; ++b) {
    for (std::int64_t h = 0; h < sizes.heads; ++h) {
      const Head head(node, src, b, h);
      for (std::int64_t i = 0; i < sizes.queries; ++i) {
        const std::int64_t score = ((b * sizes.heads + h) * sizes.queries + i) * sizes.all_keys();
        attend(head, i, dst[0], b * to.batch + h * to.head + i * to.row, wants_scores ? &dst[3] : nullptr,
               score);
      }
      if (h % shared == 0) write_caches(head, dst, b * sizes.kv_heads + h / shared);
    }
  }
}

Cost cost_attention(const NodeView& node) {
  if (!node.shape(0).known() || !node.shape(1).known() || !node.shape(2).known()) return {};
  std::int64_t keys = node.shape(1)[node.shape(1).rank() - 2];
  if (node.has_input(4) && node.shape(4).known()) keys = work_sum({keys, node.shape(4)[2]});
  const Shape &q = node.shape(0), &v = node.outputs[0].shape;
  const std::int64_t heads = q.rank() == 4 ? q[1] : node.attributes.integer("q_num_heads", 1);
  const std::int64_t scores = work_product({q[0], heads, q[q.rank() - 2], keys});
  Cost cost;
  cost.macs = work_sum({work_product({q.elements(), keys}), work_product({v.elements(), keys})});
  cost.flops = work_sum({work_product({2, cost.macs}), work_product({5, scores})});
  return cost;
}

bool batch_separable(const NodeView& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i) || i == 3) continue;
    if (node.inputs[i].constant != nullptr) return false;
  }
  if (!node.has_input(3)) return true;
  const Shape& mask = node.shape(3);
  return node.inputs[3].constant != nullptr ? mask.rank() < 4 || mask[0] == 1 : mask.rank() == 4;
}

}  // namespace

const OpDef& op_attention() {
  static const OpDef def{
      .name = "Attention",
      .sentence = "values weighted by a softmax of products of queries and keys",
      .since_opset = 23,
      .min_inputs = 3,
      .max_inputs = 7,
      .max_outputs = 4,
      .attributes = {{"is_causal", AttributeType::integer},
                     {"kv_num_heads", AttributeType::integer},
                     {"q_num_heads", AttributeType::integer},
                     {"qk_matmul_output_mode", AttributeType::integer},
                     {"scale", AttributeType::real},
                     {"softcap", AttributeType::real},
                     {"softmax_precision", AttributeType::integer}},
      .infer = infer_attention,
      .reference = reference,
      .cost = cost_attention,
      .batch_separable = batch_separable,
      .implementations = {&attention_heads},
  };
  return def;
}

}  // namespace godwit::ops
