// Operators that the engine makes or knows by what they mean: compare `node.op` with the address of one. An
// operator that no pass makes has no business here; passes ask it for its kind and properties.
#pragma once

#include "ops/op.h"

namespace godwit::ops {

const OpDef& op_add();
const OpDef& op_batch_normalization();
const OpDef& op_cast();
const OpDef& op_conv();
const OpDef& op_dequantize_linear();
const OpDef& op_gemm();
const OpDef& op_global_average_pool();
const OpDef& op_identity();
const OpDef& op_mat_mul();
const OpDef& op_pad();
const OpDef& op_quantize_linear();
const OpDef& op_reduce_mean();
const OpDef& op_reorder();
const OpDef& op_requantize();
// Forms on 8-bit numbers (OpDef::quantized).
const OpDef& op_quantized_add();
const OpDef& op_quantized_average_pool();
const OpDef& op_quantized_conv();
const OpDef& op_quantized_mat_mul();

}  // namespace godwit::ops
