// Attributes of operators as typed values, for passes: they read and set none by name.
#pragma once

#include <cstdint>

#include "ops/attributes.h"
#include "runtime/tensor.h"

namespace godwit::ops {

// Gemm: alpha · A · B + beta · C.
struct GemmAttributes {
  explicit GemmAttributes(const Attributes& attributes);

  float alpha, beta;
  bool transposes_a, transposes_b;
};
// They become 1.
void erase_alpha(Attributes& attributes);
void erase_beta(Attributes& attributes);

// QuantizeLinear and DequantizeLinear.
struct QuantizationAttributes {
  explicit QuantizationAttributes(const Attributes& attributes);

  std::int64_t axis;  // of scales; may count from the end
  bool sets_dtype;    // the element type of the result is written down
};
// The result has the type of the scale, as without the attribute.
void erase_result_dtype(Attributes& attributes);
void set_quantization_axis(Attributes& attributes, int axis);

// Cast: the element type of the result. Throws Error where it is none known here.
DType cast_dtype(const Attributes& attributes);
void set_cast_dtype(Attributes& attributes, DType dtype);

// Reorder: the layout of the result.
void set_reorder_layout(Attributes& attributes, Layout layout);

// BatchNormalization: what is added to the variance.
float batch_norm_epsilon(const Attributes& attributes);

// ReduceMean and its like: reduced axes stay, with size 1.
bool keeps_dims(const Attributes& attributes);

}  // namespace godwit::ops
