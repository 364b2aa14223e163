// One node built from tensors and attributes: its shapes, its reference results, and every implementation
// held against them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ops/attributes.h"
#include "ops/epilogue.h"
#include "ops/op.h"
#include "runtime/cpu.h"
#include "runtime/tensor.h"
#include "tests/support/tolerance.h"

namespace godwit::support {

// One run of run_implementations.
struct Ran {
  std::string implementation;
  Isa isa = Isa::generic;
  Layout layout = Layout::nchw;
  std::string kernel;
};
bool did_run(const std::vector<Ran>& all, std::string_view implementation);

class OpRunner {
 public:
  explicit OpRunner(std::string_view name, std::string_view domain = "");

  // An operand computed at run time; one described only (for infer); one known at compile time; one left out.
  OpRunner& input(Tensor value);
  OpRunner& input(const TensorDesc& desc);
  OpRunner& input(const Shape& shape);
  OpRunner& constant(Tensor value);
  // An operand computed at run time whose size only the data decides; `shape` has its bounds.
  OpRunner& bounded(Tensor value, const Shape& shape);
  OpRunner& omitted();

  OpRunner& attribute(std::string name, int value);
  OpRunner& attribute(std::string name, std::int64_t value);
  OpRunner& attribute(std::string name, float value);
  OpRunner& attribute(std::string name, const char* value);
  OpRunner& attribute(std::string name, std::vector<std::int64_t> values);
  OpRunner& attribute(std::string name, std::initializer_list<std::int64_t> values);
  OpRunner& attribute(std::string name, std::vector<float> values);
  OpRunner& attribute(std::string name, Tensor value);

  OpRunner& residual(Tensor value);
  OpRunner& clamp(float minimum, float maximum = std::numeric_limits<float>::infinity());
  OpRunner& outputs(std::size_t count);
  // See ops::NodeView.
  OpRunner& sparse_input();

  // The f32 result of 16-bit operands.
  OpRunner& dst_f32();
  // The same node with its f32 operands, but for operand `kept`, rounded to a 16-bit float.
  OpRunner stored_as(DType dtype, std::size_t kept = 99) const;

  const ops::OpDef& op() const { return *op_; }
  std::vector<TensorDesc> infer() const;
  // The shape of output 0.
  Shape shape() const;
  ops::Cost cost() const;
  ops::LayoutRule layout() const;
  bool is_view() const { return holds(op_->is_view); }
  bool folds_from_descs() const { return holds(op_->folds_from_descs); }

  // All results of the reference. Elements that it does not write are NaN (floats) or have all bits set.
  std::vector<Tensor> reference() const;

  // Output 0 of the same node on the absolute values of all operands and real attributes, without the clamp.
  // For ops that are sums of products this is the sum of |a||b| that rounding errors are relative to.
  Tensor magnitudes() const;

  // Runs every implementation of the op that accepts this node (the reference last) for every ISA of this
  // build that the CPU has, with nchw tensors and with nhwc ones where the op's layout rule allows, on 1, 2
  // and 3 threads. Checks results against the reference within `bound`, that they are bitwise the same for
  // every number of threads, that nothing is written outside of results and scratch, and that constants it
  // says it does not read are not read. Where lines can be computed by themselves, that they are the same
  // bits, whatever stands around them.
  std::vector<Ran> run_implementations(const Bound& bound) const;

 private:
  struct Slot {
    TensorDesc desc;
    Tensor value;
    bool present = false;
    bool constant = false;
  };
  class Node;

  bool holds(ops::NodePredicate predicate) const;
  OpRunner& add(Slot slot);
  template <class T>
  OpRunner& set(std::string name, T value);

  const ops::OpDef* op_;
  ops::Attributes attributes_;
  ops::Epilogue epilogue_;
  std::vector<Slot> slots_;
  Slot residual_;
  std::size_t output_count_ = 1;
  bool sparse_input_ = false;
};

// A bound for results that are f32 sums of `length` products. Each term passes through at most `length`
// roundings (its product and the sums), then those of bias, residual, and two scalings; the reference adds
// one. All are relative to the sum of absolute values, and a clamp moves no two values apart. Underflowing
// products lose a subnormal each.
Bound product_sum_bound(const OpRunner& runner, std::int64_t length);

}  // namespace godwit::support
