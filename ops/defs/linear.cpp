// Linear (internal): rows of a tensor of any rank by one matrix, and a bias: MatMul with the Add behind it.
#include <fmt/format.h>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/known_ops.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_linear(const NodeView& node) {
  require_product_dtypes(node);
  require_rank(node, 0, 2);
  require_rank(node, 1, 2, 2);
  const Shape &src = node.shape(0), &weights = node.shape(1);
  const std::int64_t columns = weights.ranked() ? weights[1] : kAnyDim;
  if (has_own_input(node, 2)) {
    require_rank(node, 2, 1, 1);
    if (node.shape(2).ranked()) require_dim("the length of the bias", node.shape(2)[0], columns);
  }
  TensorDesc dst{product_dtype(node), Shape::unranked(), Layout::nchw};
  if (!src.ranked()) return {dst};
  const int last = src.rank() - 1;
  if (weights.ranked() && !may_be_same_dim(src[last], weights[0])) {
    throw Error(fmt::format("shapes {} and {} do not multiply: {} columns on the left, {} rows on the right",
                            src.to_string(), weights.to_string(), src[last], weights[0]));
  }
  dst.shape = src;
  dst.shape[last] = columns;
  require_residual(node, dst);
  return {dst};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& weights = src[1].desc.shape;
  const std::int64_t depth = weights[0], columns = weights[1];
  const bool has_bias = has_own_input(node, 2);
  const std::int64_t count = dst[0].desc.shape.elements();
  visit_float(src[0].desc.dtype, [&]<class T>() {
    const T* a = src[0].as<const T>();
    const T* b = src[1].as<const T>();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t m = i / columns, n = i % columns;
      double sum = 0;
      for (std::int64_t k = 0; k < depth; ++k)
        sum += static_cast<double>(a[m * depth + k]) * static_cast<double>(b[k * columns + n]);
      if (has_bias) sum += real_at(src[2], n);
      set_real(dst[0], i, finish(node, src, i, sum));
    }
  });
}

Cost cost_linear(const NodeView& node) {
  Cost cost;
  if (!node.shape(1).known()) return cost;
  const std::int64_t elements = output_elements(node);
  cost.macs = work_product({elements, node.shape(1)[0]});
  cost.flops =
      work_sum({work_product({2, cost.macs}), has_own_input(node, 2) ? elements : 0, epilogue_flops(node)});
  return cost;
}

// Images are rows, or runs of them.
bool batch_separable(const NodeView& node) {
  return node.inputs[0].constant == nullptr && node.inputs[1].constant != nullptr &&
         (!has_own_input(node, 2) || node.inputs[2].constant != nullptr);
}

std::optional<Product> product(const NodeView& node) {
  if (node.shape(1).rank() != 2 || !is_float(node.input(1).dtype)) return std::nullopt;
  return Product{.channel_axis = 1};
}

}  // namespace

const OpDef& op_linear() {
  static const OpDef def{
      .name = "Linear",
      .domain = "godwit",
      .sentence = "rows of a tensor by one matrix, plus a bias",
      .min_inputs = 2,
      .max_inputs = 3,
      .kind = OpKind::product,
      .product = product,
      .weights = 1,
      .bias = 2,
      .infer = infer_linear,
      .reference = reference,
      .cost = cost_linear,
      .fuses_clamp = true,
      .fuses_residual = true,
      .fuses_dst_f32 = true,
      .takes_16_bits = true,
      .batch_separable = batch_separable,
      .implementations = {&linear_panels},
  };
  return def;
}

}  // namespace godwit::ops
