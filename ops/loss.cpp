// Shapes of losses.
#include "ops/loss.h"

#include <fmt/format.h>

#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {

std::vector<AttributeSpec> loss_attributes() {
  return {{"ignore_index", AttributeType::integer}, {"reduction", AttributeType::string}};
}

LossReduction loss_reduction(const NodeView& node) {
  const auto found = node.attributes.all().find("reduction");
  if (found == node.attributes.all().end()) return LossReduction::mean;
  const auto& name = std::get<std::string>(found->second);
  return name == "none" ? LossReduction::none : name == "sum" ? LossReduction::sum : LossReduction::mean;
}

std::vector<TensorDesc> infer_loss(const NodeView& node) {
  std::vector<Operand> numbers(node.inputs.begin(), node.inputs.end());
  numbers[1] = {};
  NodeView alike = node;
  alike.inputs = numbers;
  require_one_dtype(alike, kFloatTypes);
  if (node.input(1).dtype != DType::s64 && node.input(1).dtype != DType::s32)
    throw Error(fmt::format("input 1 is {}, expected s32 or s64", name_of(node.input(1).dtype)));
  const std::string reduction = node.attributes.string("reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean")
    throw Error(fmt::format("attribute 'reduction' is '{}', expected 'none', 'sum' or 'mean'", reduction));
  require_rank(node, 0, 2);
  const Shape &scores = node.shape(0), &targets = node.shape(1);
  if (scores.ranked() && targets.ranked()) {
    require_rank(node, 1, scores.rank() - 1, scores.rank() - 1);
    for (int axis = 0; axis < targets.rank(); ++axis)
      require_dim(fmt::format("dimension {} of input 1", axis), targets[axis],
                  scores[axis == 0 ? 0 : axis + 1]);
  }
  if (node.has_input(2)) {
    require_rank(node, 2, 1, 1);
    if (node.shape(2).ranked() && scores.ranked())
      require_dim("the length of input 2", node.shape(2)[0], scores[1]);
  }
  std::vector<TensorDesc> descs{{node.input(0).dtype, reduction == "none" ? targets : Shape{}, Layout::nchw}};
  descs.resize(node.output_count, {node.input(0).dtype, scores, Layout::nchw});
  return descs;
}

}  // namespace godwit::ops
