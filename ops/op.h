// What an operator is: shape inference, a scalar reference, its cost, and the ways to run it. Ops know
// tensors, not graphs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/attributes.h"
#include "ops/epilogue.h"
#include "runtime/tensor.h"

namespace godwit::ops {

struct Implementation;

// One operand as an op sees it while shapes are inferred and code is prepared.
struct Operand {
  const TensorDesc* desc = nullptr;  // null: an optional operand that was left out
  const Tensor* constant = nullptr;  // its value where that is known at compile time
  bool present() const { return desc != nullptr; }
};

// One node as an op sees it. The residual of a fused epilogue is the last input.
struct NodeView {
  std::string_view name;
  const Attributes& attributes;
  std::span<const Operand> inputs;
  // How many outputs the node names; during infer the descs are not there yet (outputs is empty).
  std::size_t output_count = 1;
  std::span<const TensorDesc> outputs;
  Epilogue epilogue;
  // Operand 0 has been clamped to 0 from below: many of its numbers are likely to be 0.
  bool sparse_input = false;

  bool has_input(std::size_t i) const { return i < inputs.size() && inputs[i].present(); }
  // Number of inputs without the epilogue's residual.
  std::size_t own_inputs() const { return inputs.size() - (epilogue.residual ? 1 : 0); }
  const TensorDesc& input(std::size_t i) const { return *inputs[i].desc; }
  const Shape& shape(std::size_t i) const { return inputs[i].desc->shape; }
};

// What one evaluation takes. 1 MAC = 2 FLOPs; flops counts every arithmetic operation, those of the MACs
// included.
struct Cost {
  std::int64_t macs = 0;
  std::int64_t flops = 0;
  std::int64_t weight_bytes = 0;      // constant operands read
  std::int64_t activation_bytes = 0;  // computed operands read and results written
};

// The layouts of a 3-D or 4-D node's tensors (others are always nchw).
enum class LayoutRule {
  nchw_only,  // positions matter and only ONNX's order is understood
  follows,    // any layout, provided that all non-constant operands and results of rank 3 and 4 share it
  nhwc,       // works best channels-last: operand 0 and all results (and the residual) are nhwc
};

// Output descriptions, as many as node.output_count, for operands whose dimensions may be unknown or
// symbolic. Layouts are left nchw. Throws Error about operands that do not fit; the caller adds the node's
// name.
using InferFunction = std::vector<TensorDesc> (*)(const NodeView& node);

// The specification in scalar code: all tensors nchw, results exact up to one rounding of sums made in double
// precision (integers: exact). Applies node.epilogue. Allocates nothing. Omitted operands are !present().
using ReferenceFunction = void (*)(const NodeView& node, std::span<const TensorView> src,
                                   std::span<const TensorView> dst);

using CostFunction = Cost (*)(const NodeView& node);
using LayoutFunction = LayoutRule (*)(const NodeView& node);
using NodePredicate = bool (*)(const NodeView& node);

struct OpDef {
  std::string_view name;  // ONNX's name; "Reorder" and other internal ones have domain "godwit"
  std::string_view domain = "";
  std::string_view sentence;  // for `godwit list ops`
  // The form described here is ONNX's from this opset on (adapters bring older nodes into it).
  int since_opset = 1;
  std::size_t min_inputs = 1, max_inputs = 1;
  std::size_t min_outputs = 1, max_outputs = 1;
  std::vector<AttributeSpec> attributes = {};

  InferFunction infer = nullptr;
  ReferenceFunction reference = nullptr;
  CostFunction cost = nullptr;      // null: element-wise, one FLOP per output element
  LayoutFunction layout = nullptr;  // null: nchw_only
  // Which parts of an epilogue the op's reference and ALL its implementations apply.
  bool fuses_clamp = false;
  bool fuses_residual = false;
  bool fuses_dst_f32 = false;
  // Whether implementations take 16-bit floats, with a bias (input 2) in f32.
  bool takes_16_bits = false;
  // True: output 0 has exactly input 0's bytes, so that no code runs (Reshape, Identity…). Null: never.
  NodePredicate is_view = nullptr;
  // True: the value follows from the operands' descriptions alone (Shape). Null: never.
  NodePredicate folds_from_descs = nullptr;
  // True: where dimension 0 of every computed operand and of every result counts images, each image's results
  // follow from that image and from constants that are the same for all of them. Null: never.
  NodePredicate batch_separable = nullptr;
  // From most special to most general; the reference follows implicitly.
  std::vector<const Implementation*> implementations = {};
};

// Every op of this build, sorted by name; made from the files in ops/defs (each defines `op_<file name>()`).
std::span<const OpDef* const> all_ops();
// Null when there is none.
const OpDef* find_op(std::string_view name, std::string_view domain = "");

// Shape inference of one node with the generic checks: numbers of operands and results, attributes, required
// operands present. What comes back is output_count descriptions.
std::vector<TensorDesc> infer(const OpDef& op, const NodeView& node);
Cost cost(const OpDef& op, const NodeView& node);

}  // namespace godwit::ops
