// Operators that the engine makes or knows by what they mean: compare `node.op` with the address of one. An
// operator that no pass makes has no business here; passes ask it for its kind and properties.
#pragma once

#include "ops/op.h"

namespace godwit::ops {

const OpDef& op_add();
const OpDef& op_attention_views();
const OpDef& op_batch_normalization();
const OpDef& op_cast();
const OpDef& op_channel_shuffle();
const OpDef& op_concat();
const OpDef& op_conv();
const OpDef& op_dequantize_linear();
const OpDef& op_gather();
const OpDef& op_gemm();
const OpDef& op_div();
const OpDef& op_erf();
const OpDef& op_gelu();
const OpDef& op_global_average_pool();
const OpDef& op_identity();
const OpDef& op_if();
const OpDef& op_linear();
const OpDef& op_loop();
const OpDef& op_layer_normalization();
const OpDef& op_mat_mul();
const OpDef& op_mish();
const OpDef& op_mul();
const OpDef& op_pad();
const OpDef& op_pow();
const OpDef& op_quantize_linear();
const OpDef& op_reduce_mean();
const OpDef& op_reorder();
const OpDef& op_requantize();
const OpDef& op_reshape();
const OpDef& op_resize();
const OpDef& op_scan();
const OpDef& op_slice();
const OpDef& op_softmax();
const OpDef& op_split();
const OpDef& op_squeeze();
const OpDef& op_transpose();
const OpDef& op_unsqueeze();
// On lists of tensors and optional values; the engine runs them.
const OpDef& op_concat_from_sequence();
const OpDef& op_optional();
const OpDef& op_optional_get_element();
const OpDef& op_optional_has_element();
const OpDef& op_sequence_at();
const OpDef& op_sequence_construct();
const OpDef& op_sequence_empty();
const OpDef& op_sequence_erase();
const OpDef& op_sequence_insert();
const OpDef& op_sequence_length();
const OpDef& op_split_to_sequence();
const OpDef& op_sigmoid();
const OpDef& op_softplus();
const OpDef& op_sqrt();
const OpDef& op_sub();
const OpDef& op_sum();
const OpDef& op_swish();
const OpDef& op_tanh();
// Forms on 8-bit numbers (OpDef::quantized).
const OpDef& op_quantized_add();
const OpDef& op_quantized_average_pool();
const OpDef& op_quantized_conv();
const OpDef& op_quantized_mat_mul();

}  // namespace godwit::ops
