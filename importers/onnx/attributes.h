// ONNX attributes become the typed values that ops take.
#pragma once

#include "importers/onnx/tensors.h"
#include "ops/attributes.h"

namespace godwit::importers {

// All attributes of a node but graphs, which read_bodies() of the builder takes, the element type for one
// that is a type. Throws Error for a name used twice and for a value that contradicts its declared type, and
// for types that no op takes: lists of graphs, sparse tensors.
ops::Attributes read_attributes(const onnx::Node& node, TensorReader& tensors);

// The other way, for writing.
void write_attribute(const std::string& name, const ops::AttributeValue& value, onnx::Attribute& dst);

// `tensor` with its bytes in raw_data.
void write_tensor(const Tensor& tensor, onnx::Tensor& dst);

}  // namespace godwit::importers
