// fuse_bias:
//   Add(Conv(x, w, b), c)   becomes   Conv(x, w, b + c), and the same for Gemm
//   Add(MatMul(x, w), c)    becomes   Gemm(x, w, c), where x and w are matrices
// The constant c has one element for each output channel or one for all of them.
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

constexpr int kChannelAxis = 1;  // of what a product with a bias gives

// True where a tensor of this shape is added to results of shape `dst` channel by channel: it has one element
// for each channel, or one for all of them.
bool is_per_channel(const Shape& shape, const Shape& dst) {
  if (dst.rank() <= kChannelAxis || !is_known(dst[kChannelAxis]) || shape.rank() > dst.rank()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool is_channel = dst.rank() - shape.rank() + i == kChannelAxis;
    if (shape[i] != 1 && !(is_channel && shape[i] == dst[kChannelAxis])) return false;
  }
  return true;
}

// The reason why the node that computes operand `made` of this Add cannot take `bias`, the other operand; ""
// when it can.
std::string reject_reason(const Graph& graph, const Node& producer, const Node& add, std::size_t made,
                          const Tensor& bias) {
  if (!producer.epilogue.empty()) return "it already clamps or adds";
  if (add.epilogue.residual) return "the sum has another operand";
  const Shape& shape = graph.value(add.inputs[made]).desc.shape;
  if (producer.op == &ops::op_mat_mul()) {
    if (graph.value(producer.inputs[0]).desc.shape.rank() != 2 || shape.rank() != 2)
      return "it does not multiply two matrices, as Gemm does";
    // Gemm without packed weights is slower than MatMul without.
    if (f32_constant_of(graph, producer, 1) == nullptr) return "its weights are not a constant f32 tensor";
  }
  if (!is_per_channel(bias.shape(), shape)) return "what is added differs within a channel";
  if (!has_operand(producer, producer.op->bias)) return "";
  const Tensor* own = f32_constant_of(graph, producer, producer.op->bias);
  if (own == nullptr) return "its bias is not a constant f32 tensor";
  return is_per_channel(own->shape(), shape) || own->shape() == Shape{shape[kChannelAxis]}
             ? ""
             : "its bias differs from row to row";
}

// A product that has a bias, or the one that is another operator with it.
bool multiplies(const Graph& graph, const Node& node) {
  if (node.op == &ops::op_mat_mul()) return true;
  return node.op->kind == ops::OpKind::product && node.op->bias != ops::kNoOperand && product_of(graph, node);
}

// beta · own + added for each channel; `own` may be null.
Tensor summed(const Tensor* own, double beta, const Tensor& added, std::int64_t channels) {
  Tensor result(TensorDesc{DType::f32, {channels}, Layout::nchw});
  const auto dst = result.mutable_values<float>();
  const auto at = [](const Tensor& tensor, std::size_t c) {
    return static_cast<double>(tensor.values<float>()[tensor.shape().elements() == 1 ? 0 : c]);
  };
  for (std::size_t c = 0; c < dst.size(); ++c) {
    dst[c] = static_cast<float>((own != nullptr ? beta * at(*own, c) : 0.0) + at(added, c));
  }
  return result;
}

void fuse(Rewriter& rewriter, NodeId maker_id, const Node& add, std::size_t made) {
  const Graph& graph = rewriter.graph();
  Node& producer = rewriter.node(maker_id);
  if (producer.op == &ops::op_mat_mul()) producer.op = &ops::op_gemm();
  const std::size_t bias_operand = producer.op->bias;
  const auto beta = static_cast<double>(product_of(graph, producer)->beta);
  const std::int64_t channels = graph.value(add.inputs[made]).desc.shape[kChannelAxis];
  const ValueId added = add.inputs[1 - made];
  const Tensor* own = f32_constant_of(graph, producer, bias_operand);
  ValueId bias = added;
  if (own != nullptr || graph.value(added).desc.shape != Shape{channels}) {
    const std::string name =
        fmt::format("{}+{}", own != nullptr ? graph.value(producer.inputs[bias_operand]).name : producer.name,
                    graph.value(added).name);
    bias = rewriter.add_constant(name, summed(own, beta, *graph.value(added).constant, channels));
  }
  ops::erase_beta(producer.attributes);
  rewriter.set_input(maker_id, bias_operand, bias);
}

}  // namespace

void fuse_bias(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (rewriter.node(id).op != &ops::op_add()) continue;
    const Node add = rewriter.node(id);
    const std::size_t made = f32_constant_of(graph, add, 0) != nullptr ? 1 : 0;
    const Tensor* bias = f32_constant_of(graph, add, 1 - made);
    const NodeId maker_id = rewriter.producer(add.inputs[made]);
    if (bias == nullptr || maker_id == kNoNode) continue;
    const Node& producer = rewriter.node(maker_id);
    if (!multiplies(graph, producer)) continue;
    std::string reason = reject_reason(graph, producer, add, made, *bias);
    if (rewriter.only_reader(add.inputs[made]) != id) reason = "others read the result before the sum";
    if (!reason.empty()) {
      log_skipped(context, fmt::format("{} behind {}: {}", describe(add), describe(producer), reason));
      continue;
    }
    const std::string line = fmt::format("{} into {}", describe(add), describe(producer));
    fuse(rewriter, maker_id, add, made);
    rewriter.absorb(maker_id, id);
    rewriter.node(maker_id).epilogue = add.epilogue;
    log_rewrite(context, line);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
