// Turns a graph with bound shapes into the steps and the memory of a plan.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/plan.h"

namespace godwit::engine {

// Everything a plan is made from; all plans of one model share `graph` and `weights`.
struct PlanSource {
  std::shared_ptr<const Graph> graph;  // after the passes that need no shapes
  std::vector<PassReport> passes;      // what those did
  std::shared_ptr<ops::WeightCache> weights;
  CompileOptions options;
};

class PlanBuilder {
 public:
  static std::shared_ptr<const Plan> build(PlanSource source);

 private:
  // Memory that one or (through views) several values share.
  struct Storage {
    Slot::Kind kind = Slot::Kind::arena;
    std::int32_t index = 0;
    std::size_t bytes = 0;
    std::size_t offset = 0;
    std::int32_t first = 0, last = 0;  // steps
    Tensor constant = {};
    std::int32_t decided_shape = -1;  // see Slot
  };
  // The storage behind a step's operands and results; -1 for none.
  struct Operands {
    std::vector<std::int32_t> src, dst;
  };

  PlanBuilder(Graph graph, Plan& plan, ops::WeightCache& weights);
  void run();
  void place_inputs();
  void add_node(const Node& node);
  Step make_step(const ops::OpDef& op, const ops::NodeView& view, std::string_view forced);
  void add_step(const Node& node, const NodeContext& context);
  void place_outputs();
  void add_copy(ValueId id, std::int32_t output);
  void check_choices() const;
  void read_operand(const ops::Executable& executable, const NodeContext& context, const Node& node,
                    std::size_t i);
  void make_chains();
  void make_chain(std::int32_t first, std::int32_t last);
  bool read_in_chain(std::int32_t step, std::int32_t operand) const;
  void reuse_residuals();
  void place_arena();
  void fill_slots();

  std::int32_t add_storage(Storage storage);
  std::int32_t add_decided_shape(const TensorDesc& desc);
  std::int32_t& storage_of(ValueId id) { return storage_of_[static_cast<std::size_t>(id)]; }
  Storage& storage(std::int32_t index) { return storages_[static_cast<std::size_t>(index)]; }
  std::int32_t step_count() const { return static_cast<std::int32_t>(plan_.steps_.size()); }
  Slot slot_of(std::int32_t storage_index);

  const Graph graph_;
  Plan& plan_;
  ops::WeightCache& weights_;
  std::vector<Storage> storages_;
  std::vector<std::int32_t> storage_of_;  // by value, -1: not yet
  std::vector<Operands> operands_;        // by step
  std::vector<bool> adds_residual_;       // by step
  std::vector<bool> hands_lines_;         // by step
  std::set<std::string> names_;           // of the steps that nodes became
};

}  // namespace godwit::engine
