// Loop: a graph run again and again on what it gave, for a number of times or while a condition holds; the
// engine runs it.
#include <fmt/format.h>

#include "ops/bodies.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// Operands: the number of times (s64) and the condition, both may be left out; the states; what the body
// reads of the graph around it. The body takes the same in their places and gives the condition, the
// states and a slice of each other result.
std::vector<TensorDesc> infer_loop(const NodeView& node) {
  const std::size_t captured = captured_count(node);
  if (node.inputs.size() < 2 + captured)
    throw Error(
        fmt::format("has {}, expected at least {}", counted(node.inputs.size(), "input"), 2 + captured));
  const std::size_t states = node.inputs.size() - 2 - captured;
  if (node.output_count < states)
    throw Error(fmt::format("has {} for {} states", counted(node.output_count, "output"), states));
  if (node.has_input(0) && node.input(0).dtype != DType::s64)
    throw Error(
        fmt::format("the number of times (input 0) is {}, expected s64", name_of(node.input(0).dtype)));
  if (node.has_input(1) && node.input(1).dtype != DType::boolean)
    throw Error(fmt::format("the condition (input 1) is {}, expected boolean", name_of(node.input(1).dtype)));
  const Body& body = body_of(node, "body", node.inputs.size(), node.output_count + 1);

  std::vector<TensorDesc> inputs;
  for (const Operand& operand : node.inputs)
    inputs.push_back(operand.present() ? *operand.desc : TensorDesc{});
  inputs[0] = {DType::s64, {}, Layout::nchw};
  inputs[1] = {DType::boolean, {}, Layout::nchw};
  std::vector<Operand> operands(node.inputs.begin(), node.inputs.end());
  for (std::size_t i = 0; i < 2 + states; ++i) operands[i] = {&inputs[i], nullptr};
  const std::vector<TensorDesc> given = infer_repeated(body, inputs, operands, 2, 1, states);
  if (given[0].dtype != DType::boolean)
    throw Error(fmt::format("its body's condition is {}, expected boolean", name_of(given[0].dtype)));
  std::vector<TensorDesc> results(given.begin() + 1, given.end());
  for (std::size_t i = states; i < results.size(); ++i) {
    Shape all{kAnyDim};
    if (!results[i].shape.ranked()) all = Shape::unranked();
    for (const std::int64_t dim : results[i].shape.dims()) all.append(is_bounded(dim) ? kAnyDim : dim);
    results[i].shape = all;
  }
  return results;
}

}  // namespace

const OpDef& op_loop() {
  static const OpDef def{
      .name = "Loop",
      .sentence = "a graph run again and again on what it gave",
      .min_inputs = 0,
      .max_inputs = kMostBodyOperands,
      .max_outputs = kMostBodyOperands,
      .attributes = {{"body", AttributeType::graph, true}, {kCaptures, AttributeType::integer}},
      .kind = OpKind::control,
      .infer = infer_loop,
  };
  return def;
}

}  // namespace godwit::ops
