// fuse_bias: Add(Conv(x, w, b), c) → Conv(x, w, b + c) and Add(Gemm(x, w, b), c) → Gemm(x, w, b + c), for a
// constant c of one number for each output channel or one for all of them; Add(MatMul(x, w), c) →
// Gemm(x, w, c) where x and w are matrices.
#include <fmt/format.h>

#include "engine/rewrite.h"

namespace godwit::engine::passes {
namespace {

constexpr std::size_t kBias = 2;  // operand of Conv and of Gemm
constexpr int kChannelAxis = 1;   // of both results

const Tensor* constant_of(const Graph& graph, const Node& node, std::size_t i) {
  if (i >= node.inputs.size() || node.inputs[i] == kNoValue) return nullptr;
  const std::optional<Tensor>& constant = graph.value(node.inputs[i]).constant;
  return constant && constant->dtype() == DType::f32 ? &*constant : nullptr;
}

bool has_bias(const Node& producer) {
  return producer.inputs.size() > kBias && producer.inputs[kBias] != kNoValue;
}

// Whether a tensor of this shape, added to results of shape `dst`, has one number for each of dst's channels
// or one for all of them.
bool is_per_channel(const Shape& shape, const Shape& dst) {
  if (dst.rank() <= kChannelAxis || !is_known(dst[kChannelAxis]) || shape.rank() > dst.rank()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool is_channel = dst.rank() - shape.rank() + i == kChannelAxis;
    if (shape[i] != 1 && !(is_channel && shape[i] == dst[kChannelAxis])) return false;
  }
  return true;
}

// Why the node that computes operand `made` of this Add cannot take `bias`, the other operand; "" when it
// can.
std::string reject_reason(const Graph& graph, const Node& producer, const Node& add, std::size_t made,
                          const Tensor& bias) {
  if (!producer.epilogue.empty()) return "it already clamps or adds";
  if (add.epilogue.residual) return "the sum has another operand";
  const Shape& shape = graph.value(add.inputs[made]).desc.shape;
  if (producer.op->name == "MatMul") {
    if (graph.value(producer.inputs[0]).desc.shape.rank() != 2 || shape.rank() != 2)
      return "it does not multiply two matrices, as Gemm does";
    // Gemm without packed weights is slower than MatMul without.
    if (constant_of(graph, producer, 1) == nullptr) return "its weights are not a constant f32 tensor";
  }
  if (!is_per_channel(bias.shape(), shape)) return "what is added differs within a channel";
  if (!has_bias(producer)) return "";
  const Tensor* own = constant_of(graph, producer, kBias);
  if (own == nullptr) return "its bias is not a constant f32 tensor";
  return is_per_channel(own->shape(), shape) || own->shape() == Shape{shape[kChannelAxis]}
             ? ""
             : "its bias differs from row to row";
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
  Graph& graph = rewriter.graph();
  Node& producer = rewriter.node(maker_id);
  if (producer.op->name == "MatMul") producer.op = ops::find_op("Gemm");
  const double beta =
      producer.op->name == "Gemm" ? static_cast<double>(producer.attributes.real("beta", 1.0F)) : 1.0;
  const std::int64_t channels = graph.value(add.inputs[made]).desc.shape[kChannelAxis];
  const ValueId added = add.inputs[1 - made];
  const Tensor* own = constant_of(graph, producer, kBias);
  ValueId bias = added;
  if (own != nullptr || graph.value(added).desc.shape != Shape{channels}) {
    const std::string name =
        fmt::format("{}+{}", own != nullptr ? graph.value(producer.inputs[kBias]).name : producer.name,
                    graph.value(added).name);
    bias = rewriter.add_constant(name, summed(own, beta, *graph.value(added).constant, channels));
  }
  producer.attributes.erase("beta");
  rewriter.set_input(maker_id, kBias, bias);
}

}  // namespace

void fuse_bias(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (rewriter.node(id).op->name != "Add") continue;
    const Node add = rewriter.node(id);
    const std::size_t made = constant_of(graph, add, 0) != nullptr ? 1 : 0;
    const Tensor* bias = constant_of(graph, add, 1 - made);
    const NodeId maker_id = rewriter.producer(add.inputs[made]);
    if (bias == nullptr || maker_id == kNoNode) continue;
    const Node& producer = rewriter.node(maker_id);
    if (producer.op->name != "Conv" && producer.op->name != "Gemm" && producer.op->name != "MatMul") continue;
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
