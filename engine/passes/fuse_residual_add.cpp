// fuse_residual_add: Add(Conv(x), y) → Conv(x) + y, with the Add's own clamp behind the sum.
#include <algorithm>
#include <fmt/format.h>

#include "engine/rewrite.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

// The reason why the node that computes operand i of this Add cannot take the other operand as its residual;
// "" when it can.
std::string reject_reason(const Rewriter& rewriter, NodeId add_id, std::size_t i) {
  const Node& add = rewriter.node(add_id);
  const NodeId maker_id = rewriter.producer(add.inputs[i]);
  if (maker_id == kNoNode) return "nothing computes it";
  const Node& producer = rewriter.node(maker_id);
  if (!producer.op->fuses_residual) return fmt::format("{} does not add residuals", describe(producer));
  if (!producer.epilogue.empty()) return fmt::format("{} already clamps or adds", describe(producer));
  if (producer.outputs.size() != 1) return fmt::format("{} has several results", describe(producer));
  if (rewriter.only_reader(add.inputs[i]) != add_id)
    return fmt::format("others read the result of {}", describe(producer));
  return "";
}

// An Add of two computed tensors of one shape: no broadcasting, no constants.
bool is_residual_add(const Rewriter& rewriter, const Node& node) {
  if (node.op != &ops::op_add() || node.epilogue.residual || node.inputs.size() != 2) return false;
  const Value& a = rewriter.value(node.inputs[0]);
  const Value& b = rewriter.value(node.inputs[1]);
  return !a.constant && !b.constant && a.desc.dtype == DType::f32 && a.desc.dtype == b.desc.dtype &&
         provably_equal(a.desc.shape, b.desc.shape);
}

// A residual stands behind all operands that the op could have, so that it is not taken for a bias that was
// left out.
void append_residual(Rewriter& rewriter, NodeId id, ValueId residual) {
  const Node& node = rewriter.node(id);
  rewriter.set_input(id, std::max(node.inputs.size(), node.op->max_inputs), residual);
}

}  // namespace

void fuse_residual_add(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (!rewriter.alive(id) || !is_residual_add(rewriter, rewriter.node(id))) continue;
    const Node add = rewriter.node(id);
    const std::string reasons[2] = {reject_reason(rewriter, id, 0), reject_reason(rewriter, id, 1)};
    if (!reasons[0].empty() && !reasons[1].empty()) {
      log_skipped(context, fmt::format("{}: {}; {}", describe(add), reasons[0], reasons[1]));
      continue;
    }
    // The later of two candidates: the other's result is there when it runs.
    const bool second_is_later = rewriter.producer(add.inputs[1]) > rewriter.producer(add.inputs[0]);
    const std::size_t chosen = !reasons[0].empty() || (reasons[1].empty() && second_is_later) ? 1 : 0;
    const NodeId maker_id = rewriter.producer(add.inputs[chosen]);
    const ValueId residual = add.inputs[1 - chosen];
    const std::string line = fmt::format("{} into {}", describe(add), describe(rewriter.node(maker_id)));

    // A node in front of the residual that it takes moves to the Add's place. Only the Add read it, so
    // nothing misses it in between.
    const NodeId fused = rewriter.producer(residual) < maker_id ? (rewriter.absorb(maker_id, id), maker_id)
                                                                : rewriter.absorb_in_place(maker_id, id);
    append_residual(rewriter, fused, residual);
    ops::Epilogue& epilogue = rewriter.node(fused).epilogue;
    epilogue = add.epilogue;
    epilogue.residual = true;
    log_rewrite(context, line);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
