// Scaled dot-product attention: operands in three or four dimensions, heads, masks and caches as ONNX has
// them.
#pragma once

#include <cstdint>
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

}  // namespace godwit::ops
