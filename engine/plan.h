// A plan: a graph compiled for given input shapes and one ISA. Immutable and shared by any number of
// sessions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/choices.h"
#include "engine/fused_rows.h"
#include "engine/graph.h"
#include "engine/pass.h"
#include "engine/tail.h"
#include "ops/implementation.h"

namespace godwit::engine {

struct CompileOptions {
  ops::Target target = {};
  // Shapes by input name; inputs with unknown dimensions that are not named here get 1 for each of them.
  std::map<std::string, Shape> shapes = {};
  // Layout in which the caller hands in an image input (rank 3 or 4); nchw where not named.
  std::map<std::string, Layout> input_layouts = {};
  // The caller hands in and takes f32 whatever real or 8-bit numbers the model has there; it casts them.
  bool f32_inputs = false, f32_outputs = false;
  // Names of the outputs (or of any values) to compute; empty: the model's outputs.
  std::vector<std::string> outputs = {};
  std::vector<std::string> disabled_passes = {};
  int stop_after = -1;
  // f32: a quantised model in real numbers, rounded where it quantises. int8: Error where no layer is
  // quantised. bf16, f16: any model of real numbers; where no layer can be stored so, it runs in f32 and a
  // note says so.
  Precision precision = Precision::automatic;
  int threads = 0;  // that pack weights; 0: usable_cores(). The plan is the same for any number.
  // Implementations to use instead of what the ops' estimates would choose. Error where one names a step that
  // the plan does not have, or an implementation that cannot take it.
  Choices choices = {};
};

// The place where a step finds an operand or puts a result.
struct Slot {
  enum class Kind : std::uint8_t { none, constant, arena, input, output };
  Kind kind = Kind::none;
  std::int32_t index = 0;  // of the graph input or output
  std::size_t offset = 0;  // in the arena
  const void* constant = nullptr;
  // Among the shapes that runs decide (Plan::decided_shapes()); -1 where the size is known.
  std::int32_t decided_shape = -1;
};

struct Step {
  std::string name;  // the last origin's, or the node's own where it stems from no node of the model
  std::vector<std::string> origins;  // the model's own layers done here
  // The same for steps that do the same work on other numbers: op, attributes, epilogue, operands, results.
  std::string signature;
  const ops::OpDef* op = nullptr;
  std::string_view implementation;  // "conv_gemm", "reference"
  std::string kernel;               // "gemm_f32_14x32_avx512"
  ops::Cost cost;
  std::vector<TensorDesc> src_descs, dst_descs;
  std::vector<ops::Candidate> candidates;  // every implementation with its verdict, for explain
  std::unique_ptr<const ops::Executable> executable;
  std::vector<Slot> src, dst;  // none for what the links of a chain hand to each other
  std::int32_t chain = -1;     // of the plan's, where the step is a link of one
};

struct PlanInput {
  std::string name;
  TensorDesc
      desc;  // outputs may have bounds (at_most()), or unknown dimensions, where the data decides a size
  std::int32_t decided_shape = -1;  // as a Slot's
};

// Bytes of the arena, the least they could be, and of weights and scratch.
struct MemoryReport {
  std::size_t arena_bytes = 0;
  std::size_t lower_bound_bytes = 0;  // largest sum of tensors alive at the same step
  std::size_t sum_bytes = 0;          // if nothing shared memory
  std::size_t packed_weight_bytes = 0;
  std::size_t shared_scratch_bytes = 0;
  std::size_t worker_scratch_bytes = 0;
};

class Plan {
 public:
  const std::vector<PlanInput>& inputs() const { return inputs_; }
  // Dimensions that a tail decides are unknown in their descs.
  const std::vector<PlanInput>& outputs() const { return tail_ == nullptr ? outputs_ : all_outputs_; }
  // Results of the steps alone; the same where there is no tail.
  const std::vector<PlanInput>& step_outputs() const { return outputs_; }
  // The nodes that run one by one behind the steps, since only run time can size it; null where nothing does.
  const DynamicTail* tail() const { return tail_.get(); }
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<FusedRows>& fused_rows() const { return fused_rows_; }
  // The chain that step i is a link of; null where it is none.
  const FusedRows* fused_rows_of(std::size_t i) const {
    return steps_[i].chain < 0 ? nullptr : &fused_rows_[static_cast<std::size_t>(steps_[i].chain)];
  }
  // Number of values whose true shape each run finds anew; memory is planned for their bounds.
  std::size_t decided_shapes() const { return decided_shapes_; }
  const MemoryReport& memory() const { return memory_; }
  // Wishes of the options that came to nothing, in sentences for people.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<PassReport>& passes() const { return passes_; }
  // Packed weights, which a tail adds its own to.
  ops::WeightCache& weights() const { return *weights_; }
  const ops::Target& target() const { return options_.target; }
  const Choices& choices() const { return options_.choices; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // int8 where some layer multiplies 8-bit numbers, else bf16 or f16 where some layer reads such, else f32;
  // never automatic.
  Precision precision() const;
  // Totals over all steps.
  ops::Cost cost() const;
  // Images that it computes apart from each other (engine/images.h); 0 where they meet.
  std::int64_t images() const { return images_; }

  // This plan's model for a single image, with the same steps, where this plan takes several and treats them
  // apart (engine/images.h); null otherwise. Its results are this plan's, bit for bit, image by image.
  const std::shared_ptr<const Plan>& one_image() const { return one_image_; }

  // The same model for other input shapes (in the sense of CompileOptions::shapes), over the same packed
  // weights.
  std::shared_ptr<const Plan> with_shapes(const std::map<std::string, Shape>& shapes) const;
  // The same model for the same shapes with other implementations (CompileOptions::choices), over the same
  // packed weights.
  std::shared_ptr<const Plan> with_choices(const Choices& choices) const;

 private:
  friend std::shared_ptr<const Plan> compile(const Graph&, const CompileOptions&);
  friend class PlanBuilder;
  Plan() = default;

  CompileOptions options_;
  std::vector<PlanInput> inputs_, outputs_;
  std::vector<PlanInput> all_outputs_;  // with a tail's
  std::shared_ptr<const DynamicTail> tail_;
  std::vector<Step> steps_;
  std::vector<FusedRows> fused_rows_;
  std::size_t decided_shapes_ = 0;
  MemoryReport memory_;
  std::vector<std::string> notes_;
  std::vector<PassReport> passes_;
  std::map<std::string, std::string> metadata_;
  std::vector<Tensor> constants_;  // kept alive for the steps that read them
  // After the passes that need no shapes; it keeps the model's weights beside their packed copies for as long
  // as the plan lives, since another shape may want another packing. Weights that were never rewritten stay
  // mapped from the model's file, pages that the system can drop; rewritten ones (fold_batch_norm) are
  // resident twice.
  std::shared_ptr<const Graph> graph_;
  std::vector<PassReport> graph_passes_;  // what those passes did
  std::shared_ptr<ops::WeightCache> weights_;
  std::shared_ptr<const Plan> one_image_;
  std::int64_t images_ = 0;
};

// Runs the passes, binds shapes, chooses implementations, packs weights, lays out the arena. Throws Error
// with the node's name as context. Plans with different choices may differ in the last bits of their results,
// within the bounds that hold for each implementation; one plan's results are the same bits for every batch
// and number of threads.
std::shared_ptr<const Plan> compile(const Graph& graph, const CompileOptions& options = {});

}  // namespace godwit::engine
