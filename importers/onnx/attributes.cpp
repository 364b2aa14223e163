// Both directions of the attribute mapping, so that they cannot drift apart.
#include "importers/onnx/attributes.h"

#include <array>
#include <fmt/format.h>
#include <string_view>
#include <vector>

#include "importers/onnx/packing.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

// AttributeProto.AttributeType.
enum Type : int {
  kUndefined = 0,
  kReal = 1,
  kInteger,
  kString,
  kTensor,
  kGraph,
  kReals,
  kIntegers,
  kStrings,
  kType = 13
};

constexpr std::array<std::string_view, 15> kTypeNames = {"undefined",
                                                         "real",
                                                         "integer",
                                                         "string",
                                                         "tensor",
                                                         "graph",
                                                         "list of reals",
                                                         "list of integers",
                                                         "list of strings",
                                                         "list of tensors",
                                                         "list of graphs",
                                                         "sparse tensor",
                                                         "list of sparse tensors",
                                                         "type",
                                                         "list of types"};

std::string_view type_name(int type) {
  return type >= 0 && type < static_cast<int>(kTypeNames.size()) ? kTypeNames[static_cast<std::size_t>(type)]
                                                                 : "unknown";
}

std::vector<Type> types_present(const onnx::Attribute& attribute) {
  std::vector<Type> types;
  if (attribute.has_f()) types.push_back(kReal);
  if (attribute.has_i()) types.push_back(kInteger);
  if (attribute.has_s()) types.push_back(kString);
  if (attribute.has_t()) types.push_back(kTensor);
  if (attribute.has_g()) types.push_back(kGraph);
  if (attribute.floats_size() > 0) types.push_back(kReals);
  if (attribute.ints_size() > 0) types.push_back(kIntegers);
  if (attribute.strings_size() > 0) types.push_back(kStrings);
  if (attribute.has_tp()) types.push_back(kType);
  return types;
}

// Files of IR version 1 do not declare the type; it follows from the field that is there.
int type_of(const onnx::Attribute& attribute) {
  const std::vector<Type> present = types_present(attribute);
  const int declared = attribute.type() != kUndefined ? attribute.type()
                       : present.empty()              ? kUndefined
                                                      : present.front();
  for (const Type type : present) {
    if (type != declared) {
      throw Error(fmt::format("attribute '{}' is declared as {} and holds {}", attribute.name(),
                              type_name(declared), type_name(type)));
    }
  }
  return declared;
}

// The element type of tensors, of lists of them, and of such values that may be missing; 0 for all else.
int element_code(const onnx::Type& type) {
  const onnx::Type* inner = &type;
  while (inner->has_sequence_type() || inner->has_optional_type())
    inner = inner->has_sequence_type() ? &inner->sequence_type().elem_type()
                                       : &inner->optional_type().elem_type();
  return inner->tensor_type().elem_type();
}

ops::AttributeValue read_value(const onnx::Attribute& attribute, TensorReader& tensors) {
  if (!attribute.ref_attr_name().empty()) {
    throw Error(fmt::format("attribute '{}' refers to a function's attribute outside of a function",
                            attribute.name()));
  }
  const int type = type_of(attribute);
  switch (type) {
    case kReal:
      return attribute.f();
    case kInteger:
      return attribute.i();
    case kString:
      return attribute.s();
    case kTensor:
      return with_context([&] { return fmt::format("attribute '{}'", attribute.name()); },
                          [&] { return tensors.read(attribute.t()); });
    case kReals:
      return std::vector<float>(attribute.floats().begin(), attribute.floats().end());
    case kIntegers:
      return std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end());
    case kStrings:
      return std::vector<std::string>(attribute.strings().begin(), attribute.strings().end());
    case kType:
      return std::int64_t{element_code(attribute.tp())};
    default:
      throw Error(fmt::format("attribute '{}' is of type {}, which is not supported", attribute.name(),
                              type_name(type)));
  }
}

}  // namespace

ops::Attributes read_attributes(const onnx::Node& node, TensorReader& tensors) {
  ops::Attributes attributes;
  for (const onnx::Attribute& attribute : node.attribute()) {
    check_name(attribute.name(), "the name of an attribute");
    if (attributes.has(attribute.name()))
      throw Error(fmt::format("attribute '{}' is given twice", attribute.name()));
    if (attribute.has_g() && type_of(attribute) == kGraph) continue;
    attributes.set(attribute.name(), read_value(attribute, tensors));
  }
  return attributes;
}

void write_tensor(const Tensor& tensor, onnx::Tensor& dst) {
  for (const std::int64_t dim : tensor.shape().dims()) dst.add_dims(dim);
  dst.set_data_type(onnx_code_of(tensor.dtype()));
  const Tensor stored = is_packed(tensor.dtype()) ? pack(tensor) : tensor;
  dst.set_raw_data(stored.data(), stored.bytes());
}

void write_attribute(const std::string& name, const ops::AttributeValue& value, onnx::Attribute& dst) {
  dst.set_name(name);
  struct Writer {
    onnx::Attribute& dst;
    Type operator()(std::int64_t v) const { return dst.set_i(v), kInteger; }
    Type operator()(float v) const { return dst.set_f(v), kReal; }
    Type operator()(const std::string& v) const { return dst.set_s(v), kString; }
    Type operator()(const std::vector<std::int64_t>& v) const {
      return dst.mutable_ints()->Assign(v.begin(), v.end()), kIntegers;
    }
    Type operator()(const std::vector<float>& v) const {
      return dst.mutable_floats()->Assign(v.begin(), v.end()), kReals;
    }
    Type operator()(const std::vector<std::string>& v) const {
      return dst.mutable_strings()->Assign(v.begin(), v.end()), kStrings;
    }
    Type operator()(const std::shared_ptr<const ops::Body>&) const {
      throw Error("has a graph of its own, which is not written");
    }
    Type operator()(const Tensor& v) const { return write_tensor(v, *dst.mutable_t()), kTensor; }
  };
  dst.set_type(std::visit(Writer{dst}, value));
}

}  // namespace godwit::importers
