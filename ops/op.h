// An operator: its kind, shape inference, a scalar reference, its cost, and the ways to run it. Ops know
// tensors, not graphs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/attributes.h"
#include "ops/epilogue.h"
#include "ops/hints.h"
#include "runtime/tensor.h"

namespace godwit::ops {

struct Implementation;

// One operand as an op sees it while shapes are inferred and code is prepared.
struct Operand {
  const TensorDesc* desc = nullptr;  // null: an optional operand that was left out
  const Tensor* constant = nullptr;  // its value where that is known at compile time
  bool present() const { return desc != nullptr; }
};

// A graph inside of a node (If, Loop, Scan), held as an attribute. What it reads of the graph around it are
// its last inputs, and the node's last operands.
class Body {
 public:
  virtual ~Body() = default;
  virtual std::size_t input_count() const = 0;
  virtual std::size_t output_count() const = 0;
  // Descriptions of its results for such operands; throws Error about nodes that do not take them.
  virtual std::vector<TensorDesc> infer(std::span<const Operand> inputs) const = 0;
};

// One node as an op sees it. The residual of a fused epilogue is the last input.
struct NodeView {
  std::string_view name;
  const Attributes& attributes;
  std::span<const Operand> inputs;
  // Outputs that the node names; during infer their descs are not there yet (`outputs` is empty).
  std::size_t output_count = 1;
  std::span<const TensorDesc> outputs;
  Epilogue epilogue;
  Hints hints = {};

  bool has_input(std::size_t i) const { return i < inputs.size() && inputs[i].present(); }
  // Number of inputs without the epilogue's residual.
  std::size_t own_inputs() const { return inputs.size() - (epilogue.residual ? 1 : 0); }
  const TensorDesc& input(std::size_t i) const { return *inputs[i].desc; }
  const Shape& shape(std::size_t i) const { return inputs[i].desc->shape; }
};

// Work of one evaluation. 1 MAC = 2 FLOPs; flops counts every arithmetic operation, those of the MACs
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

// The kind of thing that an operator is; passes ask for it and never for a name.
enum class OpKind : std::uint8_t {
  other,          // nothing that a pass could use
  movement,       // computes nothing: elements of operands (OpDef::moves) of any type, in another arrangement
  elementwise,    // each element from those at its place (Add, Sigmoid, Equal)
  clamp,          // operand 0 held between two bounds (Relu, Clip); see OpDef::clamp
  product,        // sums of products with weights (Conv, Gemm, MatMul); see OpDef::product
  pooling,        // a window's elements made one (MaxPool, GlobalAveragePool)
  reduction,      // elements along axes made one (ReduceMean)
  normalization,  // scaled and shifted by statistics (BatchNormalization)
  softmax,        // scores made probabilities
  cast,           // another element type
  quantize,       // 8-bit numbers that stand for real ones (QuantizeLinear, Requantize)
  dequantize,     // and back
  integer,        // ONNX's own operators on 8-bit numbers (QLinearConv, MatMulInteger)
  quantized,      // the engine's form of another operator on 8-bit numbers (OpDef::quantized)
  shape,          // values that follow from descriptions and attributes (Shape, Constant)
  random,         // numbers drawn by a generator (RandomNormal); another library draws others
  control,  // decides while it runs which graphs of its own run, and how often (If, Loop, Scan); no reference
  sequence,  // makes, changes or reads lists of tensors (SequenceAt); no reference
};

// A product as passes see it: dst = alpha · src · weights + beta · bias.
struct Product {
  int channel_axis = 0;  // of the weights: what lies at c along it makes channel c of the result
  float alpha = 1, beta = 1;
  bool transposes_src = false;
};

// Meaning of the elements that attribute `pads` puts around operand 0 of a window.
enum class WindowPadding : std::uint8_t {
  other,   // no window, no such attribute, or something else than below
  zero,    // zeros (Conv)
  lowest,  // less than every element (MaxPool)
};

inline constexpr std::size_t kNoOperand = ~std::size_t{0};

// Sets the true shape in the desc of every result whose size the data decides, before the reference runs;
// descs come with their bounds. Operands have their true shapes. Neither throws nor allocates.
using ExtentsFunction = void (*)(const NodeView& node, std::span<const TensorView> src,
                                 std::span<TensorView> dst);

using CostFunction = Cost (*)(const NodeView& node);
using LayoutFunction = LayoutRule (*)(const NodeView& node);
using NodePredicate = bool (*)(const NodeView& node);
using OperandPredicate = bool (*)(const NodeView& node, std::size_t operand);
using ClampFunction = std::optional<Clamp> (*)(const NodeView& node);
using ProductFunction = std::optional<Product> (*)(const NodeView& node);

struct OpDef {
  std::string_view name;  // ONNX's name; "Reorder" and other internal ones have domain "godwit"
  std::string_view domain = "";
  std::string_view sentence;  // for `godwit list ops`
  // The form described here is ONNX's from this opset on (adapters bring older nodes into it).
  int since_opset = 1;
  std::size_t min_inputs = 1, max_inputs = 1;
  std::size_t min_outputs = 1, max_outputs = 1;
  std::vector<AttributeSpec> attributes = {};

  OpKind kind = OpKind::other;
  // True: this operand's elements are moved. Every element of every result is that of some moved operand;
  // nothing but their order may decide which (MaxPool). Such an op takes 8-bit numbers. Null: moves none.
  OperandPredicate moves = nullptr;
  // Bounds of a clamp; nullopt where they are not known or leave nothing. Set for OpKind::clamp.
  ClampFunction clamp = nullptr;
  // Form of a product; nullopt where the weights do not have the rank for it. Set for OpKind::product, and
  // for OpKind::integer where `quantized` is.
  ProductFunction product = nullptr;
  // Operands that hold weights and bias, where the op can have them.
  std::size_t weights = kNoOperand, bias = kNoOperand;
  WindowPadding padding = WindowPadding::other;
  // The op's form on 8-bit numbers; null: none. A product's has operands as in QuantizedOperand. Any other
  // one has each operand of the op with its scale and zero point behind it, then those of the result. Where
  // its min_inputs let those be left out, the result is f32 without them.
  const OpDef* quantized = nullptr;

  InferFunction infer = nullptr;
  ReferenceFunction reference = nullptr;
  // Set where operands or results may have sizes that only the data decides (at_most() in their shapes); the
  // reference then takes all shapes from src and dst, since the node's have bounds. Null: such a node is
  // refused, unless extents_of() knows better.
  ExtentsFunction extents = nullptr;
  CostFunction cost = nullptr;      // null: element-wise, one FLOP per output element
  LayoutFunction layout = nullptr;  // null: nchw_only
  // Parts of an epilogue that the op's reference and ALL its implementations apply.
  bool fuses_clamp = false;
  bool fuses_residual = false;
  bool fuses_dst_f32 = false;
  // Implementations take 16-bit floats, a product's with a bias in f32.
  bool takes_16_bits = false;
  // Some implementation looks at Hints::sparse_input.
  bool skips_zeros = false;
  // True: output 0 has exactly input 0's bytes, so that no code runs (Reshape, Identity…). Null: never.
  NodePredicate is_view = nullptr;
  // True: result 0 is operand 0, shape and all, also where the shape is not known yet. Null: never.
  NodePredicate is_identity = nullptr;
  // True: the value follows from the operands' descriptions alone (Shape). Null: never.
  NodePredicate folds_from_descs = nullptr;
  // True: with images along dimension 0 of computed operands and results, those of an image follow from it
  // alone and from constants that are the same for all images. Null: never.
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
// True where an operand or a result has a size that only the data decides.
bool has_bounds(const NodeView& node);
// OpDef::extents; for an element-wise op (and clamp and cast) without one, those of broadcasting. Null: the
// op takes no size that only the data decides.
ExtentsFunction extents_of(const OpDef& op);
Cost cost(const OpDef& op, const NodeView& node);

}  // namespace godwit::ops
