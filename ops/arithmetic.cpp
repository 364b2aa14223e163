// Checks of operands, and counting work without overflow.
#include "ops/arithmetic.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <string>
#include <vector>

#include "ops/axes.h"
#include "ops/layout.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::string join_names(std::span<const DType> dtypes) {
  std::string text;
  for (std::size_t i = 0; i < dtypes.size(); ++i) {
    if (i > 0) text += i + 1 == dtypes.size() ? " or " : ", ";
    text += name_of(dtypes[i]);
  }
  return text;
}

}  // namespace

void require_one_dtype(const NodeView& node, std::span<const DType> allowed) {
  const DType dtype = node.input(0).dtype;
  if (std::ranges::find(allowed, dtype) == allowed.end()) {
    throw Error(fmt::format("input 0 is {}, expected {}", name_of(dtype), join_names(allowed)));
  }
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i) && node.input(i).dtype != dtype) {
      throw Error(fmt::format("input {} is {}, expected {} as input 0", i, name_of(node.input(i).dtype),
                              name_of(dtype)));
    }
  }
}

void require_product_dtypes(const NodeView& node, std::span<const DType> allowed) {
  std::vector<Operand> operands(node.inputs.begin(), node.inputs.end());
  if (is_16_bit_float(node.input(0).dtype)) {
    if (has_own_input(node, 2) && node.input(2).dtype == DType::f32) operands[2] = {};
    if (node.epilogue.residual && node.epilogue.dst_f32) operands.back() = {};
  }
  NodeView alike = node;
  alike.inputs = operands;
  require_one_dtype(alike, allowed);
}

DType product_dtype(const NodeView& node) { return node.epilogue.dst_f32 ? DType::f32 : node.input(0).dtype; }

void require_rank(const NodeView& node, std::size_t i, int minimum, int maximum) {
  const Shape& shape = node.shape(i);
  if (!shape.ranked() || (shape.rank() >= minimum && shape.rank() <= maximum)) return;
  const std::string expected = minimum == maximum    ? fmt::format("{}", minimum)
                               : maximum == kMaxRank ? fmt::format("at least {}", minimum)
                                                     : fmt::format("{} to {}", minimum, maximum);
  throw Error(fmt::format("input {} has {} ({}), expected {}", i, counted(shape.rank(), "dimension"),
                          shape.to_string(), expected));
}

void require_dim(std::string_view what, std::int64_t actual, std::int64_t expected) {
  if (!may_be_same_dim(actual, expected))
    throw Error(fmt::format("{} is {}, expected {}", what, actual, expected));
}

void require_residual(const NodeView& node, const TensorDesc& dst) {
  if (!node.epilogue.residual) return;
  const Shape& shape = node.inputs.back().desc->shape;
  bool fits = !shape.ranked() || !dst.shape.ranked() || shape.rank() == dst.shape.rank();
  for (int axis = 0; fits && shape.ranked() && axis < dst.shape.rank(); ++axis) {
    fits = may_be_same_dim(shape[axis], dst.shape[axis]);
  }
  if (!fits) {
    throw Error(
        fmt::format("the residual has shape {}, expected {}", shape.to_string(), dst.shape.to_string()));
  }
}

std::int64_t work_product(std::initializer_list<std::int64_t> factors) {
  if (std::ranges::find(factors, 0) != factors.end()) return 0;
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return std::numeric_limits<std::int64_t>::max();
  }
  return product;
}

std::int64_t work_sum(std::initializer_list<std::int64_t> terms) {
  std::int64_t sum = 0;
  for (const std::int64_t term : terms) {
    if (__builtin_add_overflow(sum, term, &sum)) return std::numeric_limits<std::int64_t>::max();
  }
  return sum;
}

std::int64_t output_elements(const NodeView& node) {
  if (node.outputs.empty() || !node.outputs[0].shape.known()) return 0;
  return node.outputs[0].shape.elements();
}

std::int64_t epilogue_flops(const NodeView& node) {
  const int operations = (node.epilogue.residual ? 1 : 0) + (node.epilogue.clamps() ? 1 : 0);
  return work_product({operations, output_elements(node)});
}

LayoutRule channels_last(const NodeView& node) {
  return can_be_nhwc(node.shape(0)) ? LayoutRule::nhwc : LayoutRule::nchw_only;
}

}  // namespace godwit::ops
