// recognize_linear: Add(MatMul(x, w), b)  becomes  Linear(x, w, b), where w is a constant matrix and b a
// constant row. x has any number of dimensions; where it is a matrix, fuse_bias makes Gemm of them.
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

// A row of so many elements, whatever dimensions of 1 stand in front.
bool is_row(const Shape& shape, std::int64_t columns) {
  return shape.rank() >= 1 && shape.elements() == columns && shape[shape.rank() - 1] == columns;
}

// The reason why MatMul and Add are no Linear; "" when they are.
std::string reject_reason(const Rewriter& rewriter, NodeId product_id, NodeId add_id, std::size_t made) {
  const Graph& graph = rewriter.graph();
  const Node &product = rewriter.node(product_id), &add = rewriter.node(add_id);
  if (!product.epilogue.empty()) return "it already clamps or adds";
  if (add.epilogue.residual) return "the sum has another operand";
  if (rewriter.only_reader(add.inputs[made]) != add_id) return "others read the result before the sum";
  const Tensor* weights = f32_constant_of(graph, product, 1);
  if (weights == nullptr || weights->shape().rank() != 2) return "its weights are not a constant f32 matrix";
  const Shape& src = rewriter.value(product.inputs[0]).desc.shape;
  const Shape& added = rewriter.value(add.inputs[1 - made]).desc.shape;
  if (!src.ranked() || src.rank() < 2 || added.rank() > src.rank()) return "its operand may be a vector";
  if (!is_row(added, weights->shape()[1])) return "what is added is not one row";
  return "";
}

}  // namespace

void recognize_linear(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& add = rewriter.node(id);
    if (add.op != &ops::op_add()) continue;
    const std::size_t made = f32_constant_of(graph, add, 0) != nullptr ? 1 : 0;
    const Tensor* bias = f32_constant_of(graph, add, 1 - made);
    const NodeId product_id = rewriter.producer(add.inputs[made]);
    if (bias == nullptr || product_id == kNoNode) continue;
    const Node& product = rewriter.node(product_id);
    if (product.op != &ops::op_mat_mul()) continue;
    const std::string reason = reject_reason(rewriter, product_id, id, made);
    if (!reason.empty()) {
      log_skipped(context, fmt::format("{} behind {}: {}", describe(add), describe(product), reason));
      continue;
    }
    ValueId row = add.inputs[1 - made];
    if (bias->shape().rank() != 1) {
      Tensor flat(TensorDesc{DType::f32, {bias->shape().elements()}, Layout::nchw});
      std::ranges::copy(bias->values<float>(), flat.mutable_values<float>().begin());
      row = rewriter.add_constant(fmt::format("{}/row", rewriter.value(row).name), std::move(flat));
    }
    log_rewrite(context, fmt::format("{} and {}", describe(product), describe(add)));
    rewriter.become(id, ops::op_linear(), {product.inputs[0], product.inputs[1], row}, {}, {product_id});
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
