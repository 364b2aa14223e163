// Scan: a graph run on each slice of some operands, handing states on; the engine runs it.
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/bodies.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// Entry i of a list of axes or directions; 0 where it is not given.
std::int64_t entry(const NodeView& node, std::string_view attribute, std::size_t i, std::size_t count) {
  const auto values = node.attributes.integers(attribute);
  if (values.empty()) return 0;
  if (values.size() != count)
    throw Error(
        fmt::format("attribute '{}' has {}, expected {}", attribute, counted(values.size(), "value"), count));
  return values[i];
}

// Operands: states, then what is read slice by slice, then what the body reads of the graph around it.
std::vector<TensorDesc> infer_scan(const NodeView& node) {
  const std::size_t captured = captured_count(node);
  const std::int64_t wanted = node.attributes.integer("num_scan_inputs", 0);
  const std::size_t own = node.inputs.size() - captured;
  if (wanted < 1 || static_cast<std::size_t>(wanted) > own) {
    throw Error(fmt::format("attribute 'num_scan_inputs' is {}, expected 1 to {}", wanted, own));
  }
  const auto scans = static_cast<std::size_t>(wanted);
  const std::size_t states = own - scans;
  if (node.output_count < states)
    throw Error(fmt::format("has {} for {} states", counted(node.output_count, "output"), states));
  const std::size_t slices = node.output_count - states;
  const Body& body = body_of(node, "body", node.inputs.size(), node.output_count);

  std::vector<TensorDesc> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i)) throw Error(fmt::format("input {} is required and missing", i));
    inputs.push_back(node.input(i));
  }
  std::int64_t length = kAnyDim;
  for (std::size_t i = 0; i < scans; ++i) {
    TensorDesc& desc = inputs[states + i];
    const std::int64_t axis = entry(node, "scan_input_axes", i, scans);
    (void)entry(node, "scan_input_directions", i, scans);
    if (!desc.shape.ranked()) continue;
    const int at = normalize_axis(axis, desc.shape.rank());
    const std::int64_t here = desc.shape[at];
    if (!may_be_same_dim(length, here))
      throw Error(fmt::format("input {} has {} slices, another one {}", states + i, here, length));
    length = more_specific_dim(length, here);
    Shape slice;
    for (int k = 0; k < desc.shape.rank(); ++k) {
      if (k != at) slice.append(desc.shape[k]);
    }
    desc.shape = slice;
  }
  std::vector<Operand> operands(node.inputs.begin(), node.inputs.end());
  for (std::size_t i = 0; i < own; ++i) operands[i] = {&inputs[i], nullptr};
  std::vector<TensorDesc> results = infer_repeated(body, inputs, operands, 0, 0, states);
  for (std::size_t i = 0; i < slices; ++i) {
    Shape& shape = results[states + i].shape;
    const std::int64_t axis = entry(node, "scan_output_axes", i, slices);
    (void)entry(node, "scan_output_directions", i, slices);
    if (!shape.ranked()) continue;
    const int at = normalize_axis(axis, shape.rank() + 1);
    Shape all;
    for (int k = 0; k <= shape.rank(); ++k) {
      if (k == at) all.append(is_bounded(length) ? kAnyDim : length);
      if (k < shape.rank()) all.append(is_bounded(shape[k]) ? kAnyDim : shape[k]);
    }
    shape = all;
  }
  return results;
}

}  // namespace

const OpDef& op_scan() {
  static const OpDef def{
      .name = "Scan",
      .sentence = "a graph run on each slice of some operands, handing states on",
      .since_opset = 9,
      .max_inputs = kMostBodyOperands,
      .max_outputs = kMostBodyOperands,
      .attributes = {{"body", AttributeType::graph, true},
                     {"num_scan_inputs", AttributeType::integer, true},
                     {"scan_input_axes", AttributeType::integers},
                     {"scan_input_directions", AttributeType::integers},
                     {"scan_output_axes", AttributeType::integers},
                     {"scan_output_directions", AttributeType::integers},
                     {kCaptures, AttributeType::integer}},
      .kind = OpKind::control,
      .infer = infer_scan,
  };
  return def;
}

}  // namespace godwit::ops
