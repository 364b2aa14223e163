// Constant: a value written in the model itself.
#include <array>
#include <fmt/format.h>

#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The value's bytes, wherever the attributes keep them.
struct Value {
  TensorDesc desc;
  const void* data = nullptr;
};

Value value_of(const Attributes& attributes) {
  if (const Tensor* tensor = attributes.tensor("value")) return {tensor->desc(), tensor->data()};
  const auto list_of = [](const auto& values, DType dtype) -> Value {
    return {{dtype, {static_cast<std::int64_t>(values.size())}, Layout::nchw}, values.data()};
  };
  if (attributes.has("value_floats")) return list_of(attributes.reals("value_floats"), DType::f32);
  if (attributes.has("value_ints")) return list_of(attributes.integers("value_ints"), DType::s64);
  const AttributeValue& scalar = attributes.all().begin()->second;
  if (const auto* real = std::get_if<float>(&scalar)) return {{DType::f32, {}, Layout::nchw}, real};
  return {{DType::s64, {}, Layout::nchw}, &std::get<std::int64_t>(scalar)};
}

std::vector<TensorDesc> infer_constant(const NodeView& node) {
  if (node.attributes.all().size() != 1) {
    throw Error(
        fmt::format("{} of the attributes 'value', 'value_float', 'value_floats', 'value_int' and "
                    "'value_ints' are there, expected one",
                    node.attributes.all().size()));
  }
  return {value_of(node.attributes).desc};
}

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  const Value value = value_of(node.attributes);
  copy_bytes({value.desc, const_cast<void*>(value.data)}, dst[0]);
}

}  // namespace

const OpDef& op_constant() {
  static const OpDef def{
      .name = "Constant",
      .sentence = "a value written in the model",
      .min_inputs = 0,
      .max_inputs = 0,
      .attributes = {{"value", AttributeType::tensor},
                     {"value_float", AttributeType::real},
                     {"value_floats", AttributeType::reals},
                     {"value_int", AttributeType::integer},
                     {"value_ints", AttributeType::integers}},
      .kind = OpKind::shape,
      .infer = infer_constant,
      .reference = reference,
      .cost = no_arithmetic,
      .folds_from_descs = always,
  };
  return def;
}

}  // namespace godwit::ops
