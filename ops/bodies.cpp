// Merging descriptions until they no longer change.
#include "ops/bodies.h"

#include <fmt/format.h>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {

std::size_t captured_count(const NodeView& node) {
  const std::int64_t count = node.attributes.integer(kCaptures, 0);
  if (count < 0 || static_cast<std::size_t>(count) > node.inputs.size()) {
    throw Error(fmt::format("attribute '{}' is {}, of {} in all", kCaptures, count,
                            counted(node.inputs.size(), "input")));
  }
  return static_cast<std::size_t>(count);
}

const Body& body_of(const NodeView& node, std::string_view attribute, std::size_t inputs,
                    std::size_t outputs) {
  const Body* body = node.attributes.body(attribute);
  if (body == nullptr) throw Error(fmt::format("attribute '{}' is required and missing", attribute));
  if (body->input_count() != inputs) {
    throw Error(fmt::format("the graph '{}' has {}, expected {}", attribute,
                            counted(body->input_count(), "input"), inputs));
  }
  if (body->output_count() != outputs) {
    throw Error(fmt::format("the graph '{}' has {}, expected {}", attribute,
                            counted(body->output_count(), "output"), outputs));
  }
  return *body;
}

TensorDesc common_desc(const TensorDesc& a, const TensorDesc& b, std::string_view what) {
  if (a.dtype != b.dtype) {
    throw Error(fmt::format("{} is {} or {}, expected one type", what, name_of(a.dtype), name_of(b.dtype)));
  }
  TensorDesc result{a.dtype, a.shape, Layout::nchw};
  if (!a.shape.ranked() || !b.shape.ranked() || a.shape.rank() != b.shape.rank()) {
    result.shape = Shape::unranked();
    return result;
  }
  for (int axis = 0; axis < a.shape.rank(); ++axis) {
    if (a.shape[axis] != b.shape[axis] || is_bounded(a.shape[axis])) result.shape[axis] = kAnyDim;
  }
  return result;
}

std::vector<TensorDesc> infer_repeated(const Body& body, std::vector<TensorDesc>& inputs,
                                       std::span<const Operand> operands, std::size_t first,
                                       std::size_t result, std::size_t count) {
  while (true) {
    std::vector<Operand> given(operands.begin(), operands.end());
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (given[i].present()) given[i].desc = &inputs[i];
    }
    std::vector<TensorDesc> results = body.infer(given);
    bool changed = false;
    for (std::size_t i = 0; i < count; ++i) {
      TensorDesc& before = inputs[first + i];
      const TensorDesc common =
          common_desc(before, results[result + i], fmt::format("state {} of the loop", i));
      changed = changed || !(common == before);
      before = common;  // each change forgets a dimension or all, so that this ends
    }
    if (changed) continue;
    for (std::size_t i = 0; i < count; ++i) results[result + i] = inputs[first + i];
    return results;
  }
}

}  // namespace godwit::ops
