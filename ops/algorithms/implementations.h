// The implementations that ops list, by name; each is defined in the algorithm file that carries it out.
#pragma once

#include "ops/implementation.h"

namespace godwit::ops {

extern const Implementation conv_depthwise;                  // conv_depthwise.cpp
extern const Implementation conv_grouped;                    // conv_grouped.cpp
extern const Implementation conv_taps;                       // conv_taps.cpp
extern const Implementation conv_gemm_rows;                  // conv_gemm.cpp
extern const Implementation conv_winograd4, conv_winograd2;  // conv_winograd.cpp
extern const Implementation conv_gemm;                       // conv_gemm.cpp
extern const Implementation lstm_panels;                     // lstm_panels.cpp
extern const Implementation conv_transpose_gemm;             // conv_transpose_gemm.cpp
extern const Implementation resize_rows;                     // resize_rows.cpp
extern const Implementation global_max_pool_nhwc;            // pool.cpp
extern const Implementation top_k_sorted;                    // top_k.cpp
extern const Implementation where_rows;                      // where.cpp
extern const Implementation shuffle_pixels;                  // shuffle_pixels.cpp
extern const Implementation gather_runs;                     // gather.cpp
extern const Implementation gemm_panels;                     // gemm_panels.cpp: Gemm with constant weights
extern const Implementation mat_mul_panels;                  // gemm_panels.cpp: MatMul with constant weights
extern const Implementation linear_panels;                   // gemm_panels.cpp: Linear with constant weights
extern const Implementation mat_mul_computed;                // mat_mul_computed.cpp
extern const Implementation max_pool_nhwc;                   // pool.cpp
extern const Implementation max_pool_bytes;                  // pool.cpp
extern const Implementation average_pool_nhwc;               // pool.cpp
extern const Implementation average_pool_bytes;              // pool.cpp
extern const Implementation global_average_pool_nhwc;        // pool.cpp
extern const Implementation batch_normalization_nhwc;        // batch_normalization.cpp
extern const Implementation unary_relu, unary_clip, unary_leaky_relu, unary_sigmoid, unary_hard_sigmoid,
    unary_hard_swish, unary_abs, unary_reciprocal, unary_sqrt, unary_exp, unary_log, unary_erf, unary_tanh,
    unary_mish, unary_softplus, unary_gelu, unary_elu, unary_selu, unary_swish, unary_celu,
    unary_power;  // unary.cpp
extern const Implementation binary_add, binary_sub, binary_mul, binary_div, binary_prelu, binary_max,
    binary_min;  // binary.cpp
extern const Implementation conv_quantized_winograd4,
    conv_quantized_winograd2;                                     // conv_quantized_winograd.cpp
extern const Implementation conv_quantized, conv_quantized_rows;  // conv_quantized.cpp
extern const Implementation conv_quantized_depthwise;             // conv_quantized_depthwise.cpp
extern const Implementation mat_mul_quantized;                    // mat_mul_quantized.cpp
extern const Implementation quantize_span, dequantize_span;       // quantize.cpp
extern const Implementation add_bytes, requantize_bytes;          // add_quantized.cpp
extern const Implementation cast_spans;                           // convert.cpp
extern const Implementation layer_normalization_rows, rms_normalization_rows,
    channel_normalization_rows;                                   // normalize_rows.cpp
extern const Implementation channel_normalization_nhwc;           // normalize_channels.cpp
extern const Implementation reduce_mean_spans, reduce_sum_spans;  // reduce_spans.cpp
extern const Implementation attention_heads, attention_views;     // attention.cpp
extern const Implementation softmax_rows;                         // softmax.cpp

}  // namespace godwit::ops
