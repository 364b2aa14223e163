// Sums of many tensors of one shape in one pass over memory.
#pragma once

#include <memory>
#include <string>

#include "ops/implementation.h"

namespace godwit::ops {

// The reason why a node's operands cannot be added up so; "" when they can.
std::string reject_sum_spans(const NodeView& node, const Target& target);
std::unique_ptr<Executable> prepare_sum_spans(const NodeView& node, const PrepareContext& context);

}  // namespace godwit::ops
