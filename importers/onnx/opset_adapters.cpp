// One small function per change in ONNX's history that matters to the operators here; the table says when it
// happened.
#include "importers/onnx/opset_adapters.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>
#include <utility>
#include <vector>

#include "importers/onnx/adapter.h"
#include "importers/onnx/microsoft.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::Node;
using engine::ValueId;

// The element type was given by its name.
void adapt_cast(Node node, GraphBuilder& builder) {
  constexpr std::array<std::string_view, 16> kNames = {"UNDEFINED", "FLOAT",  "UINT8",  "INT8",   "UINT16",
                                                       "INT16",     "INT32",  "INT64",  "STRING", "BOOL",
                                                       "FLOAT16",   "DOUBLE", "UINT32", "UINT64"};
  const std::string name = node.attributes.string("to", "");
  const auto found = std::ranges::find(kNames, std::string_view(name));
  if (name.empty() || found == kNames.end())
    throw Error(fmt::format("attribute 'to' is '{}', expected the name of an element type", name));
  node.attributes.set("to", std::int64_t{found - kNames.begin()});
  builder.append(std::move(node));
}

// A value with `count` dimensions of size 1 behind its own.
ValueId append_axes(const Node& node, GraphBuilder& builder, ValueId value, int rank, std::int64_t count) {
  if (count == 0) return value;
  std::vector<std::int64_t> axes;
  for (std::int64_t i = 0; i < count; ++i) axes.push_back(rank + i);
  const ValueId aligned = builder.new_value(node.name + "_aligned");
  Node unsqueeze;
  unsqueeze.name = node.name + "_align";
  unsqueeze.op = ops::find_op("Unsqueeze");
  unsqueeze.inputs = {value, builder.new_constant(node.name + "_axes", int64_list(axes))};
  unsqueeze.outputs = {aligned};
  unsqueeze.origins = node.origins;
  builder.append(std::move(unsqueeze));
  return aligned;
}

// Axes became an input.
void adapt_axes(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  move_integers(node, builder, "axes", 1);
  builder.append(std::move(node));
}

// The bounds became inputs.
void adapt_clip(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  move_real(node, builder, "min", 1);
  move_real(node, builder, "max", 2);
  builder.append(std::move(node));
}

// The probability of dropping became an input, and the mask became bool in opset 10.
void adapt_dropout(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  if (builder.opset() < 10 && node.outputs.size() > 1) {
    throw Error("its mask is used, which is not supported before opset 10");
  }
  node.attributes.erase("ratio");  // nothing is dropped at inference
  builder.append(std::move(node));
}

// Before opset 9 statistics could be kept per element instead of per channel.
void adapt_batch_normalization(Node node, GraphBuilder& builder) {
  if (!node.attributes.flag("spatial", true)) {
    throw Error("attribute 'spatial' is 0 (statistics per element), which is not supported");
  }
  node.attributes.erase("spatial");
  builder.append(std::move(node));
}

// Operand 1 was aligned with dimension `axis` of operand 0, where it broadcast at all.
void adapt_broadcast(Node node, GraphBuilder& builder) {
  require_inputs(node, 2, 2);
  const bool broadcasts = node.attributes.flag("broadcast", false);
  if (broadcasts && node.attributes.has("axis")) {
    const Shape a = builder.describe(node.inputs[0]).shape, b = builder.describe(node.inputs[1]).shape;
    if (!a.ranked() || !b.ranked()) throw Error("attribute 'axis' needs operands of known rank");
    const std::int64_t axis = node.attributes.integer("axis", 0);
    const std::int64_t behind = a.rank() - (axis < 0 ? axis + a.rank() : axis) - b.rank();
    if (behind < 0 || behind > a.rank()) {
      throw Error(fmt::format("attribute 'axis' is {}, which does not align shapes {} and {}", axis,
                              a.to_string(), b.to_string()));
    }
    node.inputs[1] = append_axes(node, builder, node.inputs[1], b.rank(), behind);
  }
  node.attributes.erase("broadcast");
  node.attributes.erase("axis");
  builder.append(std::move(node));
}

// One slope for each channel stood alone; now slopes are aligned at the last dimension.
void adapt_prelu(Node node, GraphBuilder& builder) {
  require_inputs(node, 2, 2);
  const Shape x = builder.describe(node.inputs[0]).shape, slope = builder.describe(node.inputs[1]).shape;
  if (!x.ranked() || !slope.ranked()) throw Error("before opset 7 it needs operands of known rank");
  if (slope.rank() == 1 && x.rank() > 2 && slope[0] != 1)
    node.inputs[1] = append_axes(node, builder, node.inputs[1], 1, x.rank() - 2);
  builder.append(std::move(node));
}

// C broadcast where an attribute said so.
void adapt_gemm(Node node, GraphBuilder& builder) {
  node.attributes.erase("broadcast");
  builder.append(std::move(node));
}

// Axes were "all but the second" or, across channels, all.
void adapt_mean_variance_normalization(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  if (!node.attributes.flag("normalize_variance", true))
    throw Error("attribute 'normalize_variance' is 0, which is not supported");
  if (node.attributes.flag("across_channels", false))
    node.attributes.set("axes", std::vector<std::int64_t>{0, 1, 2, 3});
  node.attributes.erase("across_channels");
  node.attributes.erase("normalize_variance");
  builder.append(std::move(node));
}

// All dimensions from `axis` on were normalised together, as if the tensor had two; now `axis` alone is.
void adapt_softmax(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  if (node.outputs.size() != 1)
    throw Error(fmt::format("has {}, expected 1", counted(node.outputs.size(), "output")));
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const TensorDesc src = builder.describe(node.inputs[0]);
  if (src.shape.ranked()) {
    const int rank = src.shape.rank();
    const std::int64_t first = axis < 0 ? axis + rank : axis;
    if (first < 0 || first >= rank) {
      throw Error(fmt::format("attribute 'axis' is {}, expected -{} to {}", axis, rank, rank - 1));
    }
    bool alone = true;
    for (auto i = static_cast<int>(first) + 1; i < rank; ++i) alone = alone && src.shape[i] == 1;
    if (alone) {
      node.attributes.set("axis", first);
      builder.append(std::move(node));
      return;
    }
  }

  const auto make = [&](const char* op, const char* suffix, std::vector<ValueId> inputs, ValueId dst) {
    Node part;
    part.name = node.name + suffix;
    part.op = ops::find_op(op);
    part.inputs = std::move(inputs);
    part.outputs = {dst};
    part.origins = node.origins;
    return part;
  };
  const ValueId flat = builder.new_value(node.name + "_flat");
  const ValueId shape = builder.new_value(node.name + "_shape");
  const ValueId normalized = builder.new_value(node.name + "_normalized");
  Node flatten = make("Flatten", "_flatten", {node.inputs[0]}, flat);
  flatten.attributes.set("axis", axis);
  builder.append(std::move(flatten));
  builder.append(make("Shape", "_shape_of", {node.inputs[0]}, shape));
  Node reshape = make("Reshape", "_reshape", {normalized, shape}, node.outputs[0]);
  node.attributes.set("axis", std::int64_t{1});
  node.inputs = {flat};
  node.outputs = {normalized};
  builder.append(std::move(node));
  builder.append(std::move(reshape));
}

// A constant needs no node, unless it is what the model answers.
void adapt_constant(Node node, GraphBuilder& builder) {
  for (const char* attribute : {"sparse_value", "value_string", "value_strings"}) {
    if (node.attributes.has(attribute))
      throw Error(fmt::format("attribute '{}' is not supported", attribute));
  }
  if (node.attributes.all().size() != 1 || node.outputs.size() != 1 || !node.inputs.empty()) {
    throw Error(fmt::format("has {} inputs, {} and {} values, expected 0, 1 and 1", node.inputs.size(),
                            counted(node.outputs.size(), "output"), node.attributes.all().size()));
  }
  Tensor value;
  if (const Tensor* tensor = node.attributes.tensor("value")) {
    value = *tensor;
  } else if (node.attributes.has("value_float")) {
    value = real_scalar(DType::f32, node.attributes.real("value_float", 0));
  } else if (node.attributes.has("value_floats")) {
    const std::span<const float> values = node.attributes.reals("value_floats");
    value = Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
  } else if (node.attributes.has("value_int")) {
    value = Tensor::of<std::int64_t>({}, {node.attributes.integer("value_int", 0)});
  } else if (node.attributes.has("value_ints")) {
    value = int64_list(node.attributes.integers("value_ints"));
  } else {
    throw Error(
        fmt::format("attribute '{}' is not known for this operator", node.attributes.all().begin()->first));
  }
  if (builder.graph().is_output(node.outputs[0])) {
    node.attributes = {};
    node.attributes.set("value", std::move(value));
    builder.append(std::move(node));
  } else {
    builder.set_constant(node.outputs[0], std::move(value));
  }
}

constexpr std::array kAdapters = {
    Adapter{"Add", 7, adapt_broadcast},
    Adapter{"And", 7, adapt_broadcast},
    Adapter{"BatchNormalization", 9, adapt_batch_normalization},
    Adapter{"Cast", 6, adapt_cast},
    Adapter{"Clip", 11, adapt_clip},
    Adapter{"Constant", kAlways, adapt_constant},
    Adapter{"Div", 7, adapt_broadcast},
    Adapter{"Dropout", 12, adapt_dropout},
    Adapter{"Equal", 7, adapt_broadcast},
    Adapter{"Gemm", 7, adapt_gemm},
    Adapter{"Greater", 7, adapt_broadcast},
    Adapter{"Hardmax", 13, adapt_softmax},
    Adapter{"Less", 7, adapt_broadcast},
    Adapter{"LogSoftmax", 13, adapt_softmax},
    Adapter{"MeanVarianceNormalization", 9, adapt_mean_variance_normalization},
    Adapter{"Mul", 7, adapt_broadcast},
    Adapter{"Or", 7, adapt_broadcast},
    Adapter{"PRelu", 7, adapt_prelu},
    Adapter{"Pow", 7, adapt_broadcast},
    Adapter{"ReduceL1", 18, adapt_axes},
    Adapter{"ReduceL2", 18, adapt_axes},
    Adapter{"ReduceLogSum", 18, adapt_axes},
    Adapter{"ReduceLogSumExp", 18, adapt_axes},
    Adapter{"ReduceMax", 18, adapt_axes},
    Adapter{"ReduceMean", 18, adapt_axes},
    Adapter{"ReduceMin", 18, adapt_axes},
    Adapter{"ReduceProd", 18, adapt_axes},
    Adapter{"ReduceSum", 13, adapt_axes},
    Adapter{"ReduceSumSquare", 18, adapt_axes},
    Adapter{"Softmax", 13, adapt_softmax},
    Adapter{"Sub", 7, adapt_broadcast},
    Adapter{"Xor", 7, adapt_broadcast},
};

std::string_view domain_of(const onnx::Node& node) {
  return node.domain() == "ai.onnx" ? std::string_view() : std::string_view(node.domain());
}

// A cast to the type of operand 1.
void expand_cast_like(Node node, GraphBuilder& builder) {
  require_inputs(node, 2, 2);
  node.op = ops::find_op("Cast");
  node.attributes.set("to", std::int64_t{onnx_code_of(builder.describe(node.inputs[1]).dtype)});
  node.inputs.resize(1);
  builder.append(std::move(node));
}

struct Expansion {
  std::string_view op;
  Expand expand;
};

constexpr std::array kExpansions = {
    Expansion{"CastLike", expand_cast_like},
};

// Null where the operator has a definition of its own, or none.
Expand expansion_of(const onnx::Node& node) {
  if (domain_of(node) == "com.microsoft") return microsoft_expansion(node.op_type());
  const auto found = std::ranges::find(kExpansions, std::string_view(node.op_type()), &Expansion::op);
  return !domain_of(node).empty() || found == kExpansions.end() ? nullptr : found->expand;
}

}  // namespace

const ops::OpDef* op_of(const onnx::Node& node) { return ops::find_op(node.op_type(), domain_of(node)); }

bool is_expanded(const onnx::Node& node) { return expansion_of(node) != nullptr; }

bool is_supported(const onnx::Node& node) {
  return is_expanded(node) || (domain_of(node) != "godwit" && op_of(node) != nullptr);
}

void expand_and_append(const onnx::Node& source, Node node, GraphBuilder& builder) {
  expansion_of(source)(std::move(node), builder);
}

void adapt_and_append(Node node, GraphBuilder& builder) {
  if (node.op->domain.empty()) {
    // Hints to executors of the first opsets: what may be overwritten, and that this is no training.
    if (builder.opset() < 7) {
      node.attributes.erase("consumed_inputs");
      node.attributes.erase("is_test");
    }
    for (const std::span<const Adapter> adapters :
         {std::span<const Adapter>(kAdapters), movement_adapters()}) {
      for (const Adapter& adapter : adapters) {
        if (adapter.op == node.op->name && builder.opset() < adapter.before) {
          adapter.adapt(std::move(node), builder);
          return;
        }
      }
    }
  }
  builder.append(std::move(node));
}

}  // namespace godwit::importers
