// Names and defaults as ONNX has them.
#include "ops/attribute_views.h"

#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::ops {

GemmAttributes::GemmAttributes(const Attributes& attributes)
    : alpha(attributes.real("alpha", 1.0F)),
      beta(attributes.real("beta", 1.0F)),
      transposes_a(attributes.flag("transA", false)),
      transposes_b(attributes.flag("transB", false)) {}

void erase_alpha(Attributes& attributes) { attributes.erase("alpha"); }
void erase_beta(Attributes& attributes) { attributes.erase("beta"); }

QuantizationAttributes::QuantizationAttributes(const Attributes& attributes)
    : axis(attributes.integer("axis", 1)), sets_dtype(attributes.has("output_dtype")) {}

void erase_result_dtype(Attributes& attributes) { attributes.erase("output_dtype"); }
void set_quantization_axis(Attributes& attributes, int axis) { attributes.set("axis", std::int64_t{axis}); }

DType cast_dtype(const Attributes& attributes) {
  const std::int64_t code = attributes.integer("to", 0);
  const auto dtype = code >= 0 && code <= 255 ? dtype_from_onnx(static_cast<int>(code)) : std::nullopt;
  if (!dtype) throw Error(fmt::format("attribute 'to' is {}, which is no element type known here", code));
  return *dtype;
}

void set_cast_dtype(Attributes& attributes, DType dtype) {
  attributes.set("to", std::int64_t{onnx_code_of(dtype)});
}

void set_reorder_layout(Attributes& attributes, Layout layout) {
  attributes.set("to", std::string(name_of(layout)));
}

float batch_norm_epsilon(const Attributes& attributes) { return attributes.real("epsilon", 1e-5F); }

bool keeps_dims(const Attributes& attributes) { return attributes.flag("keepdims", true); }

}  // namespace godwit::ops
