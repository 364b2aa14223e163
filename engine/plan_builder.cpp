// Steps from nodes: implementations chosen, views turned into aliases, tensors placed in the arena.
#include "engine/plan_builder.h"

#include <algorithm>
#include <fmt/format.h>

#include "engine/memory_plan.h"
#include "engine/rewrite.h"
#include "ops/known_ops.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/memory.h"

namespace godwit::engine {
namespace {

// True when output 0 needs no code because it is input 0's bytes.
bool is_alias(const Node& node, const ops::NodeView& view) {
  if (node.op->is_view == nullptr || !node.epilogue.empty() || !view.has_input(0) || view.outputs.empty() ||
      node.outputs[0] == kNoValue || ops::has_bounds(view) || !node.op->is_view(view)) {
    return false;
  }
  const TensorDesc& src = view.input(0);
  const TensorDesc& dst = view.outputs[0];
  // Views are defined on row-major bytes; channels-last ones stay the same only under the same shape, or
  // where batch and channels do. Reorder and Transpose know about layouts themselves.
  const bool row_major = src.layout == Layout::nchw && dst.layout == Layout::nchw;
  const bool same = src.layout == dst.layout && src.shape == dst.shape;
  const bool same_pixels = src.layout == Layout::nhwc && dst.layout == Layout::nhwc &&
                           src.shape[0] == dst.shape[0] && src.shape[1] == dst.shape[1];
  const bool knows = node.op == &ops::op_reorder() || node.op == &ops::op_transpose();
  return (row_major || same || same_pixels || knows) && src.bytes() == dst.bytes();
}

// A size that only the data decides needs a bound for the memory plan, and operators that take such sizes.
void require_runnable(const Graph& graph, const Node& node) {
  for (const ValueId id : node.inputs) {
    if (id == kNoValue || ops::extents_of(*node.op) != nullptr || !graph.value(id).desc.shape.bounded())
      continue;
    throw Error(
        fmt::format("it reads '{}' of shape {}, whose size only the data decides; {} needs a size "
                    "that is known when the model is compiled",
                    graph.value(id).name, graph.to_string(graph.value(id).desc.shape), node.op->name));
  }
  for (const ValueId id : node.outputs) {
    if (id == kNoValue || graph.value(id).desc.shape.at_bounds().known()) continue;
    throw Error(fmt::format(
        "the shape of '{}' is {} although all inputs' shapes are given; it depends on data, which "
        "is not supported",
        graph.value(id).name, graph.to_string(graph.value(id).desc.shape)));
  }
}

}  // namespace

PlanBuilder::PlanBuilder(Graph graph, Plan& plan, ops::WeightCache& weights)
    : graph_(std::move(graph)), plan_(plan), weights_(weights), storage_of_(graph_.values.size(), -1) {}

void PlanBuilder::run() {
  place_inputs();
  for (const Node& node : graph_.nodes) {
    with_context([&] { return describe(node); }, [&] { add_node(node); });
  }
  check_choices();
  place_outputs();
  make_chains();
  reuse_residuals();
  place_arena();
  fill_slots();
  plan_.memory_.packed_weight_bytes = weights_.bytes();
}

std::int32_t PlanBuilder::add_storage(Storage added) {
  storages_.push_back(std::move(added));
  return static_cast<std::int32_t>(storages_.size()) - 1;
}

// -1 where the shape is known already.
std::int32_t PlanBuilder::add_decided_shape(const TensorDesc& desc) {
  return desc.shape.bounded() ? static_cast<std::int32_t>(plan_.decided_shapes_++) : -1;
}

void PlanBuilder::place_inputs() {
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
    const ValueId id = graph_.inputs[i];
    plan_.inputs_.push_back({graph_.value(id).name, graph_.value(id).desc});
    storage_of(id) = add_storage({.kind = Slot::Kind::input, .index = static_cast<std::int32_t>(i)});
  }
  for (ValueId id = 0; id < static_cast<ValueId>(graph_.values.size()); ++id) {
    const std::optional<Tensor>& constant = graph_.value(id).constant;
    if (constant) storage_of(id) = add_storage({.kind = Slot::Kind::constant, .constant = *constant});
  }
}

void PlanBuilder::add_node(const Node& node) {
  require_runnable(graph_, node);
  const NodeContext context(graph_, node);
  if (is_alias(node, context.view())) {
    storage_of(node.outputs[0]) = storage_of(node.inputs[0]);
  } else {
    add_step(node, context);
  }
}

Step PlanBuilder::make_step(const ops::OpDef& op, const ops::NodeView& view, std::string_view forced) {
  Step step;
  step.name = view.name;
  step.op = &op;
  step.cost = ops::cost(op, view);
  step.signature = signature_of(op, view);
  step.candidates = ops::explain(op, view, plan_.target(), forced);
  step.executable = ops::prepare(op, view, {.target = plan_.target(), .weights = weights_, .forced = forced},
                                 &step.implementation);
  step.kernel = step.executable->kernel();
  for (const ops::Operand& operand : view.inputs) {
    step.src_descs.push_back(operand.present() ? *operand.desc : TensorDesc{});
  }
  step.dst_descs.assign(view.outputs.begin(), view.outputs.end());
  const ops::Scratch scratch = step.executable->scratch();
  MemoryReport& memory = plan_.memory_;
  memory.shared_scratch_bytes = std::max(memory.shared_scratch_bytes, scratch.shared);
  memory.worker_scratch_bytes = std::max(memory.worker_scratch_bytes, scratch.per_worker);
  return step;
}

void PlanBuilder::add_step(const Node& node, const NodeContext& context) {
  const Choices& choices = plan_.options_.choices;
  Step step = make_step(*node.op, context.view(), forced_implementation(&choices, node));
  step.name = step_name(node);
  step.origins = node.origins;
  names_.insert(step.name);
  if (const auto choice = choices.steps.find(step.name); choice != choices.steps.end()) {
    for (ops::Candidate& candidate : step.candidates) {
      const auto found = choice->second.seconds.find(std::string(candidate.implementation));
      if (found != choice->second.seconds.end()) candidate.seconds = found->second;
    }
  }
  operands_.emplace_back();
  adds_residual_.push_back(node.epilogue.residual);
  hands_lines_.push_back(node.hints.streams_rows);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) read_operand(*step.executable, context, node, i);
  for (const ValueId id : node.outputs) {
    if (id != kNoValue) {
      const TensorDesc& desc = graph_.value(id).desc;
      storage_of(id) = add_storage({.bytes = desc.most_bytes(),
                                    .first = step_count(),
                                    .last = step_count(),
                                    .decided_shape = add_decided_shape(desc)});
    }
    operands_.back().dst.push_back(id == kNoValue ? -1 : storage_of(id));
  }
  plan_.steps_.push_back(std::move(step));
}

void PlanBuilder::check_choices() const {
  for (const auto& [name, choice] : plan_.options_.choices.steps) {
    if (names_.contains(name)) continue;
    throw Error(fmt::format("'{}' is chosen for '{}', but the plan has no step of that name",
                            choice.implementation, name));
  }
}

// A constant that was packed is not kept for the step.
void PlanBuilder::read_operand(const ops::Executable& executable, const NodeContext& context,
                               const Node& node, std::size_t i) {
  const bool is_constant = context.view().inputs[i].constant != nullptr;
  std::int32_t read = -1;
  if (node.inputs[i] != kNoValue && (!is_constant || executable.reads_constant(i))) {
    read = storage_of(node.inputs[i]);
    storage(read).last = step_count();
  }
  operands_.back().src.push_back(read);
}

// A result goes straight into the caller's tensor; where that is not possible (it is an input, a constant, or
// already another output), a copy does it.
void PlanBuilder::place_outputs() {
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    const ValueId id = graph_.outputs[i];
    const auto index = static_cast<std::int32_t>(i);
    plan_.outputs_.push_back({graph_.value(id).name, graph_.value(id).desc});
    Storage& result = storage(storage_of(id));
    if (result.kind == Slot::Kind::arena) {
      result.kind = Slot::Kind::output;
      result.index = index;
      plan_.outputs_.back().decided_shape = result.decided_shape;
    } else {
      add_copy(id, index);
    }
  }
}

void PlanBuilder::add_copy(ValueId id, std::int32_t output) {
  const TensorDesc& desc = graph_.value(id).desc;
  const std::int32_t src = storage_of(id);
  storage(src).last = step_count();
  const std::string name = fmt::format("copy to {}", graph_.value(id).name);
  const ops::Attributes no_attributes;
  const ops::Operand operand{&desc, nullptr};
  const ops::NodeView view{name, no_attributes, {&operand, 1}, 1, {&desc, 1}, {}};
  plan_.steps_.push_back(make_step(ops::op_identity(), view, {}));
  const std::int32_t decided_shape = add_decided_shape(desc);
  plan_.outputs_.back().decided_shape = decided_shape;
  operands_.push_back(
      {{src}, {add_storage({.kind = Slot::Kind::output, .index = output, .decided_shape = decided_shape})}});
  adds_residual_.push_back(false);
  hands_lines_.push_back(false);
}

void PlanBuilder::make_chains() {
  for (std::int32_t first = 0; first < step_count(); ++first) {
    std::int32_t last = first;
    while (hands_lines_[static_cast<std::size_t>(last)] &&
           last - first + 1 < static_cast<std::int32_t>(FusedRows::kMaxLinks))
      ++last;
    if (last > first) make_chain(first, last);
    first = last;
  }
}

// Steps [first, last], both included.
void PlanBuilder::make_chain(std::int32_t first, std::int32_t last) {
  std::vector<FusedRows::Link> links;
  for (std::int32_t s = first; s <= last; ++s) {
    Step& step = plan_.steps_[static_cast<std::size_t>(s)];
    const Operands& operands = operands_[static_cast<std::size_t>(s)];
    const TensorDesc& result = step.dst_descs[0];
    const std::int64_t lines = FusedRows::lines_of(result.shape);
    links.push_back({step.executable->row_streaming(), step.executable->scratch().per_worker, lines,
                     result.bytes() / static_cast<std::size_t>(lines)});
    step.chain = static_cast<std::int32_t>(plan_.fused_rows_.size());
    // No barrier stands between the links: what one of them reads stays until the last one has done its work.
    for (const std::int32_t src : operands.src) {
      if (src >= 0) storage(src).last = std::max(storage(src).last, last);
    }
    if (s < last) storage(operands.dst[0]) = {.kind = Slot::Kind::none};
  }
  plan_.fused_rows_.emplace_back(static_cast<std::size_t>(first), std::move(links), cache_sizes().l2 / 2);
  plan_.memory_.worker_scratch_bytes =
      std::max(plan_.memory_.worker_scratch_bytes, plan_.fused_rows_.back().scratch_bytes());
}

// True where another link of the step's chain reads it.
bool PlanBuilder::read_in_chain(std::int32_t step, std::int32_t operand) const {
  const FusedRows* chain = plan_.fused_rows_of(static_cast<std::size_t>(step));
  for (std::size_t s = chain == nullptr ? 0 : chain->first(); chain != nullptr && s < chain->last(); ++s) {
    if (s != static_cast<std::size_t>(step) && std::ranges::count(operands_[s].src, operand) > 0) return true;
  }
  return false;
}

// A result takes the place of the residual that it adds, where nothing reads that afterwards: memory traffic
// and arena of one tensor less.
void PlanBuilder::reuse_residuals() {
  for (std::int32_t s = 0; s < step_count(); ++s) {
    Operands& operands = operands_[static_cast<std::size_t>(s)];
    const Step& step = plan_.steps_[static_cast<std::size_t>(s)];
    if (!adds_residual_[static_cast<std::size_t>(s)] || !step.executable->may_overwrite_residual()) continue;
    const std::int32_t residual = operands.src.back(), result = operands.dst.front();
    if (residual < 0 || result < 0 || storage(residual).kind != Slot::Kind::arena) continue;
    const bool read_otherwise = std::ranges::count(operands.src, residual) > 1 ||
                                storage(residual).last != s || read_in_chain(s, residual);
    if (read_otherwise || storage(result).kind != Slot::Kind::arena ||
        storage(result).bytes != storage(residual).bytes || step.src_descs.back() != step.dst_descs.front()) {
      continue;
    }
    storage(residual).last = storage(result).last;
    plan_.memory_.sum_bytes += align_up(storage(result).bytes);
    storage(result).bytes = 0;
    for (Operands& later : operands_) {
      std::ranges::replace(later.src, result, residual);
      std::ranges::replace(later.dst, result, residual);
    }
  }
}

void PlanBuilder::place_arena() {
  std::vector<Lifetime> lifetimes;
  std::vector<std::int32_t> in_arena;
  for (std::int32_t s = 0; s < static_cast<std::int32_t>(storages_.size()); ++s) {
    if (storage(s).kind != Slot::Kind::arena || storage(s).bytes == 0) continue;
    lifetimes.push_back({storage(s).bytes, storage(s).first, storage(s).last});
    in_arena.push_back(s);
  }
  const MemoryPlan memory = plan_memory(lifetimes);
  for (std::size_t i = 0; i < in_arena.size(); ++i) storage(in_arena[i]).offset = memory.offsets[i];
  plan_.memory_.arena_bytes = memory.bytes;
  plan_.memory_.lower_bound_bytes = memory.lower_bound;
  plan_.memory_.sum_bytes += memory.sum;
}

Slot PlanBuilder::slot_of(std::int32_t storage_index) {
  if (storage_index < 0) return {};
  const Storage& from = storage(storage_index);
  if (from.kind == Slot::Kind::constant) plan_.constants_.push_back(from.constant);
  return {from.kind, from.index, from.offset, from.constant.data(), from.decided_shape};
}

void PlanBuilder::fill_slots() {
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    for (const std::int32_t src : operands_[i].src) plan_.steps_[i].src.push_back(slot_of(src));
    for (const std::int32_t dst : operands_[i].dst) plan_.steps_[i].dst.push_back(slot_of(dst));
  }
}

}  // namespace godwit::engine
