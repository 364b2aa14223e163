// LinearAttention: a matrix for each head that keys and values write to and queries read from, step by step.
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array kTypes{DType::f32, DType::f64, DType::f16, DType::bf16};

constexpr std::int64_t kMostKeys = 1024;  // of a head

// The rule for a head's matrix S before a step writes to it, and for the values written.
struct Rule {
  bool decays = false;    // S = exp(decay) · S
  bool corrects = false;  // beta · (value - S · key) in place of the value
};

Rule rule_of(const NodeView& node) {
  const std::string name = node.attributes.string("update_rule", "gated_delta");
  if (name == "linear") return {};
  if (name == "gated") return {.decays = true};
  if (name == "delta") return {.corrects = true};
  if (name == "gated_delta") return {.decays = true, .corrects = true};
  throw Error(fmt::format(
      "attribute 'update_rule' is '{}', expected 'linear', 'gated', 'delta' or 'gated_delta'", name));
}

struct Heads {
  std::int64_t query = 1, key = 1;
};
Heads heads_of(const NodeView& node) {
  const Heads heads{node.attributes.integer("q_num_heads", 0), node.attributes.integer("kv_num_heads", 0)};
  if (heads.query < 1 || heads.key < 1 || heads.query % heads.key != 0) {
    throw Error(
        fmt::format("attributes 'q_num_heads' and 'kv_num_heads' are {} and {}, expected a multiple and "
                    "a number of at least 1",
                    heads.query, heads.key));
  }
  return heads;
}

std::int64_t part(std::int64_t size, std::int64_t heads, std::string_view what) {
  if (!is_known(size)) return kAnyDim;
  if (size % heads != 0)
    throw Error(fmt::format("the {} has {} for {} heads", what, counted(size, "element"), heads));
  return size / heads;
}

std::int64_t last_of(const NodeView& node, std::size_t i) {
  return node.has_input(i) && node.shape(i).ranked() ? node.shape(i)[2] : kAnyDim;
}

// query (B, T, Hq · Dk), key (B, T, Hk · Dk), value (B, T, Hk · Dv), past (B, Hk, Dk, Dv), decay (B, T, Hk ·
// Dk or Hk), beta (B, T, Hk or 1) → (B, T, Hq · Dv), (B, Hk, Dk, Dv)
std::vector<TensorDesc> infer_attention(const NodeView& node) {
  require_one_dtype(node, kTypes);
  const Rule rule = rule_of(node);
  const Heads heads = heads_of(node);
  for (const std::size_t i : {0, 1, 2, 4, 5}) {
    if (!node.has_input(i)) continue;
    require_rank(node, i, 3, 3);
    for (int axis = 0; axis < 2 && node.shape(0).ranked() && node.shape(i).ranked(); ++axis)
      require_dim(fmt::format("dimension {} of input {}", axis, i), node.shape(i)[axis], node.shape(0)[axis]);
  }
  if (rule.decays && !node.has_input(4)) throw Error("the decay (input 4) is left out");
  if (rule.corrects && !node.has_input(5)) throw Error("beta (input 5) is left out");
  const std::int64_t key = part(last_of(node, 1), heads.key, "key");
  const std::int64_t value = part(last_of(node, 2), heads.key, "value");
  require_dim("a head of the query", part(last_of(node, 0), heads.query, "query"), key);
  const std::int64_t decay = last_of(node, 4), beta = last_of(node, 5);
  if (rule.decays && is_known(decay) && decay != heads.key && is_known(key) && decay != heads.key * key)
    throw Error(fmt::format("the decay (input 4) has {}, expected {} or {}", counted(decay, "element"),
                            heads.key, heads.key * key));
  if (rule.corrects && is_known(beta) && beta != heads.key && beta != 1)
    throw Error(fmt::format("beta (input 5) has {}, expected {} or 1", counted(beta, "element"), heads.key));
  const Shape& src = node.shape(0);
  const std::int64_t batch = src.ranked() ? src[0] : kAnyDim, steps = src.ranked() ? src[1] : kAnyDim;
  const Shape state{batch, heads.key, key, value};
  if (node.has_input(3)) {
    require_rank(node, 3, 4, 4);
    for (int axis = 0; node.shape(3).ranked() && axis < 4; ++axis)
      require_dim("a dimension of the state", node.shape(3)[axis], state[axis]);
  }
  const DType dtype = node.input(0).dtype;
  const std::int64_t width = is_known(value) ? work_product({value, heads.query}) : kAnyDim;
  if (key > kMostKeys)
    throw Error(fmt::format("heads of {}, expected at most {}", counted(key, "element"), kMostKeys));
  std::vector<TensorDesc> results = {{dtype, {batch, steps, width}, Layout::nchw},
                                     {dtype, state, Layout::nchw}};
  results.resize(node.output_count);
  return results;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Rule rule = rule_of(node);
  const Heads heads = heads_of(node);
  const Shape& queries = src[0].desc.shape;
  const std::int64_t batch = queries[0], steps = queries[1];
  const std::int64_t keys = src[1].desc.shape[2] / heads.key, values = src[2].desc.shape[2] / heads.key;
  const double scale = node.attributes.has("scale") ? static_cast<double>(node.attributes.real("scale", 1))
                                                    : 1 / std::sqrt(static_cast<double>(keys));
  const std::int64_t group = heads.query / heads.key;
  // A column of the state at a time: those of other values have no part in it.
  std::array<double, kMostKeys> state{};
  for (std::int64_t column = 0; column < batch * heads.key * values; ++column) {
    const std::int64_t lane = column / values, v = column % values;
    const std::int64_t b = lane / heads.key, head = lane % heads.key;
    const auto cell = [&](std::int64_t k) { return (lane * keys + k) * values + v; };
    for (std::int64_t k = 0; k < keys; ++k)
      state[static_cast<std::size_t>(k)] =
          src.size() > 3 && src[3].present() ? real_at(src[3], cell(k)) : 0.0;
    for (std::int64_t t = 0; t < steps; ++t) {
      const std::int64_t step = b * steps + t, at = step * heads.key + head;
      double written = real_at(src[2], at * values + v), retrieved = 0;
      for (std::int64_t k = 0; k < keys; ++k) {
        double& each = state[static_cast<std::size_t>(k)];
        if (rule.decays)
          each *= std::exp(real_at(src[4], src[4].desc.shape[2] == heads.key ? at : at * keys + k));
        retrieved += each * real_at(src[1], at * keys + k);
      }
      if (rule.corrects)
        written = (written - retrieved) * real_at(src[5], src[5].desc.shape[2] == 1 ? step : at);
      for (std::int64_t k = 0; k < keys; ++k)
        state[static_cast<std::size_t>(k)] += written * real_at(src[1], at * keys + k);
      for (std::int64_t g = 0; g < group; ++g) {
        const std::int64_t query = step * heads.query + head * group + g;
        double sum = 0;
        for (std::int64_t k = 0; k < keys; ++k)
          sum += state[static_cast<std::size_t>(k)] * real_at(src[0], query * keys + k);
        set_real(dst[0], query * values + v, scale * sum);
      }
    }
    for (std::int64_t k = 0; k < keys && dst.size() > 1; ++k)
      set_real(dst[1], cell(k), state[static_cast<std::size_t>(k)]);
  }
}

Cost cost_attention(const NodeView& node) {
  const Shape &key = node.shape(1), &dst = node.outputs[0].shape;
  if (!key.known() || !dst.known()) return {};
  const Heads heads = heads_of(node);
  const std::int64_t macs = work_product({dst.elements(), key[2] / heads.key, 3});
  return {.macs = macs, .flops = work_product({2, macs})};
}

}  // namespace

const OpDef& op_linear_attention() {
  static const OpDef def{
      .name = "LinearAttention",
      .sentence = "queries read from a matrix that keys and values write to, step by step",
      .since_opset = 27,
      .min_inputs = 3,
      .max_inputs = 6,
      .max_outputs = 2,
      .attributes = {{"kv_num_heads", AttributeType::integer, true},
                     {"q_num_heads", AttributeType::integer, true},
                     {"scale", AttributeType::real},
                     {"chunk_size", AttributeType::integer},
                     {"update_rule", AttributeType::string}},
      .infer = infer_attention,
      .reference = reference,
      .cost = cost_attention,
  };
  return def;
}

}  // namespace godwit::ops
