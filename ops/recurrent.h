// Recurrent layers (RNN, GRU, LSTM): shapes, sequences, directions; what is left to say of each is its cell.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/op.h"

namespace godwit::ops {

// States lie on the stack, since references allocate nothing.
inline constexpr std::int64_t kLargestHidden = 4096;
using State = std::array<double, kLargestHidden>;

// One of ONNX's functions for gates, with the constants that belong to it.
struct Activation {
  double (*function)(double x, double alpha, double beta) = nullptr;
  double alpha = 0, beta = 0;
  double operator()(double x) const { return function(x, alpha, beta); }
};

// Attributes of a node with `gates` gates of which each direction has `activations` functions.
struct RecurrentKind {
  int gates, activations;
  std::array<std::string_view, 3> defaults;
};
struct Recurrent {
  std::int64_t hidden = 0, directions = 1;
  bool reverse = false;                                  // the one direction there is runs backwards
  bool batch_first = false;                              // attribute `layout`
  double clip = 0;                                       // of gates before their function; 0: none
  std::array<std::array<Activation, 3>, 2> activations;  // by direction
};

// Throws Error about attributes and operand shapes that do not fit. Results: Y, Y_h and, where the layer
// keeps one, Y_c.
std::vector<TensorDesc> infer_recurrent(const NodeView& node, const RecurrentKind& kind);
Recurrent recurrent_of(const NodeView& node, const RecurrentKind& kind);
// Those that all have, and the layer's own.
std::vector<AttributeSpec> recurrent_attributes(std::initializer_list<AttributeSpec> own);
Cost cost_of_recurrent(const NodeView& node, int gates);

// The numbers of one direction of one sequence's step, read as doubles.
class Weights {
 public:
  Weights(std::span<const TensorView> src, std::int64_t direction, std::int64_t hidden, int gates);

  // Row `row` of W times the step's input, and of R times a state; what B adds to either.
  double input(std::int64_t row, const TensorView& x, std::int64_t first) const;
  double state(std::int64_t row, const double* state) const;
  double input_bias(std::int64_t row) const { return bias(row); }
  double state_bias(std::int64_t row) const { return bias(rows_ + row); }
  // Element `row` of the peepholes, 0 without them.
  double peephole(std::int64_t row) const;

 private:
  double bias(std::int64_t i) const;

  std::span<const TensorView> src_;
  std::int64_t direction_, hidden_, rows_, inputs_;
};

// One step of a cell: `h` and `c` become the next states. `first` is the offset of the step's input in X.
using CellFunction = void (*)(const NodeView& node, const Recurrent& layer, const Weights& weights,
                              std::int64_t direction, const TensorView& x, std::int64_t first, State& h,
                              State& c);

// All steps of all sequences in all directions. `with_cell`: the layer has a second state (operand 6, result
// 2).
void run_recurrent(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst,
                   const RecurrentKind& kind, CellFunction cell, bool with_cell);

// A gate before its function, held within the layer's clip.
double clip_gate(const Recurrent& layer, double value);

}  // namespace godwit::ops
