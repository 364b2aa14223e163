// Attributes that became inputs, or numbers of another type.
#include "importers/onnx/adapter.h"

#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {

using engine::Node;
using engine::ValueId;

Tensor int64_list(std::span<const std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

Tensor real_scalar(DType dtype, float value) {
  Tensor tensor({dtype, {}, Layout::nchw});
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>)
      throw Error("bool has no number to compare with");
    else
      tensor.mutable_values<T>()[0] = static_cast<T>(value);
  });
  return tensor;
}

void set_input(Node& node, std::size_t index, ValueId value) {
  if (node.inputs.size() <= index) node.inputs.resize(index + 1, engine::kNoValue);
  node.inputs[index] = value;
}

void require_inputs(const Node& node, std::size_t least, std::size_t most) {
  if (node.inputs.size() >= least && node.inputs.size() <= most) return;
  throw Error(fmt::format("has {}, expected {}", counted(node.inputs.size(), "input"), most));
}

void move_integers(Node& node, GraphBuilder& builder, const char* attribute, std::size_t index) {
  if (node.inputs.size() > index) {
    throw Error(fmt::format("has {}, expected {} in opset {}", counted(node.inputs.size(), "input"), index,
                            builder.opset()));
  }
  if (!node.attributes.has(attribute)) return;
  const std::span<const std::int64_t> values = node.attributes.integers(attribute);
  set_input(node, index,
            builder.new_constant(fmt::format("{}_{}", node.name, attribute), int64_list(values)));
  node.attributes.erase(attribute);
}

void move_real(Node& node, GraphBuilder& builder, const char* attribute, std::size_t index) {
  if (!node.attributes.has(attribute)) return;
  const float value = node.attributes.real(attribute, 0);
  const DType dtype = builder.describe(node.inputs[0]).dtype;
  set_input(node, index,
            builder.new_constant(fmt::format("{}_{}", node.name, attribute), real_scalar(dtype, value)));
  node.attributes.erase(attribute);
}

void require_attribute(const Node& node, std::string_view attribute) {
  if (!node.attributes.has(attribute))
    throw Error(fmt::format("attribute '{}' is required and missing", attribute));
}

void make_integer(Node& node, const char* attribute) {
  if (!node.attributes.has(attribute)) return;
  const float value = node.attributes.real(attribute, 0);
  constexpr float kLargest = 1 << 24;  // integers up to here are exact
  if (std::trunc(value) != value || std::abs(value) > kLargest)
    throw Error(fmt::format("attribute '{}' is {}, expected an integer", attribute, value));
  node.attributes.set(attribute, static_cast<std::int64_t>(value));
}

}  // namespace godwit::importers
