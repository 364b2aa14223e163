// Scaled dot-product attention: operands in three or four dimensions, heads, masks and caches as ONNX has
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ops/op.h"

namespace godwit::ops {

// Elements between neighbours of a tensor of heads: N×H×S×D, or N×S×(H·D) seen as such.
struct HeadStrides {
  std::int64_t batch = 0, head = 0, row = 0;  // elements of a head lie side by side
};

// The sizes of one node, from its operands at run time.
struct AttentionSizes {
  std::int64_t batch, heads, kv_heads, queries;
  std::int64_t past, keys;        // keys that a cache holds; new ones
  std::int64_t size, value_size;  // of a head of Q and K, and of V
  std::int64_t all_keys() const { return past + keys; }
};

HeadStrides head_strides(const Shape& shape, std::int64_t heads);
// Operands are Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen; the last four may be left out.
AttentionSizes attention_sizes(const NodeView& node, std::span<const TensorView> src);
// The factor of a product of Q and K.
double attention_scale(const NodeView& node, std::int64_t size);

// Heads inside of a tensor in ONNX's order: where the first one begins, and elements between neighbours.
struct HeadView {
  std::int64_t offset = 0, batch = 0, head = 0, row = 0;
};
// A mask that is added to scores: batch b reads that of b % period. Keys lie side by side.
struct MaskView {
  std::int64_t period = 1, batch = 0, head = 0, row = 0;
};
// Attention without a cache over heads that lie anywhere.
struct AttentionViews {
  std::int64_t batch = 1, heads = 1, kv_heads = 1, queries = 0, keys = 0, size = 0, value_size = 0;
  HeadView query, key, value, result;
  std::optional<MaskView> mask;
  float scale = 1;
};
// The attributes of the internal op AttentionViews as a struct, and back.
AttentionViews attention_views_of(const Attributes& attributes);
void set_attention_views(Attributes& attributes, const AttentionViews& views, const Shape& result);

}  // namespace godwit::ops
