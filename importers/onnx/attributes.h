// ONNX attributes become the typed values that ops take.
#pragma once

#include "importers/onnx/tensors.h"
#include "ops/attributes.h"

namespace godwit::importers {

// All attributes of a node. Throws Error for a name used twice and for a value that contradicts its declared
// type. Throws it for types that no op takes: graphs, sparse tensors, types.
ops::Attributes read_attributes(const onnx::Node& node, TensorReader& tensors);

// The other way, for writing.
void write_attribute(const std::string& name, const ops::AttributeValue& value, onnx::Attribute& dst);

// `tensor` with its bytes in raw_data.
void write_tensor(const Tensor& tensor, onnx::Tensor& dst);

}  // namespace godwit::importers
