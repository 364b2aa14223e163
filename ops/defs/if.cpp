// If: what one of two graphs gives; the engine runs it.
#include <fmt/format.h>

#include "ops/bodies.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_if(const NodeView& node) {
  const std::size_t captured = captured_count(node);
  if (node.inputs.size() != 1 + captured) {
    throw Error(fmt::format("has {} beside what its graphs read, expected 1",
                            counted(node.inputs.size() - captured, "input")));
  }
  if (node.input(0).dtype != DType::boolean)
    throw Error(fmt::format("the condition (input 0) is {}, expected boolean", name_of(node.input(0).dtype)));
  const auto read = node.inputs.subspan(1);
  const Body& first = body_of(node, "then_branch", captured, node.output_count);
  const Body& second = body_of(node, "else_branch", captured, node.output_count);
  std::vector<TensorDesc> results = first.infer(read);
  const std::vector<TensorDesc> others = second.infer(read);
  for (std::size_t i = 0; i < results.size(); ++i)
    results[i] = common_desc(results[i], others[i], fmt::format("output {}", i));
  return results;
}

}  // namespace

const OpDef& op_if() {
  static const OpDef def{
      .name = "If",
      .sentence = "what one of two graphs gives, by a condition",
      .max_inputs = kMostBodyOperands,
      .max_outputs = kMostBodyOperands,
      .attributes = {{"then_branch", AttributeType::graph, true},
                     {"else_branch", AttributeType::graph, true},
                     {kCaptures, AttributeType::integer}},
      .kind = OpKind::control,
      .infer = infer_if,
  };
  return def;
}

}  // namespace godwit::ops
